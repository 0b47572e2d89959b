#include "server/process/session.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "server/process/spawn.hpp"

namespace fanout::process {

namespace {

struct Member {
  pid_t pid = 0, group = 0, session = 0;
};

/// Empty when there is no such process or it has ended. /proc/PID/stat reads "1 (name) S parent group
/// session …"; the name may hold anything, brackets too.
std::optional<Member> running(pid_t pid) {
  const Descriptor file(::open(("/proc/" + std::to_string(pid) + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 512> buffer;
  const auto size = file.ok() ? ::read(file.get(), buffer.data(), buffer.size()) : -1;
  if (size <= 0) return std::nullopt;
  const std::string text(buffer.data(), static_cast<std::size_t>(size));
  const auto end_of_name = text.rfind(')');
  if (end_of_name == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(end_of_name + 1));
  char state = 0;
  pid_t parent = 0;
  Member member{pid};
  fields >> state >> parent >> member.group >> member.session;
  if (!fields || state == 'Z' || state == 'X') return std::nullopt;
  return member;
}

pid_t pid_in(std::string_view name) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  return error == std::errc() && end == name.data() + name.size() ? pid : 0;
}

std::vector<Member> members(pid_t leader) {
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), &::closedir);
  std::vector<Member> found;
  while (const auto* entry = proc ? ::readdir(proc.get()) : nullptr) {
    const auto pid = pid_in(entry->d_name);
    const auto member = pid > 0 && pid != leader ? running(pid) : std::nullopt;
    if (member && member->session == leader) found.push_back(*member);
  }
  return found;
}

}  // namespace

std::size_t count_in_session(pid_t leader) { return members(leader).size(); }

void signal_other_groups(pid_t leader, int signal) {
  for (const auto& member : members(leader)) {
    if (member.group == leader) continue;
    // Looked at again through a pidfd: its number might be another's by now.
    const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, member.pid, 0)));
    const auto now = running(member.pid);
    if (process.ok() && now && now->session == leader) {
      ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0);
    }
  }
}

}  // namespace fanout::process
