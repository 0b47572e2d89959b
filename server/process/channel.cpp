#include "server/process/channel.hpp"

namespace fanout::process {

void Channel::write(std::string_view bytes) {
  if (bytes.empty() || closed_) return;
  unsent_ += bytes;
  changed();
}

void Channel::close_input() {
  if (!std::exchange(closed_, true)) changed();
}

void Channel::pause(bool on) {
  if (std::exchange(paused_, on) != on) changed();
}

void Channel::stop() {
  if (!std::exchange(stopped_, true)) changed();
}

void Channel::excuse(bool on) {
  if (std::exchange(excused_, on) != on) changed();
}

}  // namespace fanout::process
