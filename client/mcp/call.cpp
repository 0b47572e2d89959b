#include "client/mcp/call.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "common/error.hpp"

namespace fanout::mcp {

Call::Call() : stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!stop_) throw Error(ErrorKind::system, "no eventfd: " + errno_text(errno));
}

void Call::stop() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(stop_.get(), &one, sizeof one);
}

bool Call::stopped() const { return stopped_within(std::chrono::milliseconds(0)); }

bool Call::stopped_within(std::chrono::milliseconds time) const {
  pollfd watched{stop_.get(), POLLIN, 0};
  return poll(&watched, 1, static_cast<int>(std::clamp<long long>(time.count(), 0, INT_MAX))) > 0;
}

void Call::progress(double done, double total, const std::string& message) {
  if (token_.is_null() || done <= told_) return;
  told_ = done;
  notify("notifications/progress",
         {{"progressToken", token_}, {"progress", done}, {"total", total}, {"message", message}});
}

}  // namespace fanout::mcp
