// From a repository to a plan, by the real daemon and the real command line.
#include "fanout/v1/editing.grpc.pb.h"
#include "tests/integration/tracker_fixture.hpp"

namespace fanout::test {
namespace {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Editing : public OnGithub {
 protected:
  Output fanout(std::vector<std::string> words) {
    std::vector<std::string> argv{FANOUT, "--socket", daemon_.socket().string(), "--no-start"};
    argv.insert(argv.end(), words.begin(), words.end());
    return run_in(repository_.root(), argv);
  }

  void open_issue(const std::string& title, const std::string& body, const std::string& label = "ready", const std::string& state = "open") {
    server_.with([&](World& world) {
      ServerIssue issue;
      issue.number = world.next_number();
      issue.title = title;
      issue.body = body;
      issue.labels = {label};
      issue.state = state;
      world.issues.push_back(issue);
    });
  }

  void open_pull(const std::string& title) {
    server_.with([&](World& world) {
      ServerPull pull;
      pull.number = world.next_number();
      pull.title = title;
      pull.head = "x";
      pull.labels = {"ready"};
      world.pulls.push_back(pull);
    });
  }

  std::string read(const std::string& file) const { return read_file(repository_.root() / file); }
};

TEST_F(Editing, ANewcomerGetsFromARepositoryToARun) {
  repository_.commit_file("Makefile", "test:\n\ttest -e README.md\n");
  const auto began = fanout({"init"});
  ASSERT_EQ(began.status, 0) << began.text;
  EXPECT_THAT(began.text, AllOf(HasSubstr("make test"), HasSubstr("Makefile"), HasSubstr("Wrote: .fanout.yaml"), HasSubstr("fanout execute")));
  const auto again = fanout({"init"});
  EXPECT_THAT(again.text, AllOf(HasSubstr(".fanout.yaml is there already"), HasSubstr("plan.yaml is there already")));

  const auto added = fanout({"plan", "add", "Say hello", "--files", "hello.txt,Makefile", "--depends", "example", "--priority", "high", "--prompt", "Say it."});
  ASSERT_EQ(added.status, 0) << added.text;
  EXPECT_THAT(added.text, HasSubstr("Added: say-hello  .parallel/plans/tasks/say-hello.md"));
  EXPECT_THAT(read(".parallel/plans/tasks/say-hello.md"), AllOf(HasSubstr("**Create:**\n- `hello.txt`"), HasSubstr("**Modify:**\n- `Makefile`")));
  const auto before = read(".parallel/plans/plan.yaml");
  const auto refused = fanout({"plan", "add", "Say hello", "--id", "say-hello"});
  EXPECT_EQ(refused.status, 1) << refused.text;
  EXPECT_THAT(refused.text, HasSubstr("nothing was changed"));
  EXPECT_EQ(fanout({"plan", "add", "x", "--depends", "nobody"}).status, 2);
  EXPECT_EQ(read(".parallel/plans/plan.yaml"), before);

  const auto valid = fanout({"plan", "validate"});
  EXPECT_EQ(valid.status, 0) << valid.text;
  EXPECT_THAT(valid.text, HasSubstr("2 tasks, no faults"));
  const auto run = run_to_end(daemon_, repository_.root() / ".parallel/plans/plan.yaml", [](auto& request) {
    request.mutable_overrides()->set_agent("sh -c 'echo hello > README.md; echo $FANOUT_TASK_ID > $FANOUT_TASK_ID.txt'");
  });
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
}

TEST_F(Editing, APlanIsMadeOnceAndFaultsOfTheResultAreTold) {
  EXPECT_EQ(fanout({"plan", "add", "x"}).status, 2) << "there is none yet";
  const auto made = fanout({"plan", "new", "My plan", "--file", "plans/mine.yaml"});
  ASSERT_EQ(made.status, 0) << made.text;
  EXPECT_THAT(made.text, AllOf(HasSubstr("Wrote: plans/mine.yaml"), HasSubstr("--plan")));
  EXPECT_THAT(read("plans/mine.yaml"), HasSubstr("name: \"My plan\""));
  const auto again = fanout({"plan", "new", "--file", "plans/mine.yaml"});
  EXPECT_EQ(again.status, 1);
  EXPECT_THAT(again.text, HasSubstr("is there already"));
  write_file(repository_.root() / "plans/mine.yaml", "tasks:\n  - {id: a, prompt: go, dependencies: [b]}\n");
  const auto cycle = fanout({"plan", "add", "b", "--depends", "a", "--plan", "plans/mine.yaml"});
  EXPECT_EQ(cycle.status, 2);
  EXPECT_THAT(cycle.text, AllOf(HasSubstr("plans/mine.yaml:2:"), HasSubstr("wait for each other"), HasSubstr("1 error; nothing was changed")));
  EXPECT_FALSE(fs::exists(repository_.root() / "plans/tasks/b.md"));
}

TEST_F(Editing, TwoAtOnceLoseNothing) {
  ASSERT_EQ(fanout({"plan", "new"}).status, 0);
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&, i] {
      v1::AddTaskRequest request;
      request.set_plan_path((repository_.root() / ".parallel/plans/plan.yaml").string());
      request.set_title("Task " + std::to_string(i));
      v1::AddTaskResponse response;
      const auto status = v1::EditingService::NewStub(daemon_.channel())->AddTask(patient().get(), request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_THAT(fanout({"plan", "validate"}).text, HasSubstr("8 tasks, no faults"));
}

TEST_F(Editing, IssuesBecomeTasksOnceAndOldestFirst) {
  ASSERT_EQ(fanout({"plan", "new"}).status, 0);
  open_issue("First", "Do the first.\n## Files to Touch\n- `x`\n");
  open_pull("Not an issue");
  open_issue("Closed", "", "ready", "closed");
  open_issue("Not ready", "", "later");
  for (int i = 0; i < 120; ++i) open_issue("Number " + std::to_string(i), "");
  const auto one = fanout({"plan", "from-issues", "--label", "ready", "--limit", "1"});
  ASSERT_EQ(one.status, 0) << one.text;
  EXPECT_THAT(one.text, AllOf(HasSubstr("Added: issue-1-first"), HasSubstr("https://github.com/octo/hello/issues/1")));
  EXPECT_THAT(read(".parallel/plans/tasks/issue-1-first.md"), HasSubstr("\n> ## Files to Touch\n"));
  const auto all = fanout({"plan", "from-issues", "--label", "ready", "--limit", "1000"});
  ASSERT_EQ(all.status, 0) << all.text;
  EXPECT_THAT(all.text, AllOf(HasSubstr("Added: issue-124-number-119"), HasSubstr("1 issue has its task already"), Not(HasSubstr("not-an-issue")),
                              Not(HasSubstr("closed")), Not(HasSubstr("not-ready"))));
  EXPECT_THAT(fanout({"plan", "validate"}).text, HasSubstr("121 tasks, no faults"));
  EXPECT_THAT(fanout({"plan", "from-issues", "--label", "nobody has it"}).text, HasSubstr("nothing was added"));
  EXPECT_THAT(server_.violations(), testing::IsEmpty());
}

/// An agent that does what each role is told; the one that makes the plan forgets a task file the first time.
constexpr const char* kPlanningAgent = R"(#!/bin/sh
set -e
cat > "$0.$FANOUT_TASK_ID.prompt"
case $FANOUT_TASK_ID in
  research-*) mkdir -p fanout-draft/findings; echo "found by $FANOUT_TASK_ID" > "fanout-draft/findings/${FANOUT_TASK_ID#research-}.md" ;;
  plan)
    cat fanout-draft/findings/*.md > "$0.read"
    mkdir -p fanout-draft/tasks
    printf 'metadata: {name: Passkeys}\ntasks:\n  - {id: store, name: Store keys, file: tasks/store.md}\n  - {id: login, prompt: log in, dependencies: [store]}\n' > fanout-draft/plan.yaml
    if [ -e "$0.once" ]; then printf -- '---\nid: store\n---\n# Store keys\n## Objective\nKeys are stored.\n' > fanout-draft/tasks/store.md; fi
    touch "$0.once" ;;
esac
)";

TEST_F(Editing, AgentsMakeAPlanForAGoal) {
  const auto agent = repository_.outside() / "agent";
  write_file(agent, kPlanningAgent);
  fs::permissions(agent, fs::perms::owner_all);
  const auto made = fanout({"plan", "draft", "Log in with {passkeys}: \"now\"", "--agent", agent.string()});
  ASSERT_EQ(made.status, 0) << made.text;
  EXPECT_THAT(made.text, AllOf(HasSubstr("Wrote: .parallel/plans/log-in-with-passkeys-now/plan.yaml  2 tasks"), HasSubstr("fanout execute")));
  EXPECT_EQ(read_file(agent.string() + ".read"), "found by research-codebase\nfound by research-libraries\nfound by research-prior-art\n"
                                                 "found by research-requirements\nfound by research-risks\n");
  EXPECT_THAT(read_file(agent.string() + ".research-risks.prompt"), AllOf(HasSubstr("Log in with {passkeys}: \"now\""), HasSubstr("fanout-draft/findings/risks.md")));
  EXPECT_THAT(read_file(agent.string() + ".plan.prompt"), HasSubstr("tasks/store.md")) << "what was wrong went back to it";
  EXPECT_THAT(fanout({"plan", "validate", ".parallel/plans/log-in-with-passkeys-now"}).text, HasSubstr("2 tasks, no faults"));
  EXPECT_THAT(repository_.git({"status", "--porcelain"}), "?? .parallel/");
  const auto again = fanout({"plan", "adopt", "last"});
  EXPECT_EQ(again.status, 1);
  EXPECT_THAT(again.text, HasSubstr("is there already"));
}

TEST_F(Editing, ARepositorysOwnRolesAreAsked) {
  const auto agent = repository_.outside() / "agent";
  write_file(agent, kPlanningAgent);
  fs::permissions(agent, fs::perms::owner_all);
  write_file(agent.string() + ".once", "");
  write_file(repository_.root() / ".parallel/templates/draft/law.md", "Is {goal} legal? {findings_file}\n");
  const auto unknown = fanout({"plan", "draft", "x", "--roles", "lav", "--agent", agent.string()});
  EXPECT_EQ(unknown.status, 2) << unknown.text;
  EXPECT_THAT(unknown.text, HasSubstr("did you mean law?"));
  const auto made = fanout({"plan", "draft", "x", "--file", "plans/x.yaml", "--agent", agent.string()});
  ASSERT_EQ(made.status, 0) << made.text;
  EXPECT_THAT(read_file(agent.string() + ".research-law.prompt"), HasSubstr("Is x legal? fanout-draft/findings/law.md"));
  EXPECT_THAT(read("plans/x.yaml"), HasSubstr("Passkeys"));
  EXPECT_THAT(read("plans/tasks/store.md"), HasSubstr("Keys are stored."));
  EXPECT_EQ(fanout({"plan", "draft", "x", "--file", "plans/x.yaml"}).status, 1);
  EXPECT_EQ(fanout({"plan", "draft", "  "}).status, 2);
}

}  // namespace
}  // namespace fanout::test
