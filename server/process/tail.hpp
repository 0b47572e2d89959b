#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "server/process/line_splitter.hpp"
#include "server/process/process.hpp"

namespace fanout::process {

/// Follows one log as it grows and tells its lines, each once: those that an earlier daemon has told are left out.
class Tail {
 public:
  /// `from`: where the program's output begins. `told`: offset of the last line that was told already.
  Tail(Stream stream, std::filesystem::path log, std::uint64_t from, std::optional<std::uint64_t> told)
      : stream_(stream), log_(std::move(log)), position_(told.value_or(from)), splitter_(position_),
        skip_(told ? 1 : 0) {}

  /// Reads up to `end`, the log's length by now, and tells the lines.
  awaitable<void> read_to(std::uint64_t end, async::WorkerPool& pool, const Listener& listener);
  /// Tells what is left when nothing more will come.
  awaitable<void> finish(const Listener& listener);
  std::uint64_t position() const { return position_; }
  /// From now on its bytes are told as they come, and no lines.
  void tell_bytes() { raw_ = true; }

 private:
  awaitable<void> tell(std::vector<Line> lines, const Listener& listener);

  Stream stream_;
  std::filesystem::path log_;
  std::uint64_t position_;
  LineSplitter splitter_;
  std::size_t skip_;
  bool muted_ = false, raw_ = false;
};

}  // namespace fanout::process
