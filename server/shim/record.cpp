#include "server/shim/record.hpp"

#include <fcntl.h>
#include <unistd.h>

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
  return std::from_chars(text.data(), text.data() + text.size(), value).ptr == text.data() + text.size();
}

bool is_ours(const Fields& fields, int& version) {
  return read_number(fields, "fanout-shim", version) && version >= 1 && version <= kProtocol;
}

std::string line(const char* key, const std::string& value) { return std::string(key) + ' ' + value + '\n'; }
std::string line(const char* key, std::uint64_t value) { return line(key, std::to_string(value)); }

std::string read_small(const char* path) {
  char buffer[1024];
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  const auto size = ::read(fd, buffer, sizeof buffer);
  ::close(fd);
  return {buffer, static_cast<std::size_t>(size > 0 ? size : 0)};
}

}  // namespace

std::string boot_id() {
  auto id = read_small("/proc/sys/kernel/random/boot_id");
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

Identity identity_of(pid_t pid) {
  Identity identity{pid, 0, boot_id()};
  const auto stat = read_small(("/proc/" + std::to_string(pid) + "/stat").c_str());
  // The name, in parentheses, may hold anything; after it come fields 3, 4, …: the start time is the 22nd.
  auto at = stat.rfind(')');
  if (at != std::string::npos && stat[std::min(at + 2, stat.size() - 1)] == 'Z') return identity;  // waits to be reaped
  for (int field = 2; field < 22 && at != std::string::npos; ++field) at = stat.find(' ', at + 1);
  if (at != std::string::npos) identity.start_time = std::strtoull(stat.c_str() + at + 1, nullptr, 10);
  return identity;
}

std::string to_text(const Birth& birth) {
  return line("fanout-shim", static_cast<std::uint64_t>(birth.version)) +
         line("pid", static_cast<std::uint64_t>(birth.supervisor.pid)) +
         line("start", birth.supervisor.start_time) + line("boot", birth.supervisor.boot_id) +
         line("stdout-from", birth.stdout_from) + line("stderr-from", birth.stderr_from);
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
  return text + line("duration-ms", static_cast<std::uint64_t>(end.duration.count())) +
         line("stdout-end", end.stdout_end) + line("stderr-end", end.stderr_end) +
         line("dropped-bytes", end.dropped_bytes) + line("end", 1);
}

std::optional<Birth> parse_birth(std::string_view text) {
  const auto fields = fields_of(text);
  Birth birth;
  if (!is_ours(fields, birth.version) || !read_number(fields, "pid", birth.supervisor.pid) ||
      !read_number(fields, "start", birth.supervisor.start_time) || !fields.contains("boot")) {
    return {};
  }
  birth.supervisor.boot_id = fields.at("boot");
  read_number(fields, "stdout-from", birth.stdout_from);
  read_number(fields, "stderr-from", birth.stderr_from);
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
  if (!ended || !read_number(fields, "duration-ms", duration)) return {};
  end.duration = std::chrono::milliseconds(duration);
  end.timed_out = read_number(fields, "timed-out", yes);
  end.stopped = read_number(fields, "stopped", yes);
  read_number(fields, "stdout-end", end.stdout_end);
  read_number(fields, "stderr-end", end.stderr_end);
  read_number(fields, "dropped-bytes", end.dropped_bytes);
  return end;
}

}  // namespace fanout::shim
