#pragma once

#include <string>

#include "server/async/async.hpp"
#include "server/async/worker_pool.hpp"
#include "server/sandbox/box.hpp"

namespace fanout::sandbox {

/// Whether boxes can be made here.
struct Availability {
  fs::path bwrap;       ///< Empty: they cannot.
  std::string why_not;  ///< Then; the end of a sentence.
  std::string remedy;
};

/// Tries it with bubblewrap from the folders of `search_path`. BLOCKS, a few seconds at most.
Availability probe(const std::string& search_path);

/// What probe() says, asked once: that it works is remembered; that it does not is looked at again, for it can be mended.
/// Lives on the I/O thread; `pool` outlives it.
class Sandboxes {
 public:
  Sandboxes(const async::Executor& executor, async::WorkerPool& pool, std::string search_path)
      : pool_(pool), search_path_(std::move(search_path)), turn_(executor, 1) {}
  async::awaitable<Availability> look();

 private:
  async::WorkerPool& pool_;
  std::string search_path_;
  async::Slots turn_;
  Availability known_;
};

}  // namespace fanout::sandbox
