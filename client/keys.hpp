#pragma once

#include <termios.h>

#include <string>

#include "client/descriptor.hpp"

namespace fanout::client {

/// While it lives, keys that are typed at the terminal come one by one and are not shown; before and after, and while
/// it is off, the terminal is as it was. Does nothing where standard input is no terminal of ours; where that is read for
/// something else, the terminal itself is asked, unless both are the same.
class Keys {
 public:
  explicit Keys(bool wanted, bool input_is_taken = false);
  ~Keys() { off(); }
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;

  void on();
  void off();
  /// Readable when take() has something; -1: never.
  int descriptor() const;
  /// The bytes that have come; empty: none.
  std::string take();

 private:
  Descriptor terminal_;  ///< Where standard input is taken.
  int from_;
  bool wanted_;
  bool on_ = false;
  termios before_{};
};

}  // namespace fanout::client
