#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace fanout::environment {

/// Consecutive ports that one worktree has for itself.
struct PortBlock {
  std::uint16_t first = 0;
  unsigned count = 0;  ///< 0: none.
  bool overlaps(unsigned begin, unsigned end) const { return first < end && begin < first + count; }
};

/// Which worktree has which ports. A block is a file in a folder, so that the next daemon knows it too; it is free again
/// once its worktree is gone from the disk. No two worktrees that are there share a port.
/// All calls BLOCK. Thread-safe.
class Ports {
 public:
  /// Ports are taken from [first, last]: below those that the kernel gives to clients.
  explicit Ports(std::filesystem::path folder, unsigned first = 20'000, unsigned last = 31'999);

  /// The block that `worktree`, a folder that is there, has already; else a new one, of which nobody uses a port just
  /// now. Throws Error{unavailable}: there is none left; {system}.
  PortBlock reserve(const std::filesystem::path& worktree, unsigned count);

 private:
  struct Reserved {
    PortBlock block;
    std::string worktree;
  };
  void load();
  std::optional<PortBlock> known(const std::string& worktree, unsigned count);
  bool is_free(unsigned first, unsigned count);
  void record(const PortBlock& block, const std::string& worktree);
  void remove(unsigned first);

  const std::filesystem::path folder_;
  const unsigned first_, last_;
  std::mutex mutex_;
  bool loaded_ = false;
  std::map<unsigned, Reserved> reserved_;  ///< By first port.
};

/// Whether nobody listens on the port, on any address of this machine.
bool is_port_unused(std::uint16_t port);

}  // namespace fanout::environment
