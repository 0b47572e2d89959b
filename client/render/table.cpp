#include "client/render/table.hpp"

#include <algorithm>

#include "common/text.hpp"

namespace fanout::client {

namespace {

constexpr std::size_t kColumnGap = 2;
constexpr std::size_t kLeastWrapped = 20;  // columns; in less, wrapping reads worse than cutting

/// How many bytes of a text that is wider than `columns` fit into them.
std::size_t fitting_bytes(std::string_view text, std::size_t columns) {
  // fit() puts "…" into the last column of what it cuts, and with more text behind it surely cuts.
  return fit(std::string(text) + "  ", columns + 1).size() - std::string_view("…").size();
}

}  // namespace

void Table::add(std::vector<Cell> row) {
  row.resize(columns_.size());
  for (auto& cell : row) cell.text = printable(cell.text);
  rows_.push_back(std::move(row));
}

std::size_t Table::width_of(std::size_t column) const {
  const auto& shape = columns_[column];
  std::size_t width = std::max(shape.least, display_width(shape.title));
  for (const auto& row : rows_) width = std::max(width, display_width(row[column].text));
  return std::min(width, shape.most);
}

/// Where each column begins, and where the last one ends.
std::vector<std::size_t> Table::starts() const {
  std::vector<std::size_t> starts{0};
  for (std::size_t i = 0; i < columns_.size(); ++i) starts.push_back(starts.back() + width_of(i) + kColumnGap);
  return starts;
}

std::string Table::line(const std::vector<Cell>& row, const std::vector<std::size_t>& starts,
                        const Style& style, std::size_t columns) const {
  Line line(style, columns);
  for (std::size_t i = 0; i < row.size(); ++i) {
    const auto room = starts[i + 1] - starts[i] - kColumnGap;
    const auto text = i + 1 < row.size() ? fit(row[i].text, room) : row[i].text;
    const auto indent = columns_[i].right ? room - std::min(room, display_width(text)) : 0;
    line.pad_to(starts[i] + indent).add(text, row[i].ink);
  }
  return line.text();
}

std::vector<std::string> Table::lines(const Style& style, const Layout& layout) const {
  std::vector<std::string> lines;
  const auto begins = starts();
  if (layout.titles) {
    std::vector<Cell> titles;
    for (const auto& column : columns_) titles.push_back({column.title, Ink::dim});
    lines.push_back(line(titles, begins, style, layout.columns));
  }
  const auto last_begin = begins[columns_.size() - 1];
  const bool wraps =
      layout.last_lines > 1 && layout.columns != kUnlimited && layout.columns >= last_begin + kLeastWrapped;
  for (auto row : rows_) {
    std::vector<std::string> pieces{row.back().text};
    if (wraps) pieces = wrapped(row.back().text, layout.columns - last_begin, layout.last_lines);
    row.back().text = pieces.front();
    lines.push_back(line(row, begins, style, layout.columns));
    for (std::size_t i = 1; i < pieces.size(); ++i) {
      lines.push_back(Line(style, layout.columns).pad_to(last_begin).add(pieces[i], row.back().ink).text());
    }
  }
  return lines;
}

std::vector<std::string> wrapped(const std::string& text, std::size_t columns, std::size_t most_lines) {
  std::vector<std::string> lines;
  std::string_view rest = trimmed(text);
  while (lines.size() + 1 < most_lines && display_width(rest) > columns) {
    const auto room = fitting_bytes(rest, columns);
    auto end = rest.rfind(' ', room);  // a space just behind the room is as good
    if (end == std::string_view::npos || end == 0) end = room;
    if (end == 0) break;
    lines.emplace_back(trimmed(rest.substr(0, end)));
    rest = trimmed(rest.substr(end));
  }
  lines.push_back(fit(rest, columns));
  return lines;
}

}  // namespace fanout::client
