#include "client/log_lines.hpp"

#include "common/text.hpp"

namespace fanout::client {

namespace {

constexpr std::size_t kLongestPiece = 64 << 10;

}  // namespace

std::string LogLines::add(std::string_view bytes) {
  std::string shown;
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    open_ += bytes.substr(0, end);
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
    while (open_.size() > kLongestPiece) {
      const auto piece = head(open_, kLongestPiece);
      const auto length = piece.empty() ? kLongestPiece : piece.size();  // nothing but continuation bytes
      shown += printable(open_.substr(0, length)) + "\n";
      open_.erase(0, length);
    }
    if (end == std::string_view::npos) break;
    shown += printable(open_) + "\n";
    open_.clear();
  }
  return shown;
}

std::string LogLines::finish() {
  if (open_.empty()) return {};
  auto last = printable(open_) + "\n";
  open_.clear();
  return last;
}

}  // namespace fanout::client
