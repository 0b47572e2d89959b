#include "server/rpc/bridge.hpp"

namespace fanout::rpc {

awaitable<void> Bridge::drain() {
  calls_.cancel();
  co_await calls_.join();
}

}  // namespace fanout::rpc
