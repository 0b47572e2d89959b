#pragma once

#include <cstdint>
#include <string>

#include "server/shim/folder.hpp"

namespace fanout::shim {

/// One stream of the program: what comes from its pipe goes to its log. What the disk has no room for is held,
/// and no more is read: the program waits, and nothing is lost.
class Output {
 public:
  /// `cap`: bytes that go to the log; the rest is counted and dropped. 0: no cap.
  Output(Handle pipe, Handle log, std::uint64_t from, std::uint64_t cap)
      : pipe_(std::move(pipe)), log_(std::move(log)), from_(from), cap_(cap) {}

  bool open() const { return pipe_.ok(); }
  bool wants_input() const { return open() && held_.empty(); }
  bool full() const { return !held_.empty(); }
  int fd() const { return pipe_.get(); }
  /// Takes what is there, at most one piece. True when there was something.
  bool pump();
  /// Tries again what did not fit.
  void retry();
  /// Gives up what still does not fit, and the pipe: the program was asked to end.
  void give_up();
  /// To the disk.
  void sync() const;

  /// Where the output ends in the log.
  std::uint64_t end() const { return from_ + written_; }
  std::uint64_t dropped() const { return dropped_; }

 private:
  Handle pipe_, log_;
  std::uint64_t from_, cap_;
  std::uint64_t written_ = 0, dropped_ = 0;
  std::string held_;
};

}  // namespace fanout::shim
