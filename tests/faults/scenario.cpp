#include "tests/faults/scenario.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <iostream>
#include <sstream>

#include "server/domain/run/fold.hpp"

namespace fanout::test {

namespace v1 = fanout::v1;

namespace {

const std::vector<std::string> kTasks{"a", "b", "left", "merged", "gated", "blocked", "rebased", "flaky"};

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

Scenario::Scenario() {
  repository_.commit_file("base.txt", "base\n");
  repository_.add_bare_remote("origin");
  // Somebody else has pushed to the branch that task "rebased" will use.
  repository_.git({"checkout", "-q", "-b", "feature/rebased"});
  repository_.commit_file("theirs.txt", "theirs\n");
  repository_.git({"push", "-q", "origin", "feature/rebased"});
  repository_.git({"checkout", "-q", "main"});
  repository_.git({"branch", "-q", "-D", "feature/rebased"});
  write_file(repository_.root() / ".env", "SECRET=1\n");

  const auto work = [&](const char* id) { return agent(repository_, id, commit_line(std::string(id) + ".txt", id)); };
  PlanBuilder plan(repository_, "setup: [\"echo setup >> .git-setup-ran || true\"]\nverify: [\"true\"]\npush: true\n");
  plan.task("a", work("a"), {}, gate("test -f a.txt"));
  plan.task("b", work("b"));
  plan.task("left", agent(repository_, "left", "echo left > left.txt"));
  plan.task("merged", work("merged"), {"a", "b"});
  plan.task("gated", work("gated"), {}, gate("exit 7"));
  plan.task("blocked", work("blocked"), {"gated"});
  plan.task("rebased", work("rebased"), {}, gate("test -f rebased.txt"));
  plan.task("flaky", agent(repository_, "flaky", "test -f flaky.txt || { echo half > flaky.txt; exit 3; }; echo whole >> flaky.txt"),
            {}, "    retries: 1\n");
  plan_ = plan.write();
  daemon_.stop(SIGKILL);  // each scenario starts it as it needs it
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

Outcome Scenario::outcome() {
  Outcome outcome;
  const auto fault = [&](const std::string& text) { outcome.faults.push_back(text); };
  const auto id = ask();
  const auto events = watch(daemon_, id);
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].sequence() != i + 1) fault("event " + std::to_string(i + 1) + " has another number");
  }
  v1::Run folded;
  for (const auto& event : events) domain::apply(folded, event);
  const auto run = get(daemon_, id);
  if (folded.SerializeAsString() != run.SerializeAsString()) fault("the log does not fold to the state");

  for (const auto& name : kTasks) {
    const auto& agent = task(run, name);
    std::ostringstream text;
    if (const char* keep = std::getenv("FANOUT_FAULTS_KEEP"); keep && !agent.branch().empty()) {
      std::system(("git -C " + repository_.root().string() + " ls-tree -r " + agent.branch() + " > " + keep + "." + name).c_str());
    }
    text << domain::phase_name(agent.phase()) << " (" << agent.reason().substr(0, agent.reason().find(';')) << ") " << agent.branch();
    for (const auto& place : {agent.branch(), "origin/" + agent.branch()}) {
      if (agent.branch().empty()) continue;
      if (place.starts_with("origin/")) repository_.try_git({"fetch", "-q", "origin"});
      const auto tree = repository_.try_git({"rev-parse", "-q", "--verify", place + "^{tree}"});
      const auto count = repository_.try_git({"rev-list", "--count", place, "^main"});
      text << " | " << (tree.status == 0 ? tree.text.substr(0, 10) : "-") << " " << (count.status == 0 ? count.text.substr(0, count.text.size() - 1) : "-");
    }
    outcome.tasks[name] = text.str();
    std::map<std::string, std::vector<std::string>> said;
    for (const auto& event : events) {
      if (event.task_id() != name || event.output().role() != "agent") continue;
      for (const auto& line : event.output().lines()) said[name].push_back(line.text());
    }
    std::vector<std::string> expected;
    for (int i = 0; i < 3 * starts_of(name); ++i) expected.push_back(name + " " + std::to_string(i % 3 + 1));
    if (said[name] != expected) {
      std::string lines;
      for (const auto& line : said[name]) lines += " \"" + line + "\"";
      fault(name + ": its lines are not there once, in order:" + lines);
      if (std::getenv("FANOUT_FAULTS_KEEP")) {
        for (const auto& event : events) {
          if (event.task_id() == name || event.task_id().empty()) std::cerr << event.ShortDebugString().substr(0, 300) << std::endl;
        }
        std::cerr << daemon_.log();
      }
    }
    if (!agent.worktree().empty() && !repository_.git({"-C", agent.worktree(), "status", "--porcelain"}).empty()) {
      fault(name + ": its worktree is not clean");
    }
  }
  std::istringstream starts(read_file(repository_.outside() / "starts"));
  std::map<std::string, int> started;
  for (std::string name; starts >> name;) ++started[name];
  for (const auto& [name, count] : started) {
    if (count != starts_of(name)) fault(name + "'s agent was started " + std::to_string(count) + " times");
  }
  v1::ListRunsResponse runs;
  daemon_.runs().ListRuns(patient().get(), {}, &runs);
  if (runs.runs_size() != 1) fault("there are " + std::to_string(runs.runs_size()) + " runs");
  if (const auto fsck = repository_.try_git({"fsck", "--no-dangling", "--no-progress"}); fsck.status != 0) fault("git fsck: " + fsck.text);
  for (const auto& entry : std::filesystem::directory_iterator(repository_.root() / ".git")) {
    if (entry.path().filename().string().starts_with("new-worktree")) fault("a half-made worktree is left in .git");
  }
  const auto worktrees = repository_.git({"worktree", "list", "--porcelain"});
  if (std::count(worktrees.begin(), worktrees.end(), '\n') > 0 && worktrees.find("prunable") != std::string::npos) fault("a worktree is prunable");
  for (int wait = 0; wait < 100 && !daemon_.supervisors().empty(); ++wait) usleep(50'000);
  if (!daemon_.supervisors().empty()) fault("a supervisor is left");
  return outcome;
}

}  // namespace fanout::test
