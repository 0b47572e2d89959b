#include "client/render/document.hpp"

#include "common/text.hpp"
#include "server/domain/subagent/transcript.hpp"

namespace fanout::client {

using namespace document;

namespace {

constexpr const char* kStyle =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1f2328;background:#fff}"
    "table{border-collapse:collapse;margin:1rem 0}th,td{border:1px solid #d0d7de;padding:.3rem .6rem;text-align:left;vertical-align:top}"
    "code,pre{font:13px/1.45 ui-monospace,monospace;background:#f6f8fa}pre{padding:.8rem;overflow:auto}"
    "blockquote{margin:1rem 0;padding:0 1rem;color:#59636e;border-left:.25rem solid #d0d7de;white-space:pre-wrap}"
    "@media(prefers-color-scheme:dark){body{color:#d1d7e0;background:#0d1117}th,td{border-color:#3d444d}code,pre{background:#151b23}"
    "blockquote{color:#9198a1;border-color:#3d444d}}";

/// Line ends become spaces, and what a terminal would obey is gone.
std::string one_line(const std::string& text) {
  std::string line;
  for (const char c : trimmed(text)) line += c == '\n' ? ' ' : c;
  return printable(line);
}

/// Characters that mean something to HTML.
std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&': safe += "&amp;"; break;
      case '<': safe += "&lt;"; break;
      case '>': safe += "&gt;"; break;
      case '"': safe += "&quot;"; break;
      case '\'': safe += "&#39;"; break;
      default: safe += c;
    }
  }
  return safe;
}

/// The same, and those that mean something to Markdown. "@" and "#" would call for people and issues.
std::string plain_markdown(const std::string& text) {
  std::string safe;
  for (const char c : escaped(one_line(text))) {
    if (std::string_view("\\`*_[]{}|~").find(c) != std::string_view::npos) safe += '\\';
    safe += c;
    if (c == '@') safe += "\xE2\x80\x8B";  // a space without width
  }
  return safe;
}

/// A code span: its fence is longer than any in it; "|" would end a cell even there.
std::string code_markdown(const std::string& text) {
  const auto line = one_line(text);
  std::size_t longest = 0, run = 0;
  std::string inner;
  for (const char c : line) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
    inner += c == '|' ? std::string("\\|") : std::string(1, c);
  }
  if (inner.empty()) return "";
  const std::string fence(longest + 1, '`');
  const std::string space = longest > 0 ? " " : "";
  return fence + space + inner + space + fence;
}

struct Markdown {
  std::string operator()(const Heading& one) const { return std::string(static_cast<std::size_t>(one.level), '#') + " " + plain_markdown(one.text) + "\n\n"; }
  std::string operator()(const Paragraph& one) const { return plain_markdown(one.text) + "\n\n"; }
  std::string operator()(const Quote& one) const {
    std::string text;
    for (std::size_t at = 0; at <= one.text.size();) {
      const auto end = std::min(one.text.find('\n', at), one.text.size());
      text += "> " + plain_markdown(one.text.substr(at, end - at)) + "  \n";
      at = end + 1;
    }
    return text + "\n";
  }
  std::string operator()(const Table& one) const {
    std::string text = "|", rule = "|";
    for (const auto& title : one.titles) {
      text += " " + plain_markdown(title) + " |";
      rule += " --- |";
    }
    text += "\n" + rule + "\n";
    for (const auto& row : one.rows) {
      text += "|";
      for (const auto& cell : row) text += " " + (cell.is_code ? code_markdown(cell.text) : plain_markdown(cell.text)) + " |";
      text += "\n";
    }
    return text + "\n";
  }
  std::string operator()(const Folded& one) const {
    return "<details><summary>" + escaped(one_line(one.title)) + "</summary>\n\n" + domain::fenced(valid_utf8(one.text), "text") + "\n</details>\n\n";
  }
};

struct Html {
  std::string operator()(const Heading& one) const {
    const auto name = "h" + std::to_string(one.level);
    return "<" + name + ">" + escaped(one_line(one.text)) + "</" + name + ">\n";
  }
  std::string operator()(const Paragraph& one) const { return "<p>" + escaped(one_line(one.text)) + "</p>\n"; }
  std::string operator()(const Quote& one) const { return "<blockquote>" + escaped(valid_utf8(one.text)) + "</blockquote>\n"; }
  std::string operator()(const Table& one) const {
    std::string text = "<table>\n<tr>";
    for (const auto& title : one.titles) text += "<th>" + escaped(one_line(title)) + "</th>";
    text += "</tr>\n";
    for (const auto& row : one.rows) {
      text += "<tr>";
      for (const auto& cell : row) {
        const auto inner = escaped(one_line(cell.text));
        text += "<td>" + (cell.is_code && !inner.empty() ? "<code>" + inner + "</code>" : inner) + "</td>";
      }
      text += "</tr>\n";
    }
    return text + "</table>\n";
  }
  std::string operator()(const Folded& one) const {
    return "<details><summary>" + escaped(one_line(one.title)) + "</summary><pre>" + escaped(valid_utf8(one.text)) + "</pre></details>\n";
  }
};

}  // namespace

std::string to_markdown(const Document& document) {
  std::string text;
  for (const auto& block : document) text += std::visit(Markdown{}, block);
  while (text.ends_with("\n\n")) text.pop_back();
  return text;
}

std::string to_html(const Document& document, const std::string& title) {
  std::string text = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\n"
                     "<title>" + escaped(one_line(title)) + "</title>\n<style>" + kStyle + "</style></head>\n<body>\n";
  for (const auto& block : document) text += std::visit(Html{}, block);
  return text + "</body></html>\n";
}

}  // namespace fanout::client
