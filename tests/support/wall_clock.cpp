// Preloaded into a daemon: its wall clock is off by as many seconds as the file FANOUT_TEST_WALL_CLOCK says, which a test
// may change at any time. The monotonic clock is the machine's.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

namespace {

/// Shared with the test, so that a change shows at once.
const volatile long* offset() {
  static const volatile long* const shared = [] {
    static const long none = 0;
    const char* file = std::getenv("FANOUT_TEST_WALL_CLOCK");
    const int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    void* memory = fd < 0 ? MAP_FAILED : mmap(nullptr, sizeof(long), PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0) close(fd);
    return memory == MAP_FAILED ? &none : static_cast<const long*>(memory);
  }();
  return shared;
}

using ClockGettime = int (*)(clockid_t, timespec*);

int real_clock(clockid_t clock, timespec* time) {
  static const auto real = reinterpret_cast<ClockGettime>(dlsym(RTLD_NEXT, "clock_gettime"));
  return real(clock, time);
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* result) {
  const int code = real_clock(clock, result);
  if (code == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) result->tv_sec += *offset();
  return code;
}

extern "C" time_t time(time_t* result) {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (result) *result = now.tv_sec;
  return now.tv_sec;
}

extern "C" int gettimeofday(timeval* result, void*) {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  result->tv_sec = now.tv_sec;
  result->tv_usec = now.tv_nsec / 1000;
  return 0;
}
