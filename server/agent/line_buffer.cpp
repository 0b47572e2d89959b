#include "server/agent/line_buffer.hpp"

#include <algorithm>
#include <utility>

namespace fanout::agent {

void LineBuffer::feed(std::string_view bytes, const Take& take) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto piece = bytes.substr(0, end);
    if (!passing_over_ && pending_.size() + piece.size() > limit_) {
      pending_ += piece.substr(0, kKeptOfLongLine);
      pending_.resize(std::min(pending_.size(), kKeptOfLongLine));
      take(pending_, true);
      std::string().swap(pending_);
      passing_over_ = true;
    }
    if (end == std::string_view::npos) {
      if (!passing_over_) pending_ += piece;
      return;
    }
    if (passing_over_) {
      passing_over_ = false;
    } else if (pending_.empty()) {
      end_line(piece, take);
    } else {
      const auto line = std::exchange(pending_, {}) + std::string(piece);
      end_line(line, take);
    }
    bytes.remove_prefix(end + 1);
  }
}

void LineBuffer::finish(const Take& take) {
  passing_over_ = false;
  if (const auto line = std::exchange(pending_, {}); !line.empty()) end_line(line, take);
}

void LineBuffer::end_line(std::string_view line, const Take& take) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  take(line, false);
}

}  // namespace fanout::agent
