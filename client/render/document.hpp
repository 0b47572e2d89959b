#pragma once

#include <string>
#include <variant>
#include <vector>

namespace fanout::client {

/// A text that is written as Markdown or as a page: what it is made of, and no more than that. Texts of others may hold
/// anything; both ways of writing see to it that they show as what they are.
namespace document {

struct Heading {
  int level;  ///< 1 to 4.
  std::string text;
};
struct Paragraph {
  std::string text;
};
struct Quote {
  std::string text;  ///< Of several lines.
};
struct Cell {
  std::string text;
  bool is_code = false;
};
struct Table {
  std::vector<std::string> titles;
  std::vector<std::vector<Cell>> rows;
};
/// Text that is as it was printed, and shown when somebody asks for it.
struct Folded {
  std::string title;
  std::string text;
};

using Block = std::variant<Heading, Paragraph, Quote, Table, Folded>;

}  // namespace document

using Document = std::vector<document::Block>;

/// As GitHub reads it.
std::string to_markdown(const Document& document);

/// A whole page that needs nothing else. `title` is the window's.
std::string to_html(const Document& document, const std::string& title);

}  // namespace fanout::client
