#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/agent/approval.hpp"
#include "server/agent/launch.hpp"
#include "server/agent/verdict.hpp"
#include "server/async/async.hpp"
#include "server/process/channel.hpp"
#include "server/process/process.hpp"
#include "server/session/host.hpp"
#include "server/session/journal.hpp"

namespace fanout::session {

/// What a session begins from.
struct Setup {
  agent::LaunchOptions options;
  agent::Policy policy;
  std::chrono::milliseconds answer_timeout{600'000};  ///< Then an open question is answered by nobody.
  process::Command command;        ///< Complete but for its channel.
  process::Told told;
  std::filesystem::path journal;   ///< Beside the logs.
  std::uint64_t recorded = 0;      ///< Ordinal of the last activity that is on record.
  /// Deadlines of questions that are on record and open, by their ids.
  std::map<std::string, std::chrono::system_clock::time_point> deadlines;
  /// Told each partial activity that is no part of what is on record; may be empty.
  std::function<void(const agent::Activity&)> overhear = {};
};

/// One run of an agent's program: feeds its adapter, tells each activity once, answers what the policy answers, sees
/// to it that what is left has a deadline, and does what the agent asks of its host.
///
/// The adapter is a pure machine, so a daemon that takes the program up brings a new one to the same point: it reads
/// the log from the program's first byte, and the journal of all else that was said to it; activities up to
/// `recorded` are not told again, and what the program was sent already is left out by the channel.
///
/// Lives on the I/O thread. Not thread-safe. Lifetime: outlives its run(), and every other call of it.
class Session {
 public:
  using Record = std::function<awaitable<void>(agent::Activity)>;

  Session(async::Executor executor, process::Runner runner, Setup setup);

  /// From the program's start, or from wherever it is, to its end. `record` is told each activity in order and with
  /// its ordinal; partial ones are left out, and overheard. Failures and cancellation as process::run.
  awaitable<process::Exit> run(process::Listener listener, Record record);

  /// It takes words just now. Then tell() brings them to it when its turn is over; false: it has ended before.
  bool listens() const { return running_ && !closing_ && adapter_->can_talk(); }
  awaitable<bool> tell(std::string text);
  bool is_open(const std::string& id) const { return open_.contains(id); }
  /// False: that is not open (any more).
  awaitable<bool> answer(agent::Answer answer);
  /// Asks it to end its turn, and waits until the program has ended; at most `patience`.
  awaitable<void> interrupt(std::chrono::milliseconds patience);

  process::Channel& channel() { return channel_; }
  const agent::Witness& witness() const { return witness_; }
  /// Nothing was under way any more when it ended.
  bool was_idle() const { return idle_; }

 private:
  using Timer = boost::asio::steady_timer;

  awaitable<void> feed(std::string bytes);
  awaitable<void> replay_inputs();
  awaitable<void> finish();
  awaitable<bool> take_input(Input input);
  agent::Output apply(const Input& input);
  awaitable<void> take(agent::Output out);
  awaitable<void> take_activity(agent::Activity activity);
  void open(agent::Activity& activity, std::vector<agent::Answer>& decided);
  void close(const std::string& id);
  void begin_to_wait(const std::string& id, std::chrono::system_clock::time_point deadline);
  awaitable<void> expire(std::string id, std::shared_ptr<Timer> timer);
  awaitable<void> perform(agent::HostRequest request);
  awaitable<bool> say(Input input);
  awaitable<void> pass_on(Input input);
  awaitable<void> guarded(awaitable<void> task);
  awaitable<void> end_when_idle();
  bool is_foretold(Input::InputCase kind, const std::string& id);

  async::Executor executor_;
  process::Runner runner_;
  Setup setup_;
  process::Channel channel_;
  std::unique_ptr<agent::Adapter> adapter_;
  std::optional<Host> host_;
  agent::Witness witness_;
  Record record_;

  async::Slots turn_;             ///< One at a time speaks to the adapter, until all that came of it is done.
  async::TaskGroup tasks_;
  async::Signal over_;            ///< The program has ended, or the journal is through.
  std::vector<Input> journal_;    ///< Of an earlier daemon.
  std::size_t replayed_ = 0;      ///< Of those.
  std::set<std::size_t> claimed_; ///< Of those: what they answer was seen again.
  std::uint64_t fed_ = 0;         ///< Bytes.
  std::uint64_t ordinal_ = 0;
  std::map<std::string, std::shared_ptr<Timer>> open_;  ///< What waits for an answer.
  std::size_t speaking_ = 0;      ///< Inputs that wait for their turn.
  std::exception_ptr failure_;
  bool running_ = false, idle_ = false, closing_ = false;
};

}  // namespace fanout::session
