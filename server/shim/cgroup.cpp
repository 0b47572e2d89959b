#include "server/shim/cgroup.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "server/shim/identity.hpp"

namespace fanout::shim {

namespace {

constexpr int kMostDepth = 16;

/// The number behind `key` in a file of "key number" lines.
std::uint64_t counter_in(const std::string& file, const std::string& key) {
  const auto text = '\n' + read_proc(file);
  const auto at = text.find('\n' + key + ' ');
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at + key.size() + 2, nullptr, 10);
}

void remove_below(const std::string& path, int depth) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), &::closedir);
  while (const auto* entry = folder && depth < kMostDepth ? ::readdir(folder.get()) : nullptr) {
    const std::string name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") remove_below(path + "/" + name, depth + 1);
  }
  ::rmdir(path.c_str());
}

}  // namespace

bool write_cgroup(const std::string& path, const std::string& file, const std::string& text) {
  const Handle handle(::open((path + "/" + file).c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  return handle.ok() && ::write(handle.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

Cgroup::Cgroup(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return;
  path_ = path;
  procs_ = Handle(::open((path + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
}

Cgroup& Cgroup::operator=(Cgroup&& other) noexcept {
  std::swap(path_, other.path_);
  procs_ = std::move(other.procs_);
  return *this;
}

Kept Cgroup::limit(const Limits& limits) const {
  Kept kept;
  if (!ok()) return kept;
  if (limits.memory > 0) {
    kept.memory = write_cgroup(path_, "memory.max", std::to_string(limits.memory));
    write_cgroup(path_, "memory.swap.max", "0");   // else what is over it would only be slow
    write_cgroup(path_, "memory.oom.group", "1");  // half an agent is of no use
  }
  if (limits.processes > 0) kept.processes = write_cgroup(path_, "pids.max", std::to_string(limits.processes));
  if (limits.cpu_weight > 0) kept.cpu_weight = write_cgroup(path_, "cpu.weight", std::to_string(limits.cpu_weight));
  return kept;
}

bool Cgroup::enter() const { return ok() && ::write(procs_.get(), "0", 1) == 1; }

void Cgroup::kill() const {
  if (ok()) kill_cgroup(path_);
}

std::uint64_t Cgroup::memory_hits() const { return ok() ? counter_in(path_ + "/memory.events", "oom_kill") : 0; }
std::uint64_t Cgroup::process_hits() const { return ok() ? counter_in(path_ + "/pids.events", "max") : 0; }
std::uint64_t Cgroup::peak_memory() const {
  return ok() ? std::strtoull(read_proc(path_ + "/memory.peak").c_str(), nullptr, 10) : 0;
}

void Cgroup::remove() {
  procs_.close();
  if (!path_.empty()) remove_cgroup(std::exchange(path_, {}));
}

bool kill_cgroup(const std::string& path) { return write_cgroup(path, "cgroup.kill", "1"); }

void remove_cgroup(const std::string& path) { remove_below(path, 0); }

void enable_controllers(const std::string& path) {
  for (const char* one : {"+memory", "+pids", "+cpu"}) write_cgroup(path, "cgroup.subtree_control", one);
}

std::string own_cgroup(const std::string& proc_self_cgroup) {
  const auto text = '\n' + proc_self_cgroup;
  const auto at = text.find("\n0::/");
  if (at == std::string::npos) return {};
  const auto begin = at + 4;
  return text.substr(begin, text.find('\n', begin) - begin);
}

std::string cgroup_folder(const std::string& path) {
  for (const char* root : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {  // the latter beside version 1
    const auto folder = root + path;
    if (::access((folder + "/cgroup.procs").c_str(), F_OK) == 0) return folder;
  }
  return {};
}

}  // namespace fanout::shim
