#include "client/render/timeline.hpp"

#include <google/protobuf/struct.pb.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "client/render/json.hpp"
#include "common/duration.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;
using domain::Lane;
using domain::Moment;
using domain::SetupStep;
using domain::Span;

namespace {

constexpr std::size_t kMostLaneColumns = 30;
constexpr std::size_t kClockColumns = 8;
constexpr std::size_t kUsualWidth = 100;  // where nobody looks, and so nothing limits it
constexpr std::size_t kLeastBar = 20;

struct StepLook {
  SetupStep step;
  const char* glyph;
  Ink ink;
  const char* colour;  ///< In a picture.
};

constexpr std::array<StepLook, 7> kLooks{{{SetupStep::queued, "·", Ink::dim, "#d0d4da"},
                                          {SetupStep::worktree, "█", Ink::cyan, "#2f81c1"},
                                          {SetupStep::environment, "▓", Ink::green, "#3fa66a"},
                                          {SetupStep::verify, "▒", Ink::yellow, "#c9a227"},
                                          {SetupStep::slot, "-", Ink::dim, "#b9a7d6"},
                                          {SetupStep::spawn, "▌", Ink::red, "#d1604d"},
                                          {SetupStep::silent, "░", Ink::plain, "#8a94a3"}}};

const StepLook& look_of(SetupStep step) {
  return *std::find_if(kLooks.begin(), kLooks.end(), [&](const StepLook& look) { return look.step == step; });
}

/// When its agent was there, or what there is to say instead.
Moment shown_end(const Lane& lane) {
  Moment end{};
  for (const auto& span : lane.spans) {
    if (span.step != SetupStep::silent) end = span.end;
  }
  return end;
}

/// Every column shows what was under way in its middle; but a step too short for that is not lost where it has room.
std::vector<const Span*> columns_of(const Lane& lane, Moment end, std::size_t width) {
  std::vector<const Span*> columns(width, nullptr);
  const auto column = [&](Moment at) {
    return std::min(width - 1, static_cast<std::size_t>(static_cast<double>(at.count()) * static_cast<double>(width) /
                                                        static_cast<double>(std::max<std::int64_t>(1, end.count()))));
  };
  std::size_t free = 0;
  for (const auto& span : lane.spans) {
    const auto first = std::max(column(span.begin), free);
    const auto last = std::max(first, column(span.end));
    for (auto at = first; at <= last && at < width; ++at) columns[at] = &span;
    // The last column is shared with the next step, which may take it over.
    free = std::min(width - 1, last > first ? last : first + 1);
  }
  return columns;
}

void draw(Line& line, const std::vector<const Span*>& columns) {
  for (std::size_t at = 0; at < columns.size();) {
    const auto* span = columns[at];
    std::string run;
    for (; at < columns.size() && columns[at] == span; ++at) run += span ? look_of(span->step).glyph : " ";
    line.add(run, span ? look_of(span->step).ink : Ink::plain);
  }
}

std::string remark(const Lane& lane) {
  std::string text;
  const auto add = [&](const std::string& more) { text += (text.empty() ? "" : ", ") + more; };
  if (lane.failed) add("failed");
  if (lane.from_pool) add("pool");
  if (lane.from_cache) add("cache");
  if (lane.issue) add("issue " + fine_duration(lane.issue->end));
  return text;
}

std::string legend(const std::vector<Lane>& lanes, const Style& style) {
  Line line(style);
  const char* space = "";
  for (const auto& look : kLooks) {
    const bool used = std::any_of(lanes.begin(), lanes.end(), [&](const Lane& lane) {
      return std::any_of(lane.spans.begin(), lane.spans.end(), [&](const Span& span) { return span.step == look.step; });
    });
    if (!used) continue;
    line.add(space).add(look.glyph, look.ink).add(std::string(" ") + to_string(look.step), Ink::dim);
    space = "   ";
  }
  return line.text();
}

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : printable(text)) {
    switch (c) {
      case '&': safe += "&amp;"; break;
      case '<': safe += "&lt;"; break;
      case '>': safe += "&gt;"; break;
      case '"': safe += "&quot;"; break;
      default: safe += c;
    }
  }
  return safe;
}

// Of the picture, in pixels.
constexpr int kLabelWidth = 220, kBarWidth = 760, kRow = 18, kBar = 12, kTop = 48, kRight = 90;

double pixel(Moment at, Moment end) {
  return kLabelWidth + static_cast<double>(at.count()) * kBarWidth / static_cast<double>(std::max<std::int64_t>(1, end.count()));
}

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  return text;
}

std::string rectangle(double x, double y, double width, double height, const std::string& colour, const std::string& title) {
  return "<rect x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" + number(std::max(width, 0.6)) + "\" height=\"" +
         number(height) + "\" fill=\"" + colour + "\"><title>" + title + "</title></rect>\n";
}

std::string label(double x, double y, const std::string& text, const std::string& more = {}) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\"" + more + ">" + escaped(text) + "</text>\n";
}

std::string lane_svg(const Lane& lane, Moment end, double y) {
  std::string svg = label(kLabelWidth - 8, y + 10, fit(printable(lane.task_id), kMostLaneColumns), " text-anchor=\"end\"");
  for (const auto& span : lane.spans) {
    const auto title = escaped(lane.task_id) + ": " + to_string(span.step) + " " + fine_duration(span.length());
    svg += rectangle(pixel(span.begin, end), y, pixel(span.end, end) - pixel(span.begin, end), kBar, look_of(span.step).colour, title);
  }
  if (lane.issue) {
    const auto title = escaped(lane.task_id) + ": issue " + fine_duration(lane.issue->length());
    svg += rectangle(pixel(lane.issue->begin, end), y + kBar, pixel(lane.issue->end, end) - pixel(lane.issue->begin, end), 2,
                     "#9b59b6", title);
  }
  return svg + label(kLabelWidth + kBarWidth + 8, y + 10, fine_duration(shown_end(lane)));
}

std::string axis_svg(Moment end, double bottom) {
  std::string svg;
  for (int part = 0; part <= 4; ++part) {
    const auto at = end * part / 4;
    const auto x = number(pixel(at, end));
    svg += "<line x1=\"" + x + "\" y1=\"" + std::to_string(kTop - 6) + "\" x2=\"" + x + "\" y2=\"" + number(bottom) +
           "\" stroke=\"#e4e7eb\"/>\n";
    svg += label(pixel(at, end), kTop - 10, fine_duration(at), " text-anchor=\"middle\" fill=\"#6b7280\"");
  }
  return svg;
}

std::string legend_svg(double y) {
  std::string svg;
  double x = kLabelWidth;
  for (const auto& look : kLooks) {
    svg += rectangle(x, y, 10, 10, look.colour, to_string(look.step)) + label(x + 14, y + 9, to_string(look.step));
    x += 100;
  }
  return svg + rectangle(x, y + 4, 10, 2, "#9b59b6", "issue") + label(x + 14, y + 9, "issue");
}

std::string quoted(const std::string& text) {
  google::protobuf::Value value;
  value.set_string_value(text);
  return to_json(value);
}

std::string seconds(Moment moment) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6f", static_cast<double>(moment.count()) / 1e6);
  return text;
}

std::string span_json(const std::string& name, const Span& span) {
  return "{\"step\":\"" + name + "\",\"begin\":" + seconds(span.begin) + ",\"end\":" + seconds(span.end) +
         (span.open ? ",\"underWay\":true" : "") + "}";
}

}  // namespace

std::string fine_duration(std::chrono::microseconds duration) {
  const auto count = duration.count();
  char text[32];
  if (count < 1000) {
    std::snprintf(text, sizeof text, "%.1fms", static_cast<double>(count) / 1e3);
  } else if (count < 1'000'000) {
    std::snprintf(text, sizeof text, "%lldms", static_cast<long long>(count / 1000));
  } else if (count < 60'000'000) {
    std::snprintf(text, sizeof text, "%.2fs", static_cast<double>(count) / 1e6);
  } else {
    return format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(duration));
  }
  return text;
}

std::vector<std::string> waterfall(const v1::Run& run, const Style& style, std::size_t columns) {
  const auto lanes = domain::timeline(run);
  const auto end = domain::end_of(lanes);
  std::size_t ids = 0, remarks = 0;
  for (const auto& lane : lanes) {
    ids = std::max(ids, std::min(kMostLaneColumns, display_width(printable(lane.task_id))));
    remarks = std::max(remarks, display_width(remark(lane)));
  }
  const auto room = columns == kUnlimited ? kUsualWidth : columns;
  const auto beside = ids + 2 + 2 + kClockColumns + (remarks > 0 ? remarks + 2 : 0);
  const auto width = std::max(kLeastBar, room > beside ? room - beside : 0);
  std::vector<std::string> lines;
  for (const auto& lane : lanes) {
    Line line(style, columns);
    line.add(fit(printable(lane.task_id), kMostLaneColumns)).pad_to(ids + 2);
    draw(line, columns_of(lane, end, width));
    const auto time = fine_duration(shown_end(lane));
    line.pad_to(ids + 2 + width + 2 + kClockColumns - std::min(kClockColumns, time.size())).add(time);
    if (const auto more = remark(lane); !more.empty()) line.add("  ").add(more, lane.failed ? Ink::red : Ink::dim);
    lines.push_back(line.text());
  }
  Line scale(style, columns);
  const auto last = fine_duration(end);
  scale.pad_to(ids + 2).add("0", Ink::dim).pad_to(ids + 2 + width - std::min(width, last.size())).add(last, Ink::dim);
  lines.push_back(scale.text());
  lines.push_back(legend(lanes, style));
  return lines;
}

std::string waterfall_svg(const v1::Run& run) {
  const auto lanes = domain::timeline(run);
  const auto end = domain::end_of(lanes);
  const double bottom = kTop + static_cast<double>(lanes.size()) * kRow;
  const auto width = std::to_string(kLabelWidth + kBarWidth + kRight), height = number(bottom + 34);
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + width + "\" height=\"" + height +
                    "\" viewBox=\"0 0 " + width + " " + height + "\" font-family=\"sans-serif\" font-size=\"11\">\n" +
                    "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
  svg += label(8, 18, "Setup of run " + run.id() + (run.name().empty() ? "" : ": " + run.name()), " font-size=\"14\"");
  svg += axis_svg(end, bottom);
  double y = kTop;
  for (const auto& lane : lanes) {
    svg += lane_svg(lane, end, y);
    y += kRow;
  }
  return svg + legend_svg(bottom + 12) + "</svg>\n";
}

std::string waterfall_json(const v1::Run& run) {
  std::string json = "{\"runId\":" + quoted(run.id()) + ",\"tasks\":[";
  bool first = true;
  for (const auto& lane : domain::timeline(run)) {
    json += std::string(std::exchange(first, false) ? "" : ",") + "{\"taskId\":" + quoted(lane.task_id) + ",\"steps\":[";
    for (const auto& span : lane.spans) json += (&span == &lane.spans.front() ? "" : ",") + span_json(to_string(span.step), span);
    json += "]";
    if (lane.issue) json += ",\"issue\":" + span_json("issue", *lane.issue);
    if (lane.failed) json += ",\"failed\":true";
    if (lane.from_pool) json += ",\"fromPool\":true";
    if (lane.from_cache) json += ",\"fromCache\":true";
    json += "}";
  }
  return json + "]}";
}

}  // namespace fanout::client
