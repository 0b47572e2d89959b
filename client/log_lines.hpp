#pragma once

#include <string>
#include <string_view>

namespace fanout::client {

/// Bytes of a log, as they come, made into lines that are safe for a terminal. Bounded: a very long line
/// is shown in pieces.
class LogLines {
 public:
  /// What can be shown by now; ends with a line end, or is empty.
  std::string add(std::string_view bytes);
  /// The last line, when it has no end.
  std::string finish();

 private:
  std::string open_;
};

}  // namespace fanout::client
