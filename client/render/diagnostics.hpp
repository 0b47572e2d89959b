#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <filesystem>
#include <string>

#include "client/render/style.hpp"
#include "fanout/v1/plan.pb.h"

namespace fanout::client {

using Diagnostics = google::protobuf::RepeatedPtrField<fanout::v1::Diagnostic>;

/// `path` as a person in `folder` would write it: relative when it lies below.
std::string shown_path(const std::string& path, const std::filesystem::path& folder);

/// As compilers print it: "plan.yaml:17:5: error: …".
std::string diagnostic_line(const fanout::v1::Diagnostic& diagnostic, const std::filesystem::path& folder,
                            const Style& style);

/// "2 errors, 1 warning", or "no faults".
std::string count_diagnostics(const Diagnostics& diagnostics);

}  // namespace fanout::client
