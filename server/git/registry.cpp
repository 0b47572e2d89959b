#include "server/git/registry.hpp"

#include <map>
#include <string>

namespace fanout::git {

namespace {

/// One entry per repository that this process ever touched: few, and never removed, so that nobody has
/// to prove that no one still waits for it.
std::shared_ptr<std::mutex> mutex_of(const std::filesystem::path& common) {
  static std::mutex guard;
  static std::map<std::string, std::shared_ptr<std::mutex>> all;
  const std::lock_guard lock(guard);
  auto& mutex = all[common.string()];
  if (!mutex) mutex = std::make_shared<std::mutex>();
  return mutex;
}

}  // namespace

RegistryLock::RegistryLock(const std::filesystem::path& common) : mutex_(mutex_of(common)), guard_(*mutex_) {}

}  // namespace fanout::git
