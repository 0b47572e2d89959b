#include "client/keys.hpp"

#include <unistd.h>

#include <utility>

namespace fanout::client {

Keys::Keys(bool wanted) : wanted_(wanted && isatty(STDIN_FILENO) == 1) { on(); }

void Keys::on() {
  // One in the background must not touch the terminal.
  if (!wanted_ || on_ || tcgetpgrp(STDIN_FILENO) != getpgrp() || tcgetattr(STDIN_FILENO, &before_) != 0) return;
  termios single = before_;
  single.c_lflag &= static_cast<tcflag_t>(~(ICANON | ECHO));
  single.c_cc[VMIN] = 0;
  single.c_cc[VTIME] = 0;
  on_ = tcsetattr(STDIN_FILENO, TCSANOW, &single) == 0;
}

void Keys::off() {
  if (std::exchange(on_, false)) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

int Keys::descriptor() const { return on_ ? STDIN_FILENO : -1; }

std::string Keys::take() {
  char bytes[256];
  const auto length = on_ ? read(STDIN_FILENO, bytes, sizeof bytes) : 0;
  return length > 0 ? std::string(bytes, static_cast<std::size_t>(length)) : std::string();
}

}  // namespace fanout::client
