#include "server/shim/supervisor.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "server/shim/process_tree.hpp"

namespace fanout::shim {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds kMoment{500};      // for a helper that is just finishing the output
constexpr milliseconds kRestGrace{1000};  // for what is left behind to end when asked
constexpr milliseconds kAgain{20};        // between two sweeps of killing
constexpr milliseconds kDiskRetry{500};   // a full disk tells nobody when it has room again
constexpr int kMostPieces = 64;           // more than a pipe holds
constexpr std::size_t kMaxQueuedInput = 8 << 20;

struct Pipe {
  Handle read, write;
};

Pipe make_pipe(int flags) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | flags) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  return {Handle(ends[0]), Handle(ends[1])};
}

void set_nonblocking(const Handle& handle) { ::fcntl(handle.get(), F_SETFL, O_NONBLOCK); }

/// Nothing that the terminal or the machine sends may end us before we have written what we know.
Handle block_signals() {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  sigset_t ours;
  ::sigemptyset(&ours);
  for (int signal : {SIGCHLD, SIGTERM, SIGINT}) ::sigaddset(&ours, signal);
  return Handle(::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK));
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const auto& text : strings) result.push_back(const_cast<char*>(text.c_str()));
  result.push_back(nullptr);
  return result;
}

std::uint64_t size_of(const Handle& file) {
  struct stat status {};
  return file.ok() && ::fstat(file.get(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

/// Logs lie beside the run folders of an attempt.
std::string beside(const std::string& name) { return "../" + name; }

}  // namespace

Supervisor::Supervisor(Options options) : options_(std::move(options)), folder_(options_.folder) {}

int Supervisor::run() {
  signals_ = block_signals();
  if (!take_folder()) return kExitTaken;
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  if (start()) {
    while (!nobody_left_) wait_and_serve();
    drain();
  }
  record_end();
  control_->finish(folder_);
  return kExitDone;
}

/// At most once: whoever finds a record here starts nothing.
bool Supervisor::take_folder() {
  if (!folder_.lock() || folder_.has(kBirthFile) || folder_.has(kEndFile)) return false;
  out_log_ = folder_.open_log(beside(options_.stdout_log));
  if (options_.stderr_log != options_.stdout_log) err_log_ = folder_.open_log(beside(options_.stderr_log));
  birth_ = Birth{kProtocol, identity_of(::getpid()), size_of(out_log_), size_of(err_log_)};
  control_.emplace(folder_, ::getpid(), requests());
  folder_.write(kBirthFile, to_text(birth_));
  return true;
}

bool Supervisor::start() {
  const bool one_stream = !err_log_.ok();
  auto out = make_pipe(0), report = make_pipe(0);
  auto err = one_stream ? Pipe{} : make_pipe(0);
  auto in = options_.stdin_file == "-" ? make_pipe(0) : Pipe{};
  if (options_.stdin_file != "-") {
    const auto file = options_.stdin_file.empty() ? std::string("/dev/null") : options_.stdin_file;
    in.read = Handle(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  }
  began_ = Clock::now();
  program_ = ::fork();
  if (program_ == 0) {
    become_program(in.read.get(), out.write.get(), (one_stream ? out : err).write.get(), report.write.get());
  }
  const int fork_failed = program_ < 0 ? errno : 0;
  report.write.close();
  int reason = 0;
  if (fork_failed || ::read(report.read.get(), &reason, sizeof reason) > 0) {
    end_.refused = fork_failed ? fork_failed : reason;
    if (program_ > 0) ::waitpid(program_, nullptr, 0);
    say_ready("refused " + std::to_string(end_.refused) + '\n');
    return false;
  }
  set_nonblocking(out.read);
  out_.emplace(std::move(out.read), std::move(out_log_), birth_.stdout_from, options_.max_output);
  if (!one_stream) {
    set_nonblocking(err.read);
    err_.emplace(std::move(err.read), std::move(err_log_), birth_.stderr_from, options_.max_output);
  }
  if (in.write.ok()) {
    set_nonblocking(in.write);
    input_ = std::move(in.write);
  }
  if (options_.timeout.count() > 0) next_ = began_ + options_.timeout;
  say_ready("started " + std::to_string(program_) + '\n');
  return ::chdir("/") == 0;  // we hold no folder of the user's
}

void Supervisor::become_program(int input, int output, int errors, int report) {
  const auto supervisor = ::getppid();
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // should we be killed: nobody would see it any more
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const bool ready = ::getppid() == supervisor && ::dup2(input, STDIN_FILENO) >= 0 &&
                     ::dup2(output, STDOUT_FILENO) >= 0 && ::dup2(errors, STDERR_FILENO) >= 0;
  if (ready) ::execv(options_.program.c_str(), pointers(options_.argv).data());
  const int reason = errno;
  [[maybe_unused]] const auto told = ::write(report, &reason, sizeof reason);
  ::_exit(127);
}

void Supervisor::say_ready(const std::string& line) {
  if (options_.ready_fd < 0) return;
  std::signal(SIGPIPE, SIG_IGN);
  [[maybe_unused]] const auto told = ::write(options_.ready_fd, line.data(), line.size());
  ::close(options_.ready_fd);
  options_.ready_fd = -1;
}

std::vector<Output*> Supervisor::outputs() {
  std::vector<Output*> all;
  if (out_) all.push_back(&*out_);
  if (err_) all.push_back(&*err_);
  return all;
}

int Supervisor::wait_limit() const {
  const auto next = std::min(next_, retry_);
  if (next == Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<milliseconds>(next - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

void Supervisor::wait_and_serve() {
  std::vector<pollfd> polled{{signals_.get(), POLLIN, 0}};
  for (const auto* output : outputs()) {
    if (output->wants_input()) polled.push_back({output->fd(), POLLIN, 0});
  }
  if (input_.ok() && !queued_input_.empty()) polled.push_back({input_.get(), POLLOUT, 0});
  control_->add_to(polled);
  if (::poll(polled.data(), polled.size(), wait_limit()) < 0 && errno != EINTR) ::_exit(1);

  signalfd_siginfo signal;
  while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
    if (signal.ssi_signo != SIGCHLD) stop();
  }
  retry_ = Clock::time_point::max();
  for (auto* output : outputs()) {
    if (output->full()) output->retry();
    if (output->wants_input()) output->pump();
    if (output->full()) retry_ = Clock::now() + kDiskRetry;
  }
  write_input();
  control_->serve(polled);
  control_->tell_output(out_end(), err_end());
  reap();
  act_on_time();
}

void Supervisor::reap() {
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid == 0 || (pid < 0 && errno == EINTR)) return;
    if (pid < 0) {
      nobody_left_ = program_ended_;
      return;
    }
    if (pid != program_) continue;
    program_ended_ = true;
    end_.duration = std::chrono::duration_cast<milliseconds>(Clock::now() - began_);
    if (WIFEXITED(status)) end_.code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) end_.signal = WTERMSIG(status);
    if (stage_ != Stage::running) continue;
    stage_ = Stage::settling;
    next_ = Clock::now() + kMoment;
  }
}

void Supervisor::act_on_time() {
  if (nobody_left_ || Clock::now() < next_) return;
  switch (stage_) {
    case Stage::running:
      end_.timed_out = true;
      return ask(options_.grace);
    case Stage::settling:
      return ask(kRestGrace);
    case Stage::asked:
      stage_ = Stage::killing;
      [[fallthrough]];
    case Stage::killing:
      kill_descendants(::getpid());
      next_ = Clock::now() + kAgain;
  }
}

void Supervisor::ask(milliseconds grace) {
  stage_ = Stage::asked;
  next_ = Clock::now() + grace;
  signal_descendants(::getpid(), SIGTERM);
}

void Supervisor::stop() {
  if (std::exchange(end_.stopped, true)) return;
  if (stage_ == Stage::running) ask(options_.grace);
}

bool Supervisor::take_input(std::string bytes) {
  if (!input_.ok() || input_ends_ || queued_input_.size() + bytes.size() > kMaxQueuedInput) return false;
  queued_input_ += bytes;
  return true;
}

void Supervisor::write_input() {
  if (!input_.ok()) return;
  if (!queued_input_.empty()) {
    const auto size = ::write(input_.get(), queued_input_.data(), queued_input_.size());
    if (size > 0) queued_input_.erase(0, static_cast<std::size_t>(size));
    if (size < 0 && errno != EAGAIN && errno != EINTR) input_.close();  // it reads no more
  }
  if (input_ends_ && queued_input_.empty()) input_.close();
}

/// Nobody of ours writes any more. Somebody else may hold a pipe that was given to them: they are not waited for.
void Supervisor::drain() {
  for (auto* output : outputs()) {
    for (int piece = 0; piece < kMostPieces && output->wants_input() && output->pump(); ++piece) {
    }
    while (output->full() && !end_.stopped) wait_and_serve();  // for room on the disk, or for "stop"
    output->give_up();
    output->sync();
  }
  control_->tell_output(out_end(), err_end());
}

/// On a full disk the lock is held until there is room: what is not written down is not known.
void Supervisor::record_end() {
  end_.stdout_end = out_end();
  end_.stderr_end = err_end();
  for (auto* output : outputs()) end_.dropped_bytes += output->dropped();
  for (;;) {
    try {
      return folder_.write(kEndFile, to_text(end_));
    } catch (const std::system_error&) {
      ::poll(nullptr, 0, static_cast<int>(kDiskRetry.count()));
    }
  }
}

std::string Supervisor::status() const {
  const bool full = (out_ && out_->full()) || (err_ && err_->full());
  return std::to_string(program_) + ' ' + (program_ended_ ? "ended" : "running") + ' ' +
         std::to_string(out_end()) + ' ' + std::to_string(err_end()) + (full ? " disk-full" : "");
}

Requests Supervisor::requests() {
  return {[this] { stop(); },
          [this](int signal) {
            if (!program_ended_ && program_ > 0) ::kill(-program_, signal);
          },
          [this](std::string bytes) { return take_input(std::move(bytes)); },
          [this] { input_ends_ = true; },
          [this] { return status(); }};
}

}  // namespace fanout::shim
