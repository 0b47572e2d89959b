#include "client/render/log_view.hpp"

#include <algorithm>
#include <cctype>

#include "client/render/looks.hpp"
#include "client/render/table.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace {

constexpr std::size_t kMostLines = 20'000;
constexpr std::size_t kFrame = 2;   // the title, and the last line
constexpr std::size_t kMargin = 2;  // where hits are marked

std::string lower(std::string text) {
  for (auto& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

std::size_t LogView::page() const { return height_ > kFrame + 1 ? height_ - kFrame - 1 : 1; }

std::size_t LogView::top() const {
  const auto last = rows_.size() - std::min(rows_.size(), page());
  return follows_ ? last : std::min(top_, last);
}

bool LogView::matches(const std::string& text) const {
  return !sought_.empty() && lower(text).find(sought_) != std::string::npos;
}

void LogView::wrap(const std::string& line) {
  const auto room = std::max<std::size_t>(columns_, kMargin + 2) - kMargin - 1;
  const bool hit = matches(line);
  bool first = true;
  for (auto& piece : wrapped(line, room)) {
    rows_.push_back({std::move(piece), first, hit});
    first = false;
  }
}

void LogView::add(const std::string& line) {
  lines_.push_back(printable(line));
  wrap(lines_.back());
  if (lines_.size() <= kMostLines) return;
  lines_.pop_front();
  dropped_ = true;
  do {
    rows_.pop_front();
    top_ -= std::min<std::size_t>(top_, 1);
  } while (!rows_.empty() && !rows_.front().first);
}

void LogView::resize(std::size_t columns, std::size_t rows) {
  height_ = rows;
  if (columns == columns_) return;
  columns_ = columns;
  rows_.clear();
  for (const auto& line : lines_) wrap(line);
}

void LogView::scroll(std::ptrdiff_t rows) {
  const auto last = static_cast<std::ptrdiff_t>(rows_.size() - std::min(rows_.size(), page()));
  const auto wanted = std::clamp<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(top()) + rows, 0, last);
  top_ = static_cast<std::size_t>(wanted);
  follows_ = wanted == last;
}

void LogView::to_start() {
  top_ = 0;
  follows_ = rows_.size() <= page();
}

bool LogView::search(const std::string& text) {
  sought_ = lower(text);
  rows_.clear();
  for (const auto& line : lines_) wrap(line);
  const auto here = top();
  if (here < rows_.size() && rows_[here].hit && rows_[here].first) return true;
  return next() || previous();
}

bool LogView::next() {
  for (auto i = top() + 1; i < rows_.size(); ++i) {
    if (!rows_[i].hit || !rows_[i].first) continue;
    scroll(static_cast<std::ptrdiff_t>(i) - static_cast<std::ptrdiff_t>(top()));
    return true;
  }
  return false;
}

bool LogView::previous() {
  for (auto i = std::min(top(), rows_.size()); i-- > 0;) {
    if (!rows_[i].hit || !rows_[i].first) continue;
    scroll(static_cast<std::ptrdiff_t>(i) - static_cast<std::ptrdiff_t>(top()));
    return true;
  }
  return false;
}

std::string LogView::state() const {
  auto text = numbered(lines_.size(), "line");
  if (dropped_) text = "the last " + text;
  if (follows_) return text + ", at the end";
  return text + ", " + std::to_string(100 * (top() + page()) / std::max<std::size_t>(rows_.size(), 1)) + " %";
}

std::vector<std::string> LogView::lines(const Style& style, const std::string& below) const {
  const auto columns = std::max<std::size_t>(columns_, 2) - 1;
  std::vector<std::string> drawn;
  if (height_ > 3) drawn.push_back(Line(style, columns).add(title_, Ink::bold).add("  " + state(), Ink::dim).text());
  for (auto i = top(); i < rows_.size() && i < top() + page(); ++i) {
    const auto& row = rows_[i];
    Line line(style, columns);
    line.add(row.hit && row.first ? "› " : "", Ink::yellow).pad_to(kMargin);
    drawn.push_back(line.add(row.text, row.hit ? Ink::yellow : Ink::plain).text());
  }
  if (height_ <= 2) return drawn;
  drawn.resize(std::max(drawn.size(), height_ > 3 ? page() + 1 : page()));
  const auto* hints = "↑↓ scroll · / search · n N next, previous · g G start, end · q back";
  drawn.push_back(Line(style, columns).add(below.empty() ? hints : below, below.empty() ? Ink::dim : Ink::plain).text());
  return drawn;
}

}  // namespace fanout::client
