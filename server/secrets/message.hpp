#pragma once

#include <google/protobuf/message.h>

#include "common/redact.hpp"

namespace fanout::secrets {

/// Redacts every text of `message` and of all in it, but for what things are known by: ids, branches, commits, paths of
/// folders. A run goes on by those, so they stay as they are.
void redact_message(const Redactor& redactor, google::protobuf::Message& message);

}  // namespace fanout::secrets
