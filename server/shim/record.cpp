#include "server/shim/record.hpp"

#include <charconv>
#include <map>

namespace fanout::shim {

namespace {

using Fields = std::map<std::string_view, std::string_view>;

/// "key value" lines.
Fields fields_of(std::string_view text) {
  Fields fields;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto space = line.find(' ');
    if (space != std::string_view::npos) fields[line.substr(0, space)] = line.substr(space + 1);
  }
  return fields;
}

template <class Number>
bool read_number(const Fields& fields, std::string_view key, Number& value) {
  const auto field = fields.find(key);
  if (field == fields.end()) return false;
  const auto text = field->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool is_ours(const Fields& fields, int& version) {
  return read_number(fields, "fanout-shim", version) && version >= 1 && version <= kProtocol;
}

Limit limit_named(std::string_view name) {
  return name == "memory" ? Limit::memory : name == "processes" ? Limit::processes : Limit::none;
}

std::string line(const char* key, const std::string& value) { return std::string(key) + ' ' + value + '\n'; }
std::string line(const char* key, std::uint64_t value) { return line(key, std::to_string(value)); }

}  // namespace

std::string to_text(const Birth& birth) {
  return line("fanout-shim", static_cast<std::uint64_t>(birth.version)) +
         line("pid", static_cast<std::uint64_t>(birth.supervisor.pid)) +
         line("start", birth.supervisor.start_time) + line("boot", birth.supervisor.boot_id) +
         line("stdout-from", birth.stdout_from) + line("stderr-from", birth.stderr_from) +
         line("events-from", birth.events_from) + (birth.cgroup.empty() ? "" : line("cgroup", birth.cgroup));
}

std::string to_text(const End& end) {
  std::string text = line("fanout-shim", kProtocol);
  if (end.refused != 0) {
    text += line("refused", static_cast<std::uint64_t>(end.refused));
  } else if (end.code) {
    text += line("code", static_cast<std::uint64_t>(*end.code));
  } else {
    text += line("signal", static_cast<std::uint64_t>(end.signal));
  }
  if (end.timed_out) text += line("timed-out", 1);
  if (end.stopped) text += line("stopped", 1);
  if (end.limit == Limit::memory) text += line("limit", "memory");
  if (end.limit == Limit::processes) text += line("limit", "processes");
  return text + line("duration-ms", static_cast<std::uint64_t>(end.duration.count())) +
         line("stdout-end", end.stdout_end) + line("stderr-end", end.stderr_end) +
         line("events-end", end.events_end) +
         line("dropped-bytes", end.dropped_bytes) + line("peak-memory", end.peak_memory) + line("end", 1);
}

std::optional<Birth> parse_birth(std::string_view text) {
  const auto fields = fields_of(text);
  Birth birth;
  if (!is_ours(fields, birth.version) || !read_number(fields, "pid", birth.supervisor.pid) ||
      birth.supervisor.pid <= 0 || !read_number(fields, "start", birth.supervisor.start_time) || !fields.contains("boot")) {
    return {};
  }
  birth.supervisor.boot_id = fields.at("boot");
  read_number(fields, "stdout-from", birth.stdout_from);
  read_number(fields, "stderr-from", birth.stderr_from);
  read_number(fields, "events-from", birth.events_from);
  if (const auto group = fields.find("cgroup"); group != fields.end()) birth.cgroup = group->second;
  return birth;
}

std::optional<End> parse_end(std::string_view text) {
  const auto fields = fields_of(text);
  int version = 0, code = 0, yes = 0;
  std::int64_t duration = 0;
  if (!is_ours(fields, version) || !fields.contains("end")) return {};
  End end;
  if (read_number(fields, "code", code)) end.code = code;
  const bool ended = end.code || read_number(fields, "signal", end.signal) || read_number(fields, "refused", end.refused);
  if (!ended || code < 0 || end.signal < 0 || end.refused < 0) return {};
  if (!read_number(fields, "duration-ms", duration) || duration < 0) return {};
  end.duration = std::chrono::milliseconds(duration);
  end.timed_out = read_number(fields, "timed-out", yes);
  end.stopped = read_number(fields, "stopped", yes);
  read_number(fields, "stdout-end", end.stdout_end);
  read_number(fields, "stderr-end", end.stderr_end);
  read_number(fields, "events-end", end.events_end);
  read_number(fields, "dropped-bytes", end.dropped_bytes);
  read_number(fields, "peak-memory", end.peak_memory);
  if (const auto limit = fields.find("limit"); limit != fields.end()) end.limit = limit_named(limit->second);
  return end;
}

}  // namespace fanout::shim
