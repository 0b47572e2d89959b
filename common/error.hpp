#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace fanout {

/// What went wrong, as far as the caller can act on it. Each maps to one gRPC status code.
enum class ErrorKind {
  invalid_input,  ///< The request or a file is at fault; the same again fails again.
  not_found,      ///< The thing named is not there.
  precondition,   ///< Fine as asked, but not in the present state.
  already_there,  ///< It exists, and will not be overwritten.
  unavailable,    ///< Out of reach for now; again later may work.
  timed_out,      ///< A deadline passed.
  cancelled,      ///< Somebody asked for an end.
  system,         ///< The operating system or a library refused.
};

/// A failure as one clear sentence for a person: what is wrong and what to do. Never nested.
/// Holds no secret. Thread-safe to copy.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

/// The text of errno `code`, such as "No such file or directory".
std::string errno_text(int code);

}  // namespace fanout
