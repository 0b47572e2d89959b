#include "client/mcp/lines.hpp"

#include <utility>

namespace fanout::mcp {

std::vector<Lines::Line> Lines::add(std::string_view bytes) {
  std::vector<Line> lines;
  for (auto end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
    put(bytes.substr(0, end));
    lines.push_back(take());
    bytes.remove_prefix(end + 1);
  }
  put(bytes);
  return lines;
}

std::vector<Lines::Line> Lines::finish() {
  if (open_.empty() && !too_long_) return {};
  return {take()};
}

void Lines::put(std::string_view part) {
  if (too_long_ || open_.size() + part.size() > most_bytes_) {
    too_long_ = true;
    std::string().swap(open_);
  } else {
    open_ += part;
  }
}

Lines::Line Lines::take() { return {std::exchange(open_, {}), std::exchange(too_long_, false)}; }

}  // namespace fanout::mcp
