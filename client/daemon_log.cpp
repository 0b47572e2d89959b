// The daemon's own log: a file where `fanout` started it, the journal where systemd did.
#include <fcntl.h>
#include <google/protobuf/struct.pb.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "client/commands.hpp"
#include "client/daemon.hpp"
#include "client/descriptor.hpp"
#include "client/log_lines.hpp"
#include "client/reach.hpp"
#include "client/stream_output.hpp"
#include "common/error.hpp"
#include "common/exit_code.hpp"
#include "common/paths.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace {

constexpr const char* kUnit = "fanoutd.service";
constexpr std::size_t kBlock = 64 << 10;

/// Where it is; empty: in the journal.
std::filesystem::path find_log(Session& session) {
  const bool runs = answers(session.socket());
  const auto info = runs ? ask_daemon(session) : fanout::v1::GetInfoResponse();
  if (info.logs_to_journal()) return {};
  if (!info.log_file().empty()) return info.log_file();
  if (runs) {
    throw Error(ErrorKind::precondition, "fanoutd (pid " + std::to_string(info.pid()) +
                                             ") was started by hand, and has its log where its standard error leads");
  }
  const auto usual = state_directory() / "fanoutd.log";
  std::error_code error;
  if (std::filesystem::exists(usual, error)) return usual;
  if (std::filesystem::exists("/run/systemd/system", error)) return {};
  throw Error(ErrorKind::not_found, "there is no log yet at " + usual.string() + ": fanoutd has not been started here");
}

/// What is printed of a log's bytes: to people without what acts on a terminal, to programs as it is or as JSON.
class Printed {
 public:
  explicit Printed(Session& session) : session_(session) {}

  void add(std::string_view bytes) {
    if (session_.json()) return add_json(bytes);
    session_.out().write(session_.out().is_terminal() ? lines_.add(bytes) : std::string(bytes));
  }

  void finish() {
    if (session_.json() && !open_.empty()) return print_line(std::exchange(open_, {}));
    if (!session_.json()) session_.out().write(lines_.finish());
  }

 private:
  void add_json(std::string_view bytes) {
    open_ += bytes;
    for (auto end = open_.find('\n'); end != open_.npos; end = open_.find('\n')) {
      print_line(open_.substr(0, end));
      open_.erase(0, end + 1);
    }
  }

  void print_line(const std::string& line) {
    google::protobuf::Struct told;
    (*told.mutable_fields())["line"].set_string_value(valid_utf8(line));
    session_.print_json(told);
  }

  Session& session_;
  LogLines lines_;
  std::string open_;  ///< A line whose end has not come yet.
};

/// Where the last `lines` lines of a file of `size` bytes begin.
off_t start_of_last(int fd, off_t size, std::uint32_t lines) {
  if (lines == 0) return size;
  std::string block(kBlock, '\0');
  std::uint32_t left = lines;
  for (off_t end = size; end > 0;) {
    const auto begin = std::max<off_t>(0, end - static_cast<off_t>(kBlock));
    const auto length = pread(fd, block.data(), static_cast<std::size_t>(end - begin), begin);
    if (length <= 0) break;
    for (auto at = length - 1; at >= 0; --at) {
      const bool last_byte = begin + at == size - 1;  // ends the last line, begins none
      if (block[static_cast<std::size_t>(at)] == '\n' && !last_byte && --left == 0) return begin + at + 1;
    }
    end = begin;
  }
  return 0;
}

/// All from `offset` on; where it ended. A file that has become shorter begins anew.
off_t print_from(int fd, off_t offset, Printed& printed) {
  struct stat status {};
  if (fstat(fd, &status) == 0 && status.st_size < offset) offset = 0;
  std::string block(kBlock, '\0');
  for (;;) {
    const auto length = pread(fd, block.data(), block.size(), offset);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return offset;
    printed.add(std::string_view(block).substr(0, static_cast<std::size_t>(length)));
    offset += length;
  }
}

/// Blocks until something has become of a file that is watched.
bool wait_for_change(int watch) {
  alignas(inotify_event) char buffer[4096];
  ssize_t length = 0;
  while ((length = read(watch, buffer, sizeof buffer)) < 0 && errno == EINTR) {
  }
  return length > 0;
}

/// A file that is open is gone when it has no name any more.
bool is_there(int fd) {
  struct stat status {};
  return fstat(fd, &status) == 0 && status.st_nlink > 0;
}

void print_file(const std::filesystem::path& file, const DaemonLogsOptions& options, Printed& printed) {
  const Descriptor log(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  const Descriptor watch(inotify_init1(IN_CLOEXEC));
  // Before the first look, so that nothing comes between.
  if (log && watch && options.follow) {
    inotify_add_watch(watch.get(), file.c_str(), IN_MODIFY | IN_ATTRIB);
  }
  struct stat status {};
  if (!log || fstat(log.get(), &status) != 0) throw Error(ErrorKind::system, "cannot read " + file.string() + ": " + errno_text(errno));
  auto offset = print_from(log.get(), start_of_last(log.get(), status.st_size, options.lines), printed);
  while (options.follow && is_there(log.get()) && wait_for_change(watch.get())) {
    offset = print_from(log.get(), offset, printed);
  }
}

void print_journal(const DaemonLogsOptions& options, Printed& printed) {
  std::vector<std::string> words{"journalctl", "--user",      "--unit", kUnit, "--output=cat", "--quiet", "--no-pager",
                                 "--lines",    std::to_string(options.lines)};
  if (options.follow) words.push_back("--follow");
  const int code = stream_output(words, false, [&](std::string_view bytes) { printed.add(bytes); });
  if (code == 127) throw Error(ErrorKind::not_found, "the log is in the journal, and there is no journalctl in PATH");
  if (code != 0) throw Error(ErrorKind::system, "journalctl ended with " + std::to_string(code));
}

}  // namespace

int daemon_logs(Session& session, const DaemonLogsOptions& options) {
  const auto file = find_log(session);
  Printed printed(session);
  if (file.empty()) {
    print_journal(options, printed);
  } else {
    print_file(file, options, printed);
  }
  printed.finish();
  return kExitOk;
}

}  // namespace fanout::client
