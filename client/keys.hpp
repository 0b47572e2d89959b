#pragma once

#include <termios.h>

#include <string>

namespace fanout::client {

/// While it lives, keys that are typed at the terminal come one by one and are not shown; before and after, and while
/// it is off, the terminal is as it was. Does nothing where standard input is no terminal of ours.
class Keys {
 public:
  explicit Keys(bool wanted);
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
  bool wanted_;
  bool on_ = false;
  termios before_{};
};

}  // namespace fanout::client
