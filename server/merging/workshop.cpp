#include "server/merging/workshop.hpp"

#include <google/protobuf/util/time_util.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <fstream>

#include "common/crash_point.hpp"
#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/plan/template.hpp"
#include "server/git/removal.hpp"
#include "server/pool/pool.hpp"

namespace fanout::merging {

namespace v1 = fanout::v1;
namespace fs = std::filesystem;
using google::protobuf::util::TimeUtil;

namespace {

constexpr std::chrono::minutes kSetupTimeout{30}, kGateTimeout{15};
constexpr const char* kNote = "repository";

/// A name made fit for a file's.
std::string file_name(std::size_t number, const std::string& role, const std::string& name) {
  std::string safe;
  for (const char c : name) safe += std::isalnum(static_cast<unsigned char>(c)) ? c : '-';
  return role + "-" + std::to_string(number) + "-" + head(safe, 40);
}

std::chrono::milliseconds timeout_of(const v1::Gate& gate) {
  if (!gate.has_timeout()) return kGateTimeout;
  return std::chrono::milliseconds(TimeUtil::DurationToMilliseconds(gate.timeout()));
}

/// BLOCKS. Error system.
void write_note(const fs::path& folder, const std::string& repository) {
  fs::create_directories(folder);
  std::ofstream note(folder / kNote);
  note << repository << "\n" << std::flush;
  if (!note) throw Error(ErrorKind::system, "cannot write " + (folder / kNote).string());
}

}  // namespace

Workshop::Workshop(subagent::Services& services, const fanout::internal::v1::RunSpec& spec, Sink sink)
    : services_(services), spec_(spec), sink_(std::move(sink)), at_work_(services.escapes, git::task_key(spec.run_id(), kTask)) {}

fs::path Workshop::folder_of_all(const subagent::Services& services) { return services.runs_directory.parent_path() / "merges"; }

git::WorktreeRequest Workshop::request(std::string commit) const {
  git::WorktreeRequest wanted;
  wanted.repository = spec_.repository();
  wanted.path = fs::path(spec_.repository()) / domain::render_name(spec_.worktree_pattern(), kTask, spec_.run_id(), kTask);
  wanted.branch = domain::render_name(spec_.branch_pattern(), kTask, spec_.run_id(), kTask);
  wanted.start = std::move(commit);
  wanted.owner = spec_.run_id() + "/" + kTask;
  return wanted;
}

awaitable<Workshop::Verdict> Workshop::try_out(std::string commit, Tasks tasks) {
  ++tries_;
  std::exception_ptr failed;
  Verdict verdict;
  try {
    verdict = co_await run_all(std::move(commit), std::move(tasks));
  } catch (...) {
    failed = std::current_exception();
  }
  co_await boost::asio::this_coro::throw_if_cancelled(false);  // what is there is cleared away in any case
  co_await remove_worktree();
  co_await boost::asio::this_coro::throw_if_cancelled(true);
  if (failed) std::rethrow_exception(failed);
  co_return verdict;
}

awaitable<Workshop::Verdict> Workshop::run_all(std::string commit, Tasks tasks) {
  co_await make_worktree(commit);
  const auto setup = co_await prepare(commit, tasks);
  Verdict verdict;
  std::size_t number = 0;
  for (const auto& command : setup) {
    Program program{file_name(++number, "setup", command), "setup", command, command, tasks.front(), kSetupTimeout};
    const bool passed = co_await passes(std::move(program), verdict);
    if (!passed) co_return verdict;
  }
  number = 0;
  for (const auto& check : domain::merging::gates_of(tasks)) {
    const auto owner = std::find_if(tasks.begin(), tasks.end(), [&](const auto* task) { return task->id() == check.task; });
    Program program{file_name(++number, "gate", check.gate.name()), "gate", check.gate.name(), check.gate.run(), *owner,
                    timeout_of(check.gate)};
    const bool passed = co_await passes(std::move(program), verdict);
    if (!passed) co_return verdict;
  }
  verdict.green = true;
  co_return verdict;
}

/// One from the pool, where there is one.
awaitable<void> Workshop::make_worktree(std::string commit) {
  const auto wanted = request(std::move(commit));
  const auto top = wanted.path.lexically_relative(wanted.repository).begin()->string();
  std::optional<pool::Taken> taken;
  if (spec_.pool()) taken = co_await services_.pool.take(spec_.repository(), wanted.start);
  bool from_pool = false;
  auto added = co_await services_.workers.run_until_done<git::AddedWorktree>(
      [&](std::stop_token stop, async::WorkerPool::Done<git::AddedWorktree> done) {
        git::exclude_from_status(wanted.repository, top);
        auto claimed = taken ? pool::claim(wanted, *taken) : std::nullopt;
        from_pool = claimed.has_value();
        if (claimed) return done({}, {std::move(*claimed), ""});
        git::add_worktree(wanted, services_.materialiser, std::move(stop), std::move(done));
      });
  if (taken) from_pool ? services_.pool.used(*taken) : services_.pool.spoiled(*taken);
  worktree_ = std::move(added.worktree);
  crash_point("merge.worktree");
}

awaitable<bool> Workshop::passes(Program program, Verdict& verdict) {
  co_await tell(program, nullptr);
  const auto result = co_await run(program);
  co_await tell(program, &result);
  if (result.passed()) co_return true;
  verdict.in_setup = program.role == "setup";
  verdict.failed = result;
  const auto what = verdict.in_setup ? "setup command \"" + program.command + "\"" : "gate \"" + program.title + "\"";
  const auto how = result.has_exit_code() ? " with exit code " + std::to_string(result.exit_code()) : ", ended by its deadline or a signal,";
  verdict.reason = what + " fails" + how + " in the merged result; its output: " + (attempt_folder() / (program.name + ".log")).string();
  co_return false;
}

awaitable<v1::GateResult> Workshop::run(Program program) {
  const auto slot = co_await admit(program);
  const std::map<std::string, std::string> names(program.task->secret_env().begin(), program.task->secret_env().end());
  const auto secrets = co_await services_.files.run([&](std::stop_token) {
    fs::create_directories(attempt_folder());
    return names.empty() ? subagent::Variables{} : services_.secrets.values(names);
  });
  auto command = command_for(program, secrets);
  process::Listener nobody;
  process::Told nothing;
  const auto exit = co_await process::run(runner(), std::move(command), std::move(nobody), std::move(nothing));
  v1::GateResult result;
  result.set_name(program.title);
  result.set_passed(exit.success());
  if (exit.code && !exit.timed_out) result.set_exit_code(*exit.code);
  *result.mutable_duration() = TimeUtil::MillisecondsToDuration(exit.duration.count());
  result.set_output_tail(co_await services_.files.run(
      [&](std::stop_token) { return subagent::file_tail(attempt_folder() / (program.name + ".log")); }));
  co_return result;
}

/// It shares the cores with the gates of tasks.
awaitable<admission::Ticket> Workshop::admit(const Program& program) {
  if (program.role == "setup") co_return admission::Ticket();
  admission::Request request;
  request.kind = admission::Kind::test;
  request.run = spec_.run_id();
  request.task = kTask;
  request.run_agents = spec_.max_parallel();
  request.folders = {spec_.repository()};
  auto ticket = services_.admission.queue(std::move(request));
  std::string told;
  while (!ticket.admitted()) {
    const auto text = ticket.verdict().text;
    if (!text.empty() && text != told) co_await tell_waiting(text);
    told = text;
    if (!ticket.admitted()) co_await ticket.change();
  }
  if (!told.empty()) co_await tell_waiting("");
  co_return ticket;
}

awaitable<void> Workshop::tell(const Program& program, const v1::GateResult* result) {
  v1::MergeResponse step;
  auto& command = *step.mutable_command();
  command.set_role(program.role);
  command.set_name(program.title);
  command.set_command(program.command);
  if (result) *command.mutable_result() = *result;
  return sink_(std::move(step));
}

awaitable<void> Workshop::tell_waiting(std::string text) {
  v1::MergeResponse step;
  step.mutable_waiting()->set_text(text.empty() ? text : "it waits for " + text);
  return sink_(std::move(step));
}

awaitable<void> Workshop::remove_worktree() {
  if (worktree_.path.empty()) co_return;
  const auto gone = std::exchange(worktree_, {});
  ports_ = {};
  try {
    co_await services_.workers.run([&](std::stop_token) {
      git::remove_worktree(spec_.repository(), gone.path);
      if (const auto tip = git::branch_tip(spec_.repository(), gone.branch)) git::delete_branch(spec_.repository(), gone.branch, *tip);
    });
  } catch (const std::exception& error) {
    stuck_ = true;
    spdlog::warn("run {}: what its merge was tried in stays for now: {}", spec_.run_id(), error.what());
  }
}

/// Neither of both holds an "@".
std::string Workshop::name_of(const fanout::internal::v1::RunSpec& spec) {
  return spec.run_id() + (spec.repository_name().empty() ? "" : "@" + spec.repository_name());
}

std::string Workshop::noted_repository(const fs::path& folder) {
  std::ifstream note(folder / kNote);
  std::string repository;
  std::getline(note, repository);
  return repository;
}

awaitable<void> Workshop::open() {
  co_await clear();
  co_await services_.files.run([&](std::stop_token) { write_note(folder(), spec_.repository()); });
}

/// The note of what could not be removed stays: the next merge of the run, or the next daemon, tries again.
awaitable<void> Workshop::close() {
  if (stuck_) co_return;
  co_await services_.files.run([&](std::stop_token) {
    std::error_code ignored;
    fs::remove(folder() / kNote, ignored);
  });
}

/// What a process that died was making is taken up, and then goes like any other.
awaitable<void> Workshop::clear() {
  const bool noted = co_await services_.files.run([&](std::stop_token) { return fs::exists(folder() / kNote); });
  if (noted) {
    const auto tries = co_await services_.files.run([&](std::stop_token) {
      std::vector<fs::path> folders;
      for (const auto& entry : fs::directory_iterator(folder())) {
        if (entry.is_directory()) folders.push_back(entry.path());
      }
      return folders;
    });
    for (const auto& one : tries) co_await process::end_all(runner(), one);
    const auto wanted = request(spec_.base_commit());
    auto left = co_await services_.workers.run_until_done<git::AddedWorktree>(
        [&](std::stop_token stop, async::WorkerPool::Done<git::AddedWorktree> done) {
          git::add_worktree(wanted, services_.materialiser, std::move(stop), std::move(done));
        });
    worktree_ = std::move(left.worktree);
    co_await remove_worktree();
  }
  co_await services_.files.run([&](std::stop_token) { fs::remove_all(folder()); });
}

}  // namespace fanout::merging
