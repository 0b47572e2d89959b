#pragma once

#include <string>

#include "server/github/types.hpp"

namespace fanout::github {

/// A token that says that we are the App: JWT, RS256, good for nine minutes, from a minute ago since clocks differ. `key`:
/// its private key, PEM. Throws Error{precondition} for a key that is none. Pure.
std::string app_jwt(const std::string& app_id, const std::string& key, Time now);

/// Whether `signature`, as the header X-Hub-Signature-256 has it ("sha256=…"), is that of `body` by `secret`. Takes as
/// long for a wrong one as for a right one. Pure.
bool is_signed(const std::string& body, const std::string& signature, const std::string& secret);

}  // namespace fanout::github
