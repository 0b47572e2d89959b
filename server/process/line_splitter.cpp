#include "server/process/line_splitter.hpp"

#include <algorithm>
#include <utility>

namespace fanout::process {

std::vector<Line> LineSplitter::feed(std::string_view bytes) {
  std::vector<Line> lines;
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto piece = bytes.substr(0, end);
    append(piece, lines);
    offset_ += piece.size();
    bytes.remove_prefix(piece.size());
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(1);
    ++offset_;
    end_line(lines);
  }
  return lines;
}

std::vector<Line> LineSplitter::finish() {
  std::vector<Line> lines;
  if (passing_over_ || pending_.empty()) return lines;
  const bool truncated = pending_.size() > kMaxLineBytes;  // by a CR that no LF followed
  pending_.resize(std::min(pending_.size(), kMaxLineBytes));
  lines.push_back({std::exchange(pending_, {}), begin_, truncated, true});
  return lines;
}

void LineSplitter::append(std::string_view piece, std::vector<Line>& lines) {
  if (passing_over_ || piece.empty()) return;
  // One byte over the limit is kept: it may be the CR of a CRLF, which only the next byte tells.
  const auto room = kMaxLineBytes + 1 - pending_.size();
  pending_ += piece.substr(0, room);
  const bool may_be_crlf = piece.size() <= room && pending_.back() == '\r';
  if (pending_.size() <= kMaxLineBytes || may_be_crlf) return;
  pending_.resize(kMaxLineBytes);
  lines.push_back({std::exchange(pending_, {}), begin_, true, false});
  passing_over_ = true;
}

void LineSplitter::end_line(std::vector<Line>& lines) {
  if (!passing_over_) {
    if (!pending_.empty() && pending_.back() == '\r') pending_.pop_back();
    lines.push_back({std::exchange(pending_, {}), begin_, false, false});
  }
  passing_over_ = false;
  begin_ = offset_;
}

}  // namespace fanout::process
