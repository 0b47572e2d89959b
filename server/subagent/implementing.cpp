// Implementing: the agent at work, and the commit of what it left.
#include <google/protobuf/util/time_util.h>

#include <fstream>

#include "common/duration.hpp"
#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"
#include "server/domain/plan/template.hpp"
#include "server/domain/subagent/retry.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
using domain::Input;
using domain::InputKind;
using google::protobuf::util::TimeUtil;

namespace {

constexpr std::size_t kMaxSubject = 72;

/// Slots go to the most urgent task first, then in plan order.
long rank(const fanout::internal::v1::RunSpec& spec, const fanout::internal::v1::TaskSpec& task) {
  const std::array<std::string, 4> priorities{"blocker", "high", "medium", "low"};
  const auto priority = std::find(priorities.begin(), priorities.end(), task.priority()) - priorities.begin();
  long position = 0;
  for (const auto& other : spec.tasks()) {
    if (other.id() == task.id()) break;
    ++position;
  }
  return priority * 1'000'000 + position;
}

void write_private(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  const auto draft = file.string() + ".new";
  std::ofstream out(draft, std::ios::binary | std::ios::trunc);
  out << text;
  std::filesystem::permissions(draft, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  if (!out.flush()) throw Error(ErrorKind::system, "cannot write " + file.string() + ": is the disk full?");
  std::filesystem::rename(draft, file);
}

std::string lines_or(const std::vector<std::string>& lines, const std::string& otherwise) {
  return lines.empty() ? otherwise : join(lines, "\n");
}

std::string or_none(const std::string& command) { return command.empty() ? "(none known)" : command; }

/// The seed's commit form: "type: brief", and a trailer that names the task.
std::string commit_message(const fanout::internal::v1::RunSpec& spec, const fanout::internal::v1::TaskSpec& task) {
  const auto subject = task.commit_type() + ": " + (task.title().empty() ? task.id() : task.title());
  return head(subject, kMaxSubject) + "\n\nImplements: " + task.id() + "\nFanout-Run: " + spec.run_id() + "\n";
}

}  // namespace

awaitable<Input> Subagent::take_slot() {
  if (!slots_.available()) {
    v1::Event event;
    event.mutable_waiting()->set_for_("an agent slot (" + std::to_string(spec_.max_parallel()) +
                                      " agents run at once)");
    co_await record(std::move(event));
  }
  slot_ = co_await slots_.acquire(rank(spec_, task_));
  co_return Input{InputKind::slot_taken, {}, {}};
}

/// Without a number where there is none, or none yet: nobody waits for it.
v1::Issue Subagent::known_issue() const {
  const auto* run = services_.log.open(spec_.run_id());
  const auto* agent = run ? domain::find_subagent(*run, task_.id()) : nullptr;
  return agent ? agent->issue() : v1::Issue();
}

std::string Subagent::prompt(const v1::Issue& issue) const {
  std::map<std::string, std::string> values(task_.prompt_values().begin(), task_.prompt_values().end());
  std::vector<std::string> gates;
  for (const auto& gate : task_.gates()) gates.push_back("- " + gate.name() + ": `" + gate.run() + "`");
  const auto set = [&](const char* name, std::string value) { values[name] = std::move(value); };
  set("run_id", spec_.run_id());
  set("worktree", worktree_.path.string());
  set("worktree_path", worktree_.path.string());
  set("branch", worktree_.branch);
  set("base_commit", base_commit_);
  const auto number = issue.number() == 0 ? "" : std::to_string(issue.number());
  set("issue", number);
  set("issue_num", number);
  set("issue_url", issue.url());
  set("project_setup_commands", lines_or(detected_.setup, "(none: the environment is ready)"));
  set("project_verify_command", lines_or(detected_.verify, "(none)"));
  set("unit_test_command", or_none(detected_.unit_test));
  set("integration_test_command", or_none(detected_.integration_test));
  set("lint_command", or_none(detected_.lint));
  set("typecheck_command", or_none(detected_.typecheck));
  set("format_command", or_none(detected_.format));
  set("specific_tests", values["task.tests_list"]);
  set("gates_list", lines_or(gates, "(none)"));
  auto text = domain::render(task_.prompt_template(), values);
  if (progress_.retry) text += domain::about_the_failure(*progress_.retry);
  return text;
}

awaitable<Input> Subagent::run_agent() {
  const auto slot = std::move(slot_);  // given back when the agent has ended, however that is
  const auto file = attempt_directory() / "prompt.md";
  const auto text = prompt(known_issue());
  co_await services_.files.run([&](std::stop_token) {
    if (!std::filesystem::exists(file)) write_private(file, text);  // else the agent may be reading it
  });

  const std::chrono::milliseconds timeout(TimeUtil::DurationToMilliseconds(task_.timeout()));
  const std::chrono::milliseconds silence(TimeUtil::DurationToMilliseconds(task_.stall_timeout()));
  Program program{"agent", "agent", task_.agent_command(), "agent.stdout", "agent.stderr", file, timeout, silence};
  const auto exit = co_await run_agent_program(std::move(program));
  co_await take_snapshot("the agent has ended");
  if (exit.success()) co_return Input{InputKind::agent_succeeded, {}, {}};
  if (exit.silent) {
    co_return Input{InputKind::work_failed,
                    "the agent said nothing for " + format_duration(silence) +
                        " (stall_timeout); it was alive and was ended",
                    {}};
  }
  co_return Input{InputKind::work_failed, describe_end("the agent", exit, timeout), {}};
}

awaitable<process::Exit> Subagent::run_agent_program(Program program) {
  co_await async::checkpoint();  // what is started below is awaited
  async::TaskGroup meanwhile(services_.executor);
  meanwhile.spawn(take_snapshots_while_it_runs());
  std::exception_ptr error;
  process::Exit exit;
  try {
    exit = co_await run_program(std::move(program));
  } catch (...) {
    error = std::current_exception();
  }
  meanwhile.cancel();
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  co_await meanwhile.join();
  if (error) std::rethrow_exception(error);
  co_return exit;
}

awaitable<Input> Subagent::commit_work() {
  if (progress_.committed) co_return Input{InputKind::work_committed, {}, {}};
  struct Work {
    std::optional<std::string> commit;
    git::BranchSummary branch;
  };
  const auto work = co_await services_.workers.run([&](std::stop_token) {
    git::release_dead_locks(spec_.repository(), worktree_.path, worktree_.branch, spec_.remote());
    if (const auto branch = git::current_branch(worktree_.path); branch != worktree_.branch) {
      throw Error(ErrorKind::precondition, "the agent left its branch " + worktree_.branch + ": the worktree is " +
                                               (branch.empty() ? "on a detached HEAD" : "on " + branch) +
                                               "; nothing was changed, look at " + worktree_.path.string());
    }
    Work found;
    found.commit = git::commit_all(worktree_.path, commit_message(spec_, task_));
    found.branch = git::summarise_branch(spec_.repository(), base_commit_, worktree_.branch);
    return found;
  });
  if (work.branch.commits.empty() && !task_.allow_empty()) {
    co_return Input{InputKind::nothing_changed,
                    "the agent changed nothing (a task for which that is right says allow_empty: true)",
                    {}};
  }
  v1::Event event;
  auto& committed = *event.mutable_work_committed();
  committed.set_commit_count(static_cast<std::uint32_t>(work.branch.commits.size()));
  committed.set_fanout_commit(work.commit.value_or(""));
  committed.set_head_commit(work.branch.head);
  committed.set_file_count(static_cast<std::uint32_t>(work.branch.files.size()));
  co_await record(std::move(event));
  co_return Input{InputKind::work_committed, {}, {}};
}

}  // namespace fanout::subagent
