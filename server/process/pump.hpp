#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "server/async/async.hpp"
#include "server/process/line_splitter.hpp"
#include "server/process/process.hpp"
#include "server/process/spawn.hpp"

namespace fanout::process {

/// Reads one pipe to its end: first to the log, then to the listener.
class Pump {
 public:
  Pump(const async::Executor& executor, Stream stream, Descriptor pipe, std::shared_ptr<LogFile> log)
      : stream_(stream), pipe_(executor, pipe.release()), log_(std::move(log)) {}

  /// To the pipe's end, or to the end that finish_with_what_is_there() sets. Not to be cancelled.
  awaitable<void> run(async::WorkerPool& pool, const Listener& listener);
  /// For a pipe whose other end somebody out of reach may hold for ever, or fill for ever.
  void finish_with_what_is_there();
  std::uint64_t bytes() const { return bytes_; }

 private:
  awaitable<void> tell(const Listener& listener, std::vector<Line> lines);

  Stream stream_;
  boost::asio::posix::stream_descriptor pipe_;
  std::shared_ptr<LogFile> log_;
  LineSplitter splitter_;
  std::uint64_t bytes_ = 0;
  bool waiting_ = false;
  std::optional<std::size_t> left_;  ///< What is still to be read, once that is known.
};

}  // namespace fanout::process
