#include "server/domain/plan/tree.hpp"

#include <algorithm>

#include "common/text.hpp"

namespace fanout::domain {

const Member* Value::find(const std::string& key) const {
  const auto found =
      std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.key == key; });
  return found == members.end() ? nullptr : &*found;
}

Place place_at(std::string_view text, std::size_t offset, const std::string& file, unsigned first_line) {
  const auto before = text.substr(0, offset);
  const auto newline = before.rfind('\n');
  const auto column = newline == std::string_view::npos ? before.size() : before.size() - newline - 1;
  const auto lines = std::count(before.begin(), before.end(), '\n');
  return {file, first_line + static_cast<unsigned>(lines), static_cast<unsigned>(column) + 1};
}

bool check_utf8(std::string_view text, const std::string& file, unsigned first_line,
                Diagnostics& diagnostics) {
  const auto valid = valid_utf8(text);
  if (valid == text) return true;
  const auto differs = std::mismatch(text.begin(), text.end(), valid.begin(), valid.end()).first;
  const auto offset = static_cast<std::size_t>(differs - text.begin());
  add_error(diagnostics, place_at(text, offset, file, first_line), "",
            "this is not UTF-8: save the file as UTF-8");
  return false;
}

namespace {

void add(Diagnostics& diagnostics, Diagnostic::Severity severity, Place place, std::string field,
         std::string message) {
  diagnostics.push_back({severity, std::move(place), std::move(field), std::move(message)});
}

}  // namespace

void add_error(Diagnostics& diagnostics, Place place, std::string field, std::string message) {
  add(diagnostics, Diagnostic::Severity::error, std::move(place), std::move(field), std::move(message));
}

void add_warning(Diagnostics& diagnostics, Place place, std::string field, std::string message) {
  add(diagnostics, Diagnostic::Severity::warning, std::move(place), std::move(field), std::move(message));
}

void add_note(Diagnostics& diagnostics, Place place, std::string field, std::string message) {
  add(diagnostics, Diagnostic::Severity::note, std::move(place), std::move(field), std::move(message));
}

}  // namespace fanout::domain
