#include "tests/faults/scenario.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <sstream>

#include "server/domain/run/fold.hpp"
#include "server/github/marker.hpp"
#include "tests/support/programs.hpp"

namespace fanout::test {

namespace v1 = fanout::v1;

namespace {

/// How often each agent is to be started.
int starts_of(const std::string& name) { return name == "flaky" ? 2 : name == "blocked" ? 0 : 1; }

/// An agent: notes its start outside of the repository, then works a little.
std::string agent(const GitSandbox& repository, const std::string& name, const std::string& work) {
  return "echo " + name + " >> " + (repository.outside() / "starts").string() +
         "; for i in 1 2 3; do echo " + name + " $i; sleep 0.01; done; " + work;
}

std::string gate(const std::string& run) { return "    gates:\n      - {name: check, run: \"" + run + "\"}\n"; }

}  // namespace

std::string difference(const Outcome& outcome, const Outcome& expected) {
  std::string text;
  for (const auto& [name, was] : expected.tasks) {
    const auto& is = outcome.tasks.at(name);
    if (is != was) text += "\n  " + name + ": " + is + "\n  instead of: " + was;
  }
  for (const auto& fault : outcome.faults) text += "\n  " + fault;
  return text;
}

Scenario::Scenario(Tracker tracker)
    : github_(tracker == Tracker::github ? std::make_unique<GithubServer>() : nullptr),
      tasks_{"a", "b", "left", "merged", "gated", "blocked", "flaky"},
      daemon_("20ms", environment()) {
  repository_.commit_file("base.txt", "base\n");
  repository_.add_bare_remote("origin");
  write_file(repository_.root() / ".env", "SECRET=1\n");
  if (github_) {
    set_up_tracker();
  } else {
    tasks_.push_back("rebased");
    // Somebody else has pushed to the branch that this task will use.
    repository_.git({"checkout", "-q", "-b", "feature/rebased"});
    repository_.commit_file("theirs.txt", "theirs\n");
    repository_.git({"push", "-q", "origin", "feature/rebased"});
    repository_.git({"checkout", "-q", "main"});
    repository_.git({"branch", "-q", "-D", "feature/rebased"});
  }
  plan_ = write_plan();
  daemon_.stop(SIGKILL);  // each scenario starts it as it needs it
  daemon_.set_program(built("server/fanoutd-with-crash-points"));
}

/// As in a clone of octo/hello on github.com: pushes go to a folder, and the API is elsewhere.
void Scenario::set_up_tracker() {
  const auto pushes = repository_.outside() / "origin.git";
  const auto there = repository_.git({"remote", "get-url", "origin"});
  repository_.git({"remote", "set-url", "--push", "origin", there});
  repository_.git({"remote", "set-url", "origin", "https://github.com/octo/hello.git"});
  github_->with([&](World& world) { world.pushes = there; });
  // A lost answer is looked for at once: the list of this server does not lag.
  daemon_.set_options({"--tracker-looks", "50ms,150ms,400ms"});
}

std::vector<std::string> Scenario::environment() const {
  if (!github_) return {};
  const auto endpoints = github_->endpoints();
  return {"GH_TOKEN=" + github_->token(), "GITHUB_SERVER_URL=https://github.com", "GITHUB_API_URL=" + endpoints.rest,
          "GITHUB_GRAPHQL_URL=" + endpoints.graphql};
}

std::filesystem::path Scenario::write_plan() {
  const auto work = [&](const char* id) { return agent(repository_, id, commit_line(std::string(id) + ".txt", id)); };
  const std::string tracker = github_ ? "tracker: github\n" : "";
  PlanBuilder plan(repository_, "setup: [\"echo setup >> .git-setup-ran || true\"]\nverify: [\"true\"]\npush: true\n" + tracker);
  plan.task("a", work("a"), {}, gate("test -f a.txt"));
  plan.task("b", work("b"));
  plan.task("left", agent(repository_, "left", "echo left > left.txt"));
  plan.task("merged", work("merged"), {"a", "b"});
  plan.task("gated", work("gated"), {}, gate("exit 7"));
  plan.task("blocked", work("blocked"), {"gated"});
  if (!github_) plan.task("rebased", work("rebased"), {}, gate("test -f rebased.txt"));
  plan.task("flaky", agent(repository_, "flaky", "test -f flaky.txt || { echo half > flaky.txt; exit 3; }; echo whole >> flaky.txt"),
            {}, "    retries: 1\n");
  return plan.write();
}

bool Scenario::begin(const std::vector<std::string>& environment) {
  daemon_.start(environment);
  v1::ExecutePlanRequest request;
  request.set_plan_path(plan_.string());
  request.set_working_directory(plan_.parent_path().string());
  request.set_request_id("the-one");
  v1::ExecutePlanResponse response;
  return daemon_.runs().ExecutePlan(patient().get(), request, &response).ok();
}

void Scenario::die_and_start_again() {
  daemon_.stop(SIGKILL);
  daemon_.start();
}

bool Scenario::dies_at(const std::string& point) {
  if (daemon_.pid() > 0) daemon_.stop(SIGKILL);
  return !begin({"FANOUT_CRASH_AT=" + point}) || watch_to_the_end();
}

/// As a client does that got no answer: the same request again, by its id.
std::string Scenario::ask() {
  return execute(daemon_, plan_, [](v1::ExecutePlanRequest& request) { request.set_request_id("the-one"); });
}

bool Scenario::watch_to_the_end() {
  v1::ListRunsRequest request;
  v1::ListRunsResponse response;
  if (!daemon_.runs().ListRuns(patient().get(), request, &response).ok() || response.runs().empty()) return true;
  try {
    watch(daemon_, response.runs(0).id());
    return false;
  } catch (const std::exception&) {
    return true;
  }
}

/// What the run left to do at its tracker.
void Scenario::finish_at_tracker(const std::string& run) {
  v1::SyncRunRequest request;
  request.set_run_id(run);
  v1::SyncRunResponse response;
  response.set_pending(1);
  for (int tries = 0; tries < 10 && response.pending() > 0; ++tries) {
    if (!daemon_.runs().SyncRun(patient().get(), request, &response).ok()) return;
  }
}

Outcome Scenario::outcome() {
  Outcome outcome;
  const auto id = ask();
  auto events = watch(daemon_, id);
  if (github_) {
    finish_at_tracker(id);
    const auto more = watch(daemon_, id, events.size());
    events.insert(events.end(), more.begin(), more.end());
  }
  v1::Run folded;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].sequence() != i + 1) outcome.faults.push_back("event " + std::to_string(i + 1) + " has another number");
    domain::apply(folded, events[i]);
  }
  const auto run = get(daemon_, id);
  if (folded.SerializeAsString() != run.SerializeAsString()) outcome.faults.push_back("the log does not fold to the state");
  for (const auto& name : tasks_) outcome.tasks[name] = describe(task(run, name));
  look_at_lines(outcome, events);
  look_at_worktrees(outcome, run);
  if (github_) look_at_tracker(outcome, run);
  look_for_leftovers(outcome);
  return outcome;
}

/// Phase, reason, branch; the tree of its tip and its number of commits, here and where it was pushed.
std::string Scenario::describe(const v1::Subagent& agent) {
  std::ostringstream text;
  text << domain::phase_name(agent.phase()) << " (" << agent.reason().substr(0, agent.reason().find(';')) << ") " << agent.branch();
  if (agent.branch().empty()) return text.str();
  const auto pushes = repository_.try_git({"remote", "get-url", "--push", "origin"}).text;
  repository_.try_git({"fetch", "-q", pushes.substr(0, pushes.find('\n')), "+refs/heads/*:refs/remotes/there/*"});
  for (const auto& place : {agent.branch(), "there/" + agent.branch()}) {
    const auto tree = repository_.try_git({"rev-parse", "-q", "--verify", place + "^{tree}"});
    const auto count = repository_.try_git({"rev-list", "--count", place, "^main"});
    text << " | " << (tree.status == 0 ? tree.text.substr(0, 10) : "-") << " "
         << (count.status == 0 ? count.text.substr(0, count.text.size() - 1) : "-");
  }
  return text.str();
}

void Scenario::look_at_lines(Outcome& outcome, const std::vector<v1::Event>& events) {
  std::map<std::string, std::vector<std::string>> said;
  for (const auto& event : events) {
    if (event.output().role() != "agent") continue;
    for (const auto& line : event.output().lines()) said[event.task_id()].push_back(line.text());
  }
  for (const auto& name : tasks_) {
    std::vector<std::string> expected;
    for (int i = 0; i < 3 * starts_of(name); ++i) expected.push_back(name + " " + std::to_string(i % 3 + 1));
    if (said[name] == expected) continue;
    std::string lines;
    for (const auto& line : said[name]) lines += " \"" + line + "\"";
    outcome.faults.push_back(name + ": its lines are not there once, in order:" + lines);
  }
  std::istringstream starts(read_file(repository_.outside() / "starts"));
  std::map<std::string, int> started;
  for (std::string name; starts >> name;) ++started[name];
  for (const auto& [name, count] : started) {
    if (count == starts_of(name)) continue;
    outcome.faults.push_back(name + "'s agent was started " + std::to_string(count) + " times");
  }
}

void Scenario::look_at_worktrees(Outcome& outcome, const v1::Run& run) {
  for (const auto& name : tasks_) {
    const auto& worktree = task(run, name).worktree();
    if (!worktree.empty() && !repository_.git({"-C", worktree, "status", "--porcelain"}).empty()) {
      outcome.faults.push_back(name + ": its worktree is not clean");
    }
  }
  const auto fsck = repository_.try_git({"fsck", "--no-dangling", "--no-progress"});
  if (fsck.status != 0) outcome.faults.push_back("git fsck: " + fsck.text);
  for (const auto& entry : std::filesystem::directory_iterator(repository_.root() / ".git")) {
    if (entry.path().filename().string().starts_with("new-worktree")) outcome.faults.push_back("a half-made worktree is left in .git");
  }
  if (repository_.git({"worktree", "list", "--porcelain"}).find("prunable") != std::string::npos) {
    outcome.faults.push_back("a worktree is prunable");
  }
}

/// One issue for each task and one comment on it, one pull request for each branch; and what the run knows of them.
void Scenario::look_at_tracker(Outcome& outcome, const v1::Run& run) {
  std::map<std::string, std::vector<ServerIssue>> issues;
  for (const auto& issue : github_->issues()) issues[issue.title].push_back(issue);
  std::map<std::string, std::size_t> pulls;
  for (const auto& pull : github_->pulls()) ++pulls[pull.head];
  for (const auto& name : tasks_) {
    const auto& agent = task(run, name);
    const auto& ours = issues["do " + name];
    auto& text = outcome.tasks[name];
    text += " | " + std::to_string(ours.size()) + " issues";
    for (const auto& issue : ours) {
      text += " " + issue.state + " with " + std::to_string(issue.comments.size()) + " comments";
      if (agent.issue().number() != issue.number) outcome.faults.push_back(name + ": the run knows another issue");
    }
    text += ", " + std::to_string(pulls[agent.branch()]) + " pull requests";
    if (agent.has_pull_request() != (pulls[agent.branch()] == 1)) outcome.faults.push_back(name + ": the run knows another pull request");
  }
  for (const auto& violation : github_->violations()) outcome.faults.push_back("GitHub: " + violation);
  if (run.tracker_pending() > 0) outcome.faults.push_back("steps at the tracker are not done: " + run.tracker_waiting());
}

void Scenario::look_for_leftovers(Outcome& outcome) {
  v1::ListRunsResponse runs;
  daemon_.runs().ListRuns(patient().get(), {}, &runs);
  if (runs.runs_size() != 1) outcome.faults.push_back("there are " + std::to_string(runs.runs_size()) + " runs");
  for (int wait = 0; wait < 600 && !daemon_.supervisors().empty(); ++wait) usleep(50'000);
  if (!daemon_.supervisors().empty()) outcome.faults.push_back("a supervisor is left");
  const auto marked = daemon_.programs();
  if (!marked.empty()) outcome.faults.push_back(std::to_string(marked.size()) + " processes of agents are left");
}

}  // namespace fanout::test
