#include "server/github/marker.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "common/text.hpp"

namespace fanout::github {

namespace {

constexpr std::string_view kOpen = "<!-- fanout: ";
constexpr std::string_view kClose = " -->";

std::string encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
    if (letter || (c == '-' && !out.ends_with('-'))) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ptr == text.data() + i + 3) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// Of "RUN/TASK UUID".
std::optional<Marker> parsed(std::string_view text) {
  const auto slash = text.find('/'), space = text.find(' ');
  if (slash == text.npos || space == text.npos || slash > space) return std::nullopt;
  Marker marker{decoded(text.substr(0, slash)), decoded(text.substr(slash + 1, space - slash - 1)),
                std::string(text.substr(space + 1))};
  const bool whole = !marker.run.empty() && !marker.uuid.empty() &&
                     marker.uuid.find_first_of(" <>\n") == std::string::npos;
  return whole ? std::optional(marker) : std::nullopt;
}

}  // namespace

std::string marker_text(const Marker& marker) {
  return std::string(kOpen) + encoded(marker.run) + "/" + encoded(marker.task) + " " + marker.uuid + std::string(kClose);
}

std::string agent_marker_text(std::string_view run, std::string_view task) {
  return "<!-- fanout-agent: " + encoded(run) + "/" + encoded(task) + std::string(kClose);
}

std::vector<Marker> find_markers(std::string_view body) {
  std::vector<Marker> found;
  for (auto at = body.find(kOpen); at != body.npos; at = body.find(kOpen, at)) {
    at += kOpen.size();
    const auto end = body.find(kClose, at);
    if (end == body.npos) break;
    if (auto marker = parsed(body.substr(at, end - at))) found.push_back(std::move(*marker));
  }
  return found;
}

bool is_marked(std::string_view body, std::string_view uuid) {
  const auto markers = find_markers(body);
  return std::any_of(markers.begin(), markers.end(), [&](const Marker& marker) { return marker.uuid == uuid; });
}

}  // namespace fanout::github
