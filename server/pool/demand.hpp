#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>

/// How many worktrees are worth having beforehand. Pure arithmetic.
namespace fanout::pool {

/// What the pool of one repository may come to.
struct Limits {
  std::size_t most = 0;     ///< Worktrees at a time; 0: none.
  std::uint64_t bytes = 0;  ///< On the disk.
};

/// What the last runs in a repository needed.
class Uses {
 public:
  /// A run began `count` tasks at once.
  void add(std::size_t count);
  /// As many as the largest of the last runs.
  std::size_t expected() const;

 private:
  std::deque<std::size_t> last_;
};

/// How many to make now, beside `ready` that take `bytes` together: up to `wanted`, within the limits, at most eight at a
/// time, and a first one alone, since nobody knows yet how large one is.
std::size_t to_make(std::size_t wanted, std::size_t ready, std::uint64_t bytes, const Limits& limits);

}  // namespace fanout::pool
