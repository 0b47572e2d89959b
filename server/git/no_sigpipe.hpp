#pragma once

#include <csignal>
#include <ctime>

namespace fanout::git {

/// libgit2 writes to sockets in a way that raises SIGPIPE when the server is gone, and that would end the
/// process. Ignoring the signal is for the process to decide and is inherited by the programs it starts;
/// so this thread alone puts it off, and takes away what arrived meanwhile.
class NoSigpipe {
 public:
  NoSigpipe() {
    ::sigemptyset(&sigpipe_);
    ::sigaddset(&sigpipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;
  ~NoSigpipe() {
    if (::sigismember(&before_, SIGPIPE)) return;
    const timespec now = {};
    while (::sigtimedwait(&sigpipe_, nullptr, &now) == SIGPIPE) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t sigpipe_, before_;
};

}  // namespace fanout::git
