#pragma once

#include <deque>
#include <optional>
#include <string>

#include "client/descriptor.hpp"

namespace fanout::client {

/// Lines that are still being written: of standard input, a FIFO, or a file. Blank ones are left out.
class PlanSource {
 public:
  struct Line {
    unsigned number = 0;    ///< From 1.
    std::string text;
    bool too_long = false;  ///< Longer than a task may be: `text` is empty.
  };

  /// "-" is standard input. A FIFO is waited for until somebody writes to it. Throws Error{invalid_input}.
  explicit PlanSource(const std::string& name);

  /// For people.
  const std::string& name() const { return name_; }
  bool is_standard_input() const { return !file_; }
  /// To wait at until read() does not block; -1: its end was reached, or it was closed.
  int descriptor() const;
  /// Takes what is there. Throws Error{system}.
  void read();
  /// The oldest line that is complete; the end completes the last.
  std::optional<Line> next();
  /// The next to be taken.
  void put_back(Line line) { lines_.push_front(std::move(line)); }
  bool has_line() const { return !lines_.empty(); }
  /// Nothing more comes, and all lines were taken.
  bool ended() const { return at_end_ && lines_.empty(); }
  /// Whoever writes is told that nobody reads.
  void close();

 private:
  void take(std::string_view bytes);
  void end_line();

  std::string name_;
  Descriptor file_;  ///< Not for standard input.
  std::deque<Line> lines_;
  std::string open_;      ///< The line that has begun.
  bool skipping_ = false;  ///< It is too long.
  unsigned number_ = 1;
  bool at_end_ = false;
};

}  // namespace fanout::client
