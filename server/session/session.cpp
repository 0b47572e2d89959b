#include "server/session/session.hpp"

#include <google/protobuf/util/time_util.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/error.hpp"
#include "server/agent/command.hpp"

namespace fanout::session {

namespace asio = boost::asio;
namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;
using std::chrono::milliseconds;
using std::chrono::system_clock;

namespace {

constexpr milliseconds kIdleGrace{15'000};  // for a program whose input has ended, to end by itself

bool is_partial(const agent::Activity& activity) {
  return activity.message().partial() || activity.reasoning().partial();
}

google::protobuf::Timestamp to_timestamp(system_clock::time_point time) {
  return TimeUtil::MillisecondsToTimestamp(
      std::chrono::duration_cast<milliseconds>(time.time_since_epoch()).count());
}

agent::Answer decided(const std::string& id, const agent::Decision& decision) {
  agent::Answer answer;
  answer.id = id;
  answer.allow = decision.ruling == agent::Ruling::allow;
  answer.text = answer.allow ? "" : "Not allowed here: " + decision.reason;
  answer.by = v1::AgentAnswer::BY_POLICY;
  return answer;
}

/// Nobody answered in time.
agent::Answer unanswered(const std::string& id) {
  agent::Answer answer;
  answer.id = id;
  answer.text = "Nobody answered in time. Do what needs no answer, in the way that is least likely to be wrong.";
  answer.by = v1::AgentAnswer::BY_DEADLINE;
  return answer;
}

/// A plain program's words are lines as they are; what it tells in our model comes on a descriptor of its own.
std::unique_ptr<agent::Adapter> adapter_for(const agent::LaunchOptions& options) {
  if (options.level == agent::Level::lines) return std::make_unique<agent::CommandLines>(true);
  return agent::make_adapter(options);
}

Input to_input(const agent::Answer& answer) {
  Input input;
  *input.mutable_answer() = to_wire(answer);
  return input;
}

}  // namespace

Session::Session(async::Executor executor, process::Runner runner, Setup setup)
    : executor_(executor), runner_(std::move(runner)), setup_(std::move(setup)),
      adapter_(adapter_for(setup_.options)), turn_(executor, 1), tasks_(executor), over_(executor) {
  host_.emplace(executor_, runner_, setup_.command, setup_.options.worktree);
  setup_.command.channel = &channel_;
}

awaitable<process::Exit> Session::run(process::Listener listener, Record record) {
  record_ = std::move(record);
  journal_ = co_await runner_.pool.run([this](std::stop_token) { return read_journal(setup_.journal); });
  co_await take(adapter_->start());
  co_await replay_inputs();
  listener.bytes = [this](std::string bytes) { return feed(std::move(bytes)); };
  running_ = true;
  process::Exit exit;
  std::exception_ptr failed;
  try {
    exit = co_await process::run(runner_, setup_.command, std::move(listener), setup_.told);
    co_await finish();
  } catch (...) {
    failed = std::current_exception();
  }
  running_ = false;
  over_.notify();
  co_await asio::this_coro::throw_if_cancelled(false);
  tasks_.cancel();
  co_await tasks_.join();
  co_await host_->end();
  if (failure_) std::rethrow_exception(failure_);
  if (failed) std::rethrow_exception(failed);
  co_return exit;
}

/// In pieces that end where something else was said to the adapter.
awaitable<void> Session::feed(std::string bytes) {
  const auto token = co_await turn_.acquire(0);
  co_await replay_inputs();
  for (std::string_view rest = bytes; !rest.empty();) {
    auto size = rest.size();
    if (replayed_ < journal_.size()) size = std::min<std::size_t>(size, journal_[replayed_].after() - fed_);
    fed_ += size;
    auto out = adapter_->feed(rest.substr(0, size));
    rest.remove_prefix(size);
    co_await take(std::move(out));
    co_await replay_inputs();
  }
}

/// What the journal says was said to the adapter here.
awaitable<void> Session::replay_inputs() {
  while (replayed_ < journal_.size() && journal_[replayed_].after() <= fed_) {
    const auto input = journal_[replayed_++];
    auto out = apply(input);
    co_await take(std::move(out));
    if (replayed_ == journal_.size()) over_.notify();
  }
}

awaitable<void> Session::finish() {
  const auto token = co_await turn_.acquire(0);
  co_await replay_inputs();
  auto out = adapter_->finish();
  co_await take(std::move(out));
}

/// Written down before it has any effect.
awaitable<bool> Session::take_input(Input input) {
  while (running_ && replayed_ < journal_.size()) co_await over_.wait();  // first what was said before
  const auto token = co_await turn_.acquire(0);
  if (!running_) co_return false;
  if (input.has_answer() && !open_.contains(input.answer().id())) co_return false;  // somebody was faster
  input.set_after(fed_);
  co_await runner_.pool.run([&](std::stop_token) { append_to_journal(setup_.journal, input); });
  auto out = apply(input);
  co_await take(std::move(out));
  co_return true;
}

awaitable<bool> Session::say(Input input) {
  ++speaking_;
  bool taken = false;
  try {
    taken = co_await take_input(std::move(input));
  } catch (...) {
    --speaking_;
    throw;
  }
  --speaking_;
  co_return taken;
}

awaitable<void> Session::pass_on(Input input) { co_await say(std::move(input)); }

agent::Output Session::apply(const Input& input) {
  switch (input.input_case()) {
    case Input::kTell:
      idle_ = false;
      return adapter_->say(input.tell());
    case Input::kAnswer:
      return adapter_->answer(from_wire(input.answer()));
    case Input::kInterrupt:
      return adapter_->interrupt();
    case Input::kReply:
      return adapter_->respond(from_wire(input.reply()));
    case Input::INPUT_NOT_SET:
      break;
  }
  return {};
}

/// What came of something that was said to the adapter: told first, then done.
awaitable<void> Session::take(agent::Output out) {
  for (auto& activity : out.activities) co_await take_activity(std::move(activity));
  channel_.write(out.write);
  for (auto& request : out.requests) {
    host_->note(request);
    if (!is_foretold(Input::kReply, request.id)) tasks_.spawn(guarded(perform(std::move(request))));
  }
  if (!out.idle) co_return;
  idle_ = true;
  const bool goes_on = speaking_ > 0 || replayed_ < journal_.size();
  if (goes_on || std::exchange(closing_, true)) co_return;
  channel_.close_input();
  tasks_.spawn(guarded(end_when_idle()));
}

awaitable<void> Session::take_activity(agent::Activity activity) {
  witness_.see(activity);
  if (is_partial(activity)) {
    if (setup_.overhear && ordinal_ >= setup_.recorded) setup_.overhear(activity);
    co_return;
  }
  activity.set_ordinal(++ordinal_);
  std::vector<agent::Answer> decided;
  if (activity.has_permission() || activity.has_question()) open(activity, decided);
  if (activity.has_answer()) close(activity.answer().id());
  if (activity.ordinal() > setup_.recorded) co_await record_(std::move(activity));
  for (auto& answer : decided) tasks_.spawn(guarded(pass_on(to_input(answer))));
}

/// Decides by the policy, or begins to wait.
void Session::open(agent::Activity& activity, std::vector<agent::Answer>& decided_now) {
  const auto& id = activity.has_permission() ? activity.permission().id() : activity.question().id();
  const bool answered = is_foretold(Input::kAnswer, id);
  if (activity.has_permission()) {
    const auto decision = agent::judge(setup_.policy, activity.permission());
    if (decision.ruling != agent::Ruling::ask) {
      activity.mutable_permission()->set_decided(true);
      if (!answered) {
        open_[id] = nullptr;
        decided_now.push_back(decided(id, decision));
      }
      return;
    }
  }
  const auto known = setup_.deadlines.find(id);
  const auto deadline =
      known == setup_.deadlines.end() ? system_clock::now() + setup_.answer_timeout : known->second;
  if (activity.has_permission()) {
    *activity.mutable_permission()->mutable_deadline() = to_timestamp(deadline);
    activity.mutable_permission()->set_otherwise("It is not allowed, and the agent goes on without it.");
  } else {
    *activity.mutable_question()->mutable_deadline() = to_timestamp(deadline);
    activity.mutable_question()->set_otherwise("The agent is told that nobody answered, and goes on as it thinks best.");
  }
  if (!answered) begin_to_wait(id, deadline);
}

void Session::begin_to_wait(const std::string& id, system_clock::time_point deadline) {
  const auto left = std::clamp<system_clock::duration>(deadline - system_clock::now(), milliseconds(0),
                                                       std::max(setup_.answer_timeout, milliseconds(0)));
  auto timer = std::make_shared<Timer>(executor_, std::chrono::duration_cast<milliseconds>(left));
  open_[id] = timer;
  channel_.excuse(true);
  tasks_.spawn(guarded(expire(id, std::move(timer))));
}

void Session::close(const std::string& id) {
  const auto found = open_.find(id);
  if (found == open_.end()) return;
  if (found->second) found->second->cancel();
  open_.erase(found);
  const bool waits = std::any_of(open_.begin(), open_.end(), [](const auto& one) { return one.second != nullptr; });
  channel_.excuse(waits);
}

awaitable<void> Session::expire(std::string id, std::shared_ptr<Timer> timer) {
  boost::system::error_code cancelled;
  co_await timer->async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
  const auto found = open_.find(id);
  if (cancelled || found == open_.end() || found->second != timer) co_return;
  co_await say(to_input(unanswered(id)));
}

awaitable<void> Session::perform(agent::HostRequest request) {
  auto reply = co_await host_->perform(std::move(request));
  Input input;
  *input.mutable_reply() = to_wire(reply);
  co_await say(std::move(input));
}

/// One that does not end though nothing more will come is ended.
awaitable<void> Session::end_when_idle() {
  Timer timer(executor_, kIdleGrace);
  co_await timer.async_wait(asio::use_awaitable);
  channel_.stop();
}

/// A task beside the program: what it cannot do must not be lost, and ends the program.
awaitable<void> Session::guarded(awaitable<void> task) {
  try {
    co_await std::move(task);
  } catch (const boost::system::system_error& error) {
    if (error.code() != asio::error::operation_aborted) failure_ = std::current_exception();
  } catch (...) {
    failure_ = std::current_exception();
  }
  if (failure_) channel_.stop();
}

/// Whether the rest of the journal answers `id` already: then an earlier daemon has seen to it.
bool Session::is_foretold(Input::InputCase kind, const std::string& id) {
  for (auto i = replayed_; i < journal_.size(); ++i) {
    const auto& input = journal_[i];
    if (input.input_case() != kind || claimed_.contains(i)) continue;
    if ((kind == Input::kAnswer ? input.answer().id() : input.reply().id()) != id) continue;
    claimed_.insert(i);
    return true;
  }
  return false;
}

awaitable<bool> Session::tell(std::string text) {
  Input input;
  input.set_tell(std::move(text));
  co_return co_await say(std::move(input));
}

awaitable<bool> Session::answer(agent::Answer answer) { return say(to_input(answer)); }

awaitable<void> Session::interrupt(milliseconds patience) {
  if (!listens()) co_return;
  Input input;
  input.set_interrupt(true);
  try {
    co_await say(std::move(input));
  } catch (const Error&) {
    co_return;  // it cannot be written down: what follows ends the program in any case
  }
  Timer timer(executor_, patience);
  timer.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled) over_.notify();
  });
  const auto until = std::chrono::steady_clock::now() + patience;
  while (running_ && std::chrono::steady_clock::now() < until) co_await over_.wait();
}

}  // namespace fanout::session
