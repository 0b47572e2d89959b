#include "client/signals.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>

#include "common/error.hpp"

namespace fanout::client {

namespace {

constexpr std::array kWatched{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH};

// A handler has no other way to find its pipe.
std::atomic<int> g_pipe{-1};
static_assert(std::atomic<int>::is_always_lock_free);

void on_signal(int signal) {
  const int saved = errno;
  const auto number = static_cast<unsigned char>(signal);
  // A full pipe holds plenty of signals already.
  [[maybe_unused]] const auto written = write(g_pipe.load(), &number, 1);
  errno = saved;
}

/// Signals that whoever started us ignores (nohup, a job in the background) stay ignored.
struct sigaction handle(int signal) {
  struct sigaction before {};
  sigaction(signal, nullptr, &before);
  if (before.sa_handler == SIG_IGN) return before;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
  return before;
}

}  // namespace

Signals::Signals() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
    throw Error(ErrorKind::system, "no pipe: " + errno_text(errno));
  read_end_ = Descriptor(ends[0]);
  write_end_ = Descriptor(ends[1]);
  g_pipe = write_end_.get();
  for (std::size_t i = 0; i < kWatched.size(); ++i) before_[i] = handle(kWatched[i]);
}

Signals::~Signals() {
  for (std::size_t i = 0; i < kWatched.size(); ++i) sigaction(kWatched[i], &before_[i], nullptr);
  g_pipe = -1;
}

std::optional<int> Signals::take() {
  unsigned char number = 0;
  if (read(read_end_.get(), &number, 1) != 1) return std::nullopt;
  return number;
}

ThreadsWithoutSignals::ThreadsWithoutSignals() {
  sigset_t watched;
  sigemptyset(&watched);
  for (const int signal : kWatched) sigaddset(&watched, signal);
  pthread_sigmask(SIG_BLOCK, &watched, &before_);
}

ThreadsWithoutSignals::~ThreadsWithoutSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

void stop_until_continued() { raise(SIGSTOP); }

}  // namespace fanout::client
