#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fanout::client {

/// Runs a program of the PATH to its end, and hands what it prints on standard output to `sink` as it comes;
/// `with_errors`: what it prints on standard error, too. It shares our terminal, so that Ctrl-C ends both. Returns its
/// exit code, 128 + number when a signal ended it, 127 when it is not there.
int stream_output(const std::vector<std::string>& words, bool with_errors,
                  const std::function<void(std::string_view)>& sink);

}  // namespace fanout::client
