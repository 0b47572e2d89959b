// What programs commit in their sandbox is taken over: its objects are packed by a git that is in a sandbox itself, since
// what it reads is theirs, checked by one that is not, and the branch moves if it may.
#include "common/error.hpp"
#include "common/text.hpp"
#include "common/whole_file.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;
namespace fs = std::filesystem;

namespace {

constexpr std::chrono::minutes kImportTimeout{30};
constexpr std::uint64_t kMostPacked = 8ull << 30;

/// "import-3", of which there is nothing yet.
std::string next_import(const fs::path& folder) {
  for (int number = 1;; ++number) {
    const auto name = "import-" + std::to_string(number);
    if (!fs::exists(folder / (name + ".want"))) return name;
  }
}

/// The last line that git said.
std::string last_words(const fs::path& log) {
  const auto text = printable(trimmed(file_tail(log)));
  return text.substr(text.rfind('\n') + 1);  // npos + 1 is 0
}

void remove_import(const fs::path& folder, const std::string& name) {
  for (const char* suffix : {".pack", ".pack.log", ".index", ".index.log", "-pack", "-index"}) {
    std::error_code ignored;
    fs::remove_all(folder / (name + suffix), ignored);
  }
}

}  // namespace

awaitable<void> Subagent::take_commits(Taking when) {
  if (!shadow_ || *sandbox_level_ == sandbox::Level::off) co_return;
  const auto turn = co_await importing_.acquire(0);
  Untaken left;
  try {
    left = co_await take_from_shadow(when);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled) throw;
    left.why = error.what();
  }
  if (left.why.empty() || when == Taking::meanwhile) co_return;
  if (when == Taking::after_failure) co_return co_await tell_refused_commits(std::move(left));
  if (!left.kept_as.empty()) left.why += "; what it committed is kept as " + left.kept_as;
  throw Error(ErrorKind::precondition, left.why + "; look at " + worktree_.path.string());
}

/// Why the task failed is another matter; so this would be told nowhere.
awaitable<void> Subagent::tell_refused_commits(Untaken left) {
  const auto told = left.why + left.commit;
  if (told == commits_told_) co_return;
  v1::Event event;
  auto& refused = *event.mutable_commits_refused();
  refused.set_reason(left.why);
  refused.set_head_commit(left.commit);
  refused.set_kept_as(left.kept_as);
  co_await record(std::move(event));
  commits_told_ = told;
}

awaitable<Subagent::Untaken> Subagent::take_from_shadow(Taking when) {
  Untaken left;
  const bool ended = when != Taking::meanwhile;
  std::string unfinished;
  const auto tip = co_await services_.workers.run([&](std::stop_token) {
    if (when == Taking::after_success) unfinished = git::unfinished_in(*shadow_);
    return git::tip_of(*shadow_, worktree_.branch);
  });
  left.why = unfinished.empty() ? tip.fault : "the agent left a " + unfinished + " unfinished in its worktree";
  if (!left.why.empty() || tip.commit == tip.from) co_return left;
  left.why = co_await import_objects(tip);
  if (!left.why.empty()) co_return left;
  const git::TakeOver move{spec_.repository(), worktree_.path, worktree_.branch, base_commit_, tip.from, tip.commit};
  co_await services_.workers.run([&](std::stop_token) {
    left.why = git::take_over(move);
    if (left.why.empty()) git::note_tip(*shadow_, tip.commit);
    if (left.why.empty() || !ended) return;
    left.commit = tip.commit;
    left.kept_as = git::keep_commit(spec_.repository(), spec_.run_id(), task_.id(), tip.commit);
  });
  if (!left.why.empty()) co_return left;
  v1::Event event;
  event.mutable_commits_taken()->set_from(tip.from);
  event.mutable_commits_taken()->set_head_commit(tip.commit);
  co_await record(std::move(event));
  co_return left;
}

awaitable<std::string> Subagent::import_objects(git::ShadowTip tip) {
  const auto folder = attempt_directory();
  std::vector<std::string> sandbox;
  const auto name = co_await services_.workers.run([&](std::stop_token) {
    auto free = next_import(folder);
    write_whole(folder / (free + ".want"), tip.commit + "\n^" + tip.from + "\n");
    process::Command like;
    const Variables around = surroundings();
    like.environment = merged({&around});
    auto wanted = wanted_box(like);
    wanted.shadow = *shadow_;
    sandbox = sandbox::command_prefix(sandbox::reading_box(wanted));
    return free;
  });
  const auto git_dir = "--git-dir=" + shadow_->common.string();
  std::vector<std::string> pack{"git", git_dir, "pack-objects", "--revs", "--local", "--stdout", "-q", "--threads=1"};
  std::vector<std::string> index{"git", "-c", "core.hooksPath=/dev/null", git_dir, "index-pack", "--stdin", "--strict", "--fsck-objects"};
  std::string why, log;
  auto exit = co_await run_import_step(name + ".pack", std::move(pack), folder / (name + ".want"), std::move(sandbox));
  if (!exit.success() || exit.dropped_bytes > 0) {
    why = "what the agent committed cannot be read: ";
    log = name + ".pack.log";
  } else {
    const std::vector<std::string> outside;
    exit = co_await run_import_step(name + ".index", std::move(index), folder / (name + ".pack"), outside);
    if (!exit.success()) {
      why = "what the agent committed is refused: ";
      log = name + ".index.log";
    }
  }
  co_return co_await services_.files.run([&](std::stop_token) {
    const auto text = why.empty() ? why : why + last_words(folder / log);
    remove_import(folder, name);
    return text;
  });
}

/// `name` is that of its output; what it says besides is in a file beside it.
awaitable<process::Exit> Subagent::run_import_step(std::string name, std::vector<std::string> argv, fs::path input,
                                                   std::vector<std::string> sandbox) {
  auto step = fs::path(name).extension().string().substr(1);
  Program program{fs::path(name).stem().string() + "-" + step, "import", "", name, name + ".log", std::move(input), kImportTimeout};
  const Variables nothing_more;
  auto command = command_for(program, nothing_more);
  command.argv = std::move(argv);
  command.sandbox = std::move(sandbox);
  command.directory = "/";
  command.limits = {};
  command.max_output = kMostPacked;
  process::Listener listener;
  process::Told told;
  co_return co_await process::run(runner(), std::move(command), std::move(listener), std::move(told));
}

}  // namespace fanout::subagent
