#include "server/shim/landlock.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

#include "server/shim/folder.hpp"

namespace fanout::shim {

namespace {

// As in the kernel's documentation: the system's headers may be older than the kernel that we run on.
constexpr long kCreateRuleset = 444, kAddRule = 445, kRestrictSelf = 446;
constexpr std::uint32_t kVersion = 1;
constexpr int kPathBeneath = 1;
constexpr int kFirstWithRefer = 2, kFirstWithTruncate = 3, kFirstWithScopes = 6;
constexpr std::uint64_t kWriteFile = 1u << 1, kChangeFolders = 0x1ff0u /* remove and make, of every kind */, kRefer = 1u << 13, kTruncate = 1u << 14;
constexpr std::uint64_t kAbstractSockets = 1, kSignals = 2;
constexpr std::uint64_t kOfFiles = kWriteFile | kTruncate;

struct Ruleset {
  std::uint64_t files = 0, network = 0, scoped = 0;
};
struct [[gnu::packed]] PathRule {
  std::uint64_t allowed;
  std::int32_t parent;
};

/// A kernel that knows fewer fields takes a shorter structure.
std::size_t size_of_ruleset(int version) { return version >= kFirstWithScopes ? sizeof(Ruleset) : version >= 4 ? 16 : 8; }

std::uint64_t writes_known_to(int version) {
  return kWriteFile | kChangeFolders | (version >= kFirstWithRefer ? kRefer : 0) | (version >= kFirstWithTruncate ? kTruncate : 0);
}

[[noreturn]] void refuse(const char* doing) { throw std::system_error(errno, std::generic_category(), doing); }

void allow_below(const Handle& rules, const std::string& path, std::uint64_t writes) {
  const Handle opened(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!opened.ok()) return;  // what is not there is not written to
  PathRule rule{writes, opened.get()};
  if (::syscall(kAddRule, rules.get(), kPathBeneath, &rule, 0) == 0) return;
  rule.allowed &= kOfFiles;  // it is no folder
  if (::syscall(kAddRule, rules.get(), kPathBeneath, &rule, 0) != 0) refuse("landlock_add_rule");
}

}  // namespace

int landlock_version() {
  const auto version = ::syscall(kCreateRuleset, nullptr, 0, kVersion);
  return version > 0 ? static_cast<int>(version) : 0;
}

void restrict_by_landlock(const std::vector<std::string>& writable) {
  const int version = landlock_version();
  Ruleset wanted;
  // Rules for files are taken at their word: a kernel that cannot let a file move from folder to folder would forbid it.
  if (!writable.empty() && version >= kFirstWithRefer) wanted.files = writes_known_to(version);
  if (version >= kFirstWithScopes) wanted.scoped = kAbstractSockets | kSignals;
  if (wanted.files == 0 && wanted.scoped == 0) return;
  const Handle rules(static_cast<int>(::syscall(kCreateRuleset, &wanted, size_of_ruleset(version), 0)));
  if (!rules.ok()) refuse("landlock_create_ruleset");
  if (wanted.files != 0) {
    for (const auto& path : writable) allow_below(rules, path, wanted.files);
  }
  if (::syscall(kRestrictSelf, rules.get(), 0) != 0) refuse("landlock_restrict_self");
}

}  // namespace fanout::shim
