#pragma once

#include <filesystem>

namespace fanout::http {

/// A descriptor that listens on a Unix socket at `path`, which only this user can open. What lies there is removed: whoever
/// calls has the folder for himself. The path may be longer than a socket's name can be. Throws Error{system}.
int listen_at(const std::filesystem::path& path);

}  // namespace fanout::http
