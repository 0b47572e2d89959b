#pragma once

#include <string>
#include <vector>

#include "client/render/style.hpp"

namespace fanout::client {

struct Cell {
  std::string text;
  Ink ink = Ink::plain;
};

struct Column {
  std::string title;
  bool right = false;  ///< Aligned to the right.
  std::size_t least = 0;
  std::size_t most = kUnlimited;
};

/// Aligned columns, two spaces apart. Cells are made printable.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void add(std::vector<Cell> row);

  struct Layout {
    std::size_t columns = kUnlimited;  ///< No line is wider.
    bool titles = false;
    /// The last column goes on below itself, for at most this many lines, instead of being cut.
    std::size_t last_lines = 1;
  };
  std::vector<std::string> lines(const Style& style, const Layout& layout) const;

 private:
  std::vector<std::size_t> starts() const;
  std::size_t width_of(std::size_t column) const;
  std::string line(const std::vector<Cell>& row, const std::vector<std::size_t>& starts, const Style& style,
                   std::size_t columns) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

/// `text` broken between words into lines of at most `columns`; a longer word is broken. Never empty.
std::vector<std::string> wrapped(const std::string& text, std::size_t columns,
                                 std::size_t most_lines = kUnlimited);

}  // namespace fanout::client
