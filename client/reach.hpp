#pragma once

#include <chrono>
#include <filesystem>
#include <string>

/// Reaching a daemon, and starting one.
namespace fanout::client {

/// The socket to use: `--socket`, else FANOUT_SOCKET, else the default place. Absolute.
/// Throws Error{invalid_input} when the path is longer than a Unix socket's may be.
std::filesystem::path choose_socket(const std::string& flag);

/// Whether somebody of this user (or root) serves the socket just now. Returns at once.
/// Throws Error{unavailable} when it is another user's, or may not be used.
bool answers(const std::filesystem::path& socket);

/// Whether nobody answers any more in time. BLOCKS.
bool stops_answering_within(const std::filesystem::path& socket, std::chrono::milliseconds limit);

/// Sees to it that a daemon answers on the socket, starting one unless that is not allowed; says so in one
/// line on standard error. Several at once are welcome: one daemon results.
/// Throws Error{unavailable} when there is none in the end.
void ensure_daemon(const std::filesystem::path& socket, bool may_start);

/// Where `fanoutd` is: beside this program, where the build tree or an installation has it, else in PATH.
/// Empty: nowhere.
std::filesystem::path find_daemon_program();

}  // namespace fanout::client
