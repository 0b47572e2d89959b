#include "server/shim/supervisor.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "server/shim/pid_namespace.hpp"
#include "server/shim/process_tree.hpp"
#include "server/shim/program_limits.hpp"
#include "server/shim/usage.hpp"

namespace fanout::shim {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds kMoment{500};      // for a helper that is just finishing the output
constexpr milliseconds kRestGrace{1000};  // for what is left behind to end when asked
constexpr milliseconds kAgain{20};        // between two sweeps of killing
constexpr milliseconds kDiskRetry{500};   // a full disk tells nobody when it has room again
constexpr milliseconds kLongestWait{3'600'000};
constexpr int kMostPieces = 64;           // more than a pipe holds
constexpr std::size_t kMaxQueuedInput = 8 << 20;
constexpr milliseconds kWatchPause{100};        // between two looks at what has limits that we keep
constexpr milliseconds kFirstMeasurePause{100};  // otherwise, to know the peak; doubles
constexpr milliseconds kLastMeasurePause{2000};

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
  contain();
  if (start()) {
    while (!nobody_left_) wait_and_serve();
    drain();
  }
  record_end();
  linger();
  control_->finish(folder_);
  return kExitDone;
}

/// At most once: whoever finds a record here starts nothing.
bool Supervisor::take_folder() {
  if (!folder_.lock() || folder_.has(kBirthFile) || folder_.has(kEndFile)) return false;
  out_log_ = folder_.open_log(beside(options_.stdout_log));
  if (options_.stderr_log != options_.stdout_log) err_log_ = folder_.open_log(beside(options_.stderr_log));
  if (!options_.events_log.empty()) events_log_ = folder_.open_log(beside(options_.events_log));
  birth_ = Birth{kProtocol, identity_of(::getpid()), size_of(out_log_), size_of(err_log_), size_of(events_log_), options_.cgroup};
  control_.emplace(folder_, ::getpid(), requests());
  folder_.write(kBirthFile, to_text(birth_));
  return true;
}

/// Groups and namespaces for the program, as far as we were told to and the kernel lets us.
void Supervisor::contain() {
  if (options_.go_fd >= 0) wait_until_we_may();
  if (!options_.scope.empty()) use_scope();
  if (!options_.cgroup.empty()) group_ = Cgroup(options_.cgroup);
  kept_ = group_.limit(options_.limits);
  if (options_.pid_namespace) first_ = enter_pid_namespace();
}

/// The daemon puts us into a scope. Should it die before it has: then we go on without.
void Supervisor::wait_until_we_may() {
  char word;
  while (::read(options_.go_fd, &word, 1) < 0 && errno == EINTR) {
  }
  ::close(std::exchange(options_.go_fd, -1));
}

/// Groups with limits must not have processes beside them: we move into one of our own.
void Supervisor::use_scope() {
  const auto path = cgroup_folder(own_cgroup(read_proc("/proc/self/cgroup")));
  if (!path.ends_with('/' + options_.scope)) return;
  ::mkdir((path + "/supervisor").c_str(), 0755);
  if (!write_cgroup(path + "/supervisor", "cgroup.procs", "0")) return;
  enable_controllers(path);
  options_.cgroup = birth_.cgroup = path + "/program";
  folder_.write(kBirthFile, to_text(birth_));
}

bool Supervisor::start() {
  const bool one_stream = !err_log_.ok();
  auto out = make_pipe(0), report = make_pipe(0);
  auto err = one_stream ? Pipe{} : make_pipe(0);
  auto events = events_log_.ok() ? make_pipe(0) : Pipe{};
  auto in = options_.stdin_file == "-" ? make_pipe(0) : Pipe{};
  if (options_.stdin_file != "-") {
    const auto file = options_.stdin_file.empty() ? std::string("/dev/null") : options_.stdin_file;
    in.read = Handle(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  }
  began_ = Clock::now();
  program_ = ::fork();
  if (program_ == 0) {
    become_program(in.read.get(), out.write.get(), (one_stream ? out : err).write.get(), events.write.get(),
                   report.write.get());
  }
  const int fork_failed = program_ < 0 ? errno : 0;
  report.write.close();
  int reason = 0;
  if (fork_failed || ::read(report.read.get(), &reason, sizeof reason) > 0) {
    end_.refused = fork_failed ? fork_failed : reason;
    if (first_ > 0) ::kill(first_, SIGKILL);
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
    say_ready("refused " + std::to_string(end_.refused) + '\n');
    return false;
  }
  set_nonblocking(out.read);
  out_.emplace(std::move(out.read), std::move(out_log_), birth_.stdout_from, options_.max_output);
  if (!one_stream) {
    set_nonblocking(err.read);
    err_.emplace(std::move(err.read), std::move(err_log_), birth_.stderr_from, options_.max_output);
  }
  if (events.read.ok()) {
    set_nonblocking(events.read);
    events_.emplace(std::move(events.read), std::move(events_log_), birth_.events_from, options_.max_output);
  }
  if (in.write.ok()) {
    set_nonblocking(in.write);
    input_ = std::move(in.write);
  }
  if (options_.timeout.count() > 0) next_ = began_ + options_.timeout;
  measure_ = began_;
  say_ready("started " + std::to_string(program_) + '\n');
  return ::chdir("/") == 0;  // we hold no folder of the user's
}

void Supervisor::become_program(int input, int output, int errors, int events, int report) {
  const auto supervisor = ::getppid();  // 0 in a namespace, whose end ours is
  group_.enter();
  set_program_limits(options_.limits, kept_, first_ > 0);
  if (first_ > 0) mount_own_proc();
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // should we be killed: nobody would see it any more
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  bool ready = ::getppid() == supervisor && ::dup2(input, STDIN_FILENO) >= 0 &&
               ::dup2(output, STDOUT_FILENO) >= 0 && ::dup2(errors, STDERR_FILENO) >= 0;
  if (ready && events >= 0) {
    if (report == kEventsFd) report = ::fcntl(report, F_DUPFD_CLOEXEC, kEventsFd + 1);
    // Made there by chance, it would be closed when the program begins.
    ready = events == kEventsFd ? ::fcntl(events, F_SETFD, 0) == 0 : ::dup2(events, kEventsFd) >= 0;
  }
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
  if (events_) all.push_back(&*events_);
  return all;
}

int Supervisor::wait_limit() const {
  const auto next = std::min({paused_ ? Clock::time_point::max() : next_, retry_, measure_});
  if (next == Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<milliseconds>(next - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, kLongestWait.count()));
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
  control_->tell_output(out_end(), err_end(), events_end());
  measure();
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
    if (pid == first_) {
      first_ = -1;
      measure_ = Clock::time_point::max();
    }
    if (pid != program_) continue;
    program_ended_ = true;
    measure_ = Clock::time_point::max();
    end_.duration = std::chrono::duration_cast<milliseconds>(Clock::now() - began_);
    if (WIFEXITED(status)) end_.code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) end_.signal = WTERMSIG(status);
    if (stage_ != Stage::running) continue;
    stage_ = Stage::settling;
    next_ = Clock::now() + kMoment;
  }
}

void Supervisor::act_on_time() {
  if (first_ > 0 && program_ended_) end_empty_namespace();
  if (nobody_left_ || Clock::now() < next_ || (paused_ && stage_ == Stage::running)) return;
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
      kill_all();
      next_ = Clock::now() + kAgain;
  }
}

void Supervisor::kill_all() {
  group_.kill();
  if (first_ > 0) ::kill(first_, SIGKILL);  // and the kernel ends the rest
  kill_descendants(::getpid());
}

/// Its first process never ends by itself, and nobody tells us when it is the last.
void Supervisor::end_empty_namespace() {
  if (usage_below(::getpid()).tasks <= 1) ::kill(first_, SIGKILL);
  else measure_ = Clock::now() + kAgain;
}

/// The peak for those who plan, and the limits that nobody else keeps.
void Supervisor::measure() {
  if (program_ended_ || Clock::now() < measure_) return;
  const auto usage = usage_below(::getpid());
  end_.peak_memory = std::max(end_.peak_memory, usage.memory);
  const auto& limits = options_.limits;
  const bool memory = limits.memory > 0 && !kept_.memory, processes = limits.processes > 0 && !kept_.processes;
  if (memory && usage.memory > limits.memory) exceed(Limit::memory);
  else if (processes && usage.tasks - (first_ > 0) > limits.processes) exceed(Limit::processes);
  measure_pause_ = std::clamp(measure_pause_ * 2, kFirstMeasurePause, kLastMeasurePause);
  measure_ = Clock::now() + (memory || processes ? kWatchPause : measure_pause_);
}

/// At once: what takes more than it may does not get time to take yet more.
void Supervisor::exceed(Limit limit) {
  if (end_.limit != Limit::none) return;
  end_.limit = limit;
  stage_ = Stage::killing;
  next_ = Clock::now();
}

void Supervisor::ask(milliseconds grace) {
  stage_ = Stage::asked;
  next_ = Clock::now() + grace;
  // Were it the sandbox that ends when asked, the kernel would kill all that is in it.
  signal_descendants(::getpid(), SIGTERM, options_.sandboxed ? program_ : 0);
  if (std::exchange(paused_, std::nullopt)) signal_descendants(::getpid(), SIGCONT);  // else they would not hear it
}

/// The time that it stands does not count against its deadline.
void Supervisor::pause(bool on) {
  if (on == paused_.has_value() || stage_ != Stage::running) return;
  if (on) {
    stop_descendants(::getpid());
    paused_ = Clock::now();
    return;
  }
  if (next_ != Clock::time_point::max()) next_ += Clock::now() - *paused_;
  paused_.reset();
  signal_descendants(::getpid(), SIGCONT);
}

void Supervisor::stop() {
  if (std::exchange(end_.stopped, true)) return;
  if (stage_ == Stage::running) ask(options_.grace);
}

/// What was sent twice is taken once. Where nobody reads any more, what is sent is as good as taken.
std::uint64_t Supervisor::take_input(std::uint64_t at, std::string bytes) {
  if (at > input_taken_ || at + bytes.size() <= input_taken_) return input_taken_;
  bytes.erase(0, input_taken_ - at);
  const bool closed = !input_.ok() || input_ends_;
  if (!closed) bytes.resize(std::min(bytes.size(), kMaxQueuedInput - queued_input_.size()));
  input_taken_ += bytes.size();
  if (!closed) queued_input_ += bytes;
  return input_taken_;
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
  control_->tell_output(out_end(), err_end(), events_end());
}

/// On a full disk the lock is held until there is room: what is not written down is not known.
void Supervisor::record_end() {
  end_.stdout_end = out_end();
  end_.stderr_end = err_end();
  end_.events_end = events_end();
  for (auto* output : outputs()) end_.dropped_bytes += output->dropped();
  rusage used{};
  if (::getrusage(RUSAGE_CHILDREN, &used) == 0) {
    end_.peak_memory = std::max(end_.peak_memory, static_cast<std::uint64_t>(used.ru_maxrss) * 1024);
  }
  end_.peak_memory = std::max(end_.peak_memory, group_.peak_memory());
  if (group_.memory_hits() > 0) end_.limit = Limit::memory;
  else if (group_.process_hits() > 0) end_.limit = Limit::processes;
  group_.remove();
  for (;;) {
    try {
      return folder_.write(kEndFile, to_text(end_));
    } catch (const std::system_error&) {
      ::poll(nullptr, 0, static_cast<int>(kDiskRetry.count()));
    }
  }
}

/// The result is on the disk whatever becomes of us; we stay for whoever asks, until somebody has taken it.
void Supervisor::linger() {
  control_->tell_end(out_end(), err_end(), events_end());
  const auto until = Clock::now() + options_.linger;
  for (auto now = Clock::now(); !control_->collected() && now < until; now = Clock::now()) {
    std::vector<pollfd> polled{{signals_.get(), POLLIN, 0}};
    control_->add_to(polled);
    const auto left = std::min<milliseconds>(std::chrono::ceil<milliseconds>(until - now), kLongestWait);
    if (::poll(polled.data(), polled.size(), static_cast<int>(left.count())) < 0 && errno != EINTR) return;
    signalfd_siginfo signal;
    while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
      if (signal.ssi_signo != SIGCHLD) return;
    }
    control_->serve(polled);
  }
}

std::string Supervisor::status() const {
  const bool full = (out_ && out_->full()) || (err_ && err_->full());
  return std::to_string(program_) + ' ' + (program_ended_ ? "ended" : "running") + ' ' +
         std::to_string(out_end()) + ' ' + std::to_string(err_end()) + (full ? " disk-full" : "") +
         (paused_ ? " paused" : "");
}

Requests Supervisor::requests() {
  return {[this] { stop(); },
          [this](int signal) {
            if (!program_ended_ && program_ > 0) ::kill(-program_, signal);
          },
          [this](std::uint64_t at, std::string bytes) { return take_input(at, std::move(bytes)); },
          [this] {
            input_ends_ = true;
            write_input();
          },
          [this] { return status(); },
          [this](bool on) { pause(on); }};
}

}  // namespace fanout::shim
