#include "client/keys.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace fanout::client {

Keys::Keys(bool wanted, bool input_is_taken) : from_(STDIN_FILENO), wanted_(wanted) {
  const bool is_terminal = isatty(STDIN_FILENO) == 1;
  if (wanted && input_is_taken && !is_terminal) {
    terminal_ = Descriptor(::open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY));
    from_ = terminal_.get();
  }
  wanted_ = wanted && from_ >= 0 && (input_is_taken ? !is_terminal : is_terminal);
  on();
}

void Keys::on() {
  // One in the background must not touch the terminal.
  if (!wanted_ || on_ || tcgetpgrp(from_) != getpgrp() || tcgetattr(from_, &before_) != 0) return;
  termios single = before_;
  single.c_lflag &= static_cast<tcflag_t>(~(ICANON | ECHO));
  single.c_cc[VMIN] = 0;
  single.c_cc[VTIME] = 0;
  on_ = tcsetattr(from_, TCSANOW, &single) == 0;
}

void Keys::off() {
  if (std::exchange(on_, false)) tcsetattr(from_, TCSANOW, &before_);
}

int Keys::descriptor() const { return on_ ? from_ : -1; }

std::string Keys::take() {
  char bytes[256];
  const auto length = on_ ? read(from_, bytes, sizeof bytes) : 0;
  return length > 0 ? std::string(bytes, static_cast<std::size_t>(length)) : std::string();
}

}  // namespace fanout::client
