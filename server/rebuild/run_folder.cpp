#include "server/rebuild/run_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>

#include "common/error.hpp"
#include "server/shim/record.hpp"

namespace fanout::rebuild {

namespace v1 = fanout::v1;
using fanout::internal::v1::RunSpec;

namespace {

constexpr const char* kSpecFile = "spec";
constexpr const char* kOutcomeFile = "outcome";

[[noreturn]] void fail(const fs::path& file) {
  throw Error(ErrorKind::system, "cannot write " + file.string() + ": " + errno_text(errno));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

void write_all(const Descriptor& fd, const std::string& text, const fs::path& file) {
  for (std::size_t done = 0; done < text.size();) {
    const auto size = ::write(fd.get(), text.data() + done, text.size() - done);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) fail(file);
    done += static_cast<std::size_t>(size);
  }
}

/// `time`: of its last change, in place of now.
void write_durably(const fs::path& file, const std::string& text, const timespec* time = nullptr) {
  fs::create_directories(file.parent_path());
  const fs::path draft = file.string() + ".new";
  {
    const Descriptor fd(::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (fd.get() < 0) fail(draft);
    write_all(fd, text, draft);
    const timespec times[] = {{0, UTIME_OMIT}, time ? *time : timespec{0, UTIME_NOW}};
    ::futimens(fd.get(), times);
    if (::fsync(fd.get()) != 0) fail(draft);
  }
  if (::rename(draft.c_str(), file.c_str()) != 0) fail(file);
  const Descriptor folder(::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() >= 0) ::fsync(folder.get());
}

template <class Message>
std::optional<Message> load(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  Message message;
  if (!in || !message.ParseFromIstream(&in)) return std::nullopt;
  return message;
}

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

bool is_kept(const fs::path& entry) {
  const auto name = entry.filename();
  return name == kSpecFile || name == kOutcomeFile;
}

/// Everything below a run's folder but the two files; links are not followed.
template <class F>
void for_each_below(const fs::path& folder, F&& f) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) f(*entry);
}

std::uintmax_t size_of(const fs::path& file) {
  struct stat status {};
  const bool counts = ::lstat(file.c_str(), &status) == 0 && !S_ISDIR(status.st_mode);
  return counts ? static_cast<std::uintmax_t>(status.st_blocks) * 512 : 0;
}

}  // namespace

/// A run's plan never changes, but that tasks may come into an open one; and the time of the file tells when it was begun.
void save_spec(const fs::path& runs, const RunSpec& spec) {
  const auto known = load_spec(runs, spec.run_id());
  if (known && known->tasks_size() >= spec.tasks_size() && known->has_open_plan() == spec.has_open_plan()) return;
  const auto file = runs / spec.run_id() / kSpecFile;
  struct stat before {};
  const bool has_time = known && ::lstat(file.c_str(), &before) == 0;
  write_durably(file, spec.SerializeAsString(), has_time ? &before.st_mtim : nullptr);
}

void save_outcome(const fs::path& runs, const v1::Run& run) {
  write_durably(runs / run.id() / kOutcomeFile, run.SerializeAsString());
}

bool has_outcome(const fs::path& runs, const std::string& run) { return fs::exists(runs / run / kOutcomeFile); }

std::optional<RunSpec> load_spec(const fs::path& runs, const std::string& run) {
  auto spec = load<RunSpec>(runs / run / kSpecFile);
  return spec && spec->run_id() == run ? std::move(spec) : std::nullopt;
}

std::optional<v1::Run> load_outcome(const fs::path& runs, const std::string& run) {
  auto outcome = load<v1::Run>(runs / run / kOutcomeFile);
  return outcome && outcome->id() == run ? std::move(outcome) : std::nullopt;
}

std::int64_t began_at(const fs::path& runs, const std::string& run) {
  struct stat status {};
  return ::lstat((runs / run / kSpecFile).c_str(), &status) == 0 ? status.st_mtim.tv_sec : 0;
}

std::vector<std::string> runs_with_spec(const fs::path& runs) {
  std::vector<std::string> ids;
  std::error_code error;
  for (fs::directory_iterator entry(runs, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (fs::is_regular_file(entry->path() / kSpecFile, ignored)) ids.push_back(entry->path().filename().string());
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

unsigned last_attempt(const fs::path& runs, const std::string& run, const std::string& task) {
  unsigned last = 0;
  std::error_code error;
  for (fs::directory_iterator entry(runs / run / task, error), end; !error && entry != end; entry.increment(error)) {
    const auto name = entry->path().filename().string();
    unsigned number = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
    if (parsed.ec == std::errc() && parsed.ptr == name.data() + name.size()) last = std::max(last, number);
  }
  return last;
}

std::string last_boot(const fs::path& runs, const std::string& run) {
  std::string boot;
  fs::file_time_type newest = fs::file_time_type::min();
  for_each_below(runs / run, [&](const fs::directory_entry& entry) {
    if (entry.path().filename() != shim::kBirthFile) return;
    std::error_code error;
    const auto time = entry.last_write_time(error);
    const auto birth = shim::parse_birth(text_of(entry.path()));
    if (error || !birth || time < newest) return;
    newest = time;
    boot = birth->supervisor.boot_id;
  });
  return boot;
}

std::uintmax_t archive_size(const fs::path& runs, const std::string& run) {
  std::uintmax_t size = 0;
  const auto folder = runs / run;
  for_each_below(folder, [&](const fs::directory_entry& entry) {
    if (entry.path().parent_path() != folder || !is_kept(entry.path())) size += size_of(entry.path());
  });
  return size;
}

std::uintmax_t remove_archive(const fs::path& runs, const std::string& run) {
  const auto size = archive_size(runs, run);
  std::error_code error;
  for (fs::directory_iterator entry(runs / run, error), end; !error && entry != end; entry.increment(error)) {
    if (is_kept(entry->path())) continue;
    std::error_code failed;
    fs::remove_all(entry->path(), failed);
    if (failed) throw Error(ErrorKind::system, "cannot remove " + entry->path().string() + ": " + failed.message());
  }
  return size;
}

}  // namespace fanout::rebuild
