// `fanout mcp` as agents' programs use it: the official clients of both revisions, and agents of Fanout's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "tests/counterparts/counterpart.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"
#include "tests/support/programs.hpp"

namespace fanout::test {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
namespace v1 = fanout::v1;
using testing::HasSubstr;

constexpr const char* kSettings = "setup: []\nverify: []\n";
constexpr const char* kSlowTask = "tasks: [{id: slow, prompt: go, agent: \"echo begun; exec sleep 600\"}]\n";

std::string adds(const std::string& file) {
  return "echo working on " + file + "; echo x > " + file + ".txt; git add .; git commit -qm \"feat: " + file + "\"";
}

class Mcp : public testing::Test {
 protected:
  Mcp() {
    repository_.commit_file("a.txt", "a\n");
    foreign_.commit_file("a.txt", "a\n");
  }

  fs::path plan(const GitSandbox& repository, const std::string& file, const std::string& tasks) const {
    write_file(repository.root() / file,
               "metadata: {name: " + fs::path(file).stem().string() + "}\n" + kSettings + tasks);
    return repository.root() / file;
  }

  GitSandbox repository_, foreign_;
  Daemon daemon_;
};

class McpClient : public Mcp, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    if (const auto why = npm_is_missing(); !why.empty()) GTEST_SKIP() << why;
    plan(repository_, ".parallel/plans/plan.yaml",
         "tasks:\n  - {id: one, prompt: go, agent: '" + adds("one") +
             "'}\n  - {id: two, prompt: go, dependencies: [one], agent: '" + adds("two") + "'}\n");
    plan(repository_, "bad.yaml", "tasks: [{id: one, prompt: go, dependencies: [nowhere]}]\n");
    plan(repository_, "slow.yaml", kSlowTask);
    const auto slow = (repository_.root() / "slow").string();
    plan(repository_, "gated.yaml", "gates: [{name: quick, run: '[ ! -e " + slow + " ] || exec sleep 600'}]\n" +
                                        "tasks: [{id: three, prompt: go, agent: '" + adds("three") + "'}]\n");
    plan(repository_, "astray.yaml",
         "repo: " + foreign_.root().string() + "\ntasks: [{id: one, prompt: go, agent: '" + adds("one") + "'}]\n");
    fs::create_symlink(plan(foreign_, "slow.yaml", kSlowTask), repository_.root() / "linked.yaml");
  }
};

TEST_P(McpClient, DrivesFanoutWithinItsRepositoryAndNotBeyond) {
  const auto theirs = execute(daemon_, foreign_.root() / "slow.yaml");
  const auto said = output_of(script("mcp.mjs", {GetParam(), built("client/fanout").string(), daemon_.socket().string(),
                                                 repository_.root().string(), foreign_.root().string(), theirs}));
  EXPECT_THAT(said, HasSubstr(" steps"));
  EXPECT_EQ(get(daemon_, theirs).state(), v1::RUN_STATE_RUNNING) << "nobody has touched it";
}

INSTANTIATE_TEST_SUITE_P(Of, McpClient, testing::Values("2025-11-25", "2026-07-28"),
                         [](const auto& info) { return info.index == 0 ? "TheEarlierRevision" : "TheLaterRevision"; });

/// Agents that are shell scripts, and speak the protocol by themselves.
class McpNested : public Mcp {
 protected:
  /// A shell line that calls a tool through a server with these options; the answer goes into a file named `answer`. The
  /// server's input ends once it has answered: what waits is not waited for after that.
  std::string calls(const std::string& answer, const std::string& tool, const std::string& arguments,
                    const std::string& options = "", const std::string& with = "") const {
    const std::string request =
        R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}},"name":")" +
        tool + R"(","arguments":)" + arguments + "}}";
    const auto answered = file(answer + ".answered").string();
    return "mkfifo " + answered + "; { echo '" + request + "'; read -r _ < " + answered + "; } | " + with + built("client/fanout").string() +
           " --socket " + daemon_.socket().string() + " mcp " + options + " | { head -n 1 > " + file(answer).string() +
           "; echo > " + answered + "; }\n";
  }
  fs::path file(const std::string& name) const { return repository_.outside() / name; }
  json::object answer(const std::string& name) const {
    return json::parse(read_file(file(name))).at("result").get_object();
  }
  std::string refusal(const std::string& name) const {
    const auto result = answer(name);
    EXPECT_EQ(result.at("isError"), true) << name << ": " << json::serialize(result);
    return json::value_to<std::string>(result.at("content").at(0).at("text"));
  }

  /// Runs one task whose agent is that script, and commits something.
  v1::Run run_agent(const std::string& commands) {
    write_file(file("agent.sh"), commands + "echo x > done.txt; git add done.txt; git commit -qm \"feat: done\"\n");
    return run_to_end(daemon_,
                      plan(repository_, "plan.yaml",
                           "tasks: [{id: outer, prompt: go, agent: 'sh " + file("agent.sh").string() + "'}]\n"));
  }
  /// Shell lines that write a plan with these tasks into the worktree.
  static std::string writes_plan(const std::string& name, const std::string& tasks) {
    return "cat > " + name + " <<'PLAN'\nmetadata: {name: inner}\n" + kSettings + "tasks:\n" + tasks + "PLAN\n";
  }
};

TEST_F(McpNested, AnAgentMayNotStartAgentsHoweverItHidesThatItIsOne) {
  const auto run = run_agent(calls("plain", "plan_execute", R"({"plan":"plan.yaml"})") +
                             calls("hidden", "run_status", "{}", "", "env -i ") +
                             calls("orphan", "run_status", "{}", "", "env -i setsid "));
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  for (const auto* name : {"plain", "hidden", "orphan"}) {
    EXPECT_THAT(refusal(name), HasSubstr("an agent of Fanout's (task outer of run " + run.id())) << name;
  }
}

TEST_F(McpNested, OneThatMaySeesWhatItStartedAndNothingElse) {
  const std::string inner =
      "  - {id: a, prompt: go, agent: '" + adds("a") + "'}\n  - {id: b, prompt: go, agent: '" + adds("b") + "'}\n";
  const auto run =
      run_agent(writes_plan("inner.yaml", inner) +
                calls("started", "plan_execute", R"({"plan":"inner.yaml","wait":true})", "--allow-nested 1") +
                calls("seen", "run_status", "{}", "--allow-nested 1") +
                calls("changed", "task_diff", R"({"task":"a","files_only":true})", "--allow-nested 1") +
                calls("merged", "run_merge", R"({"run":"last"})", "--allow-nested 1") +
                calls("above", "run_cancel", "{\"run\":\"'$FANOUT_RUN_ID'\"}", "--allow-nested 1") +
                calls("outside", "plan_execute", R"({"plan":")" + (repository_.root() / "plan.yaml").string() + "\"}",
                      "--allow-nested 1"));
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  const auto started = answer("started").at("structuredContent").at("run").get_object();
  EXPECT_EQ(started.at("state"), "completed");
  EXPECT_EQ(started.at("repository"), json::value(repository_.root().string()));
  const auto seen = answer("seen").at("structuredContent").at("runs").get_array();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].at("id"), started.at("id"));
  EXPECT_EQ(answer("changed").at("structuredContent").at("files").at(0).at("path"), "a.txt");
  EXPECT_THAT(refusal("merged"), HasSubstr("may move no branch but its own"));
  EXPECT_THAT(refusal("above"), HasSubstr("there is no run \"" + run.id()));
  EXPECT_THAT(refusal("outside"), HasSubstr("outside of the worktree of task outer"));
}

TEST_F(McpNested, ATasksBudgetHoldsOverAllItsServersAndRuns) {
  const std::string one = "  - {id: a, prompt: go, agent: '" + adds("a") + "'}\n",
                    two = one + "  - {id: b, prompt: go, agent: '" + adds("b") + "'}\n";
  const std::string options = "--allow-nested 1 --nested-tasks 2";
  const auto run = run_agent(writes_plan("one.yaml", one) + writes_plan("two.yaml", two) +
                             calls("first", "plan_execute", R"({"plan":"one.yaml"})", options) +
                             calls("over", "plan_execute", R"({"plan":"two.yaml"})", options) +
                             calls("last", "plan_execute", R"({"plan":"one.yaml"})", options));
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  EXPECT_EQ(answer("first").at("isError"), false);
  EXPECT_THAT(refusal("over"), HasSubstr("may have 2 tasks done by others, has started 1, and the plan has 2 more"));
  EXPECT_EQ(answer("last").at("isError"), false);
}

TEST_F(McpNested, DepthIsCountedByTheRunsThemselves) {
  write_file(file("inner.sh"), writes_plan("deepest.yaml", "  - {id: c, prompt: go, agent: 'true'}\n") +
                                   calls("deepest", "plan_execute", R"({"plan":"deepest.yaml"})", "--allow-nested 1") +
                                   "echo x > inner.txt; git add inner.txt; git commit -qm \"feat: inner\"\n");
  const auto run =
      run_agent(writes_plan("inner.yaml", "  - {id: a, prompt: go, agent: 'sh " + file("inner.sh").string() + "'}\n") +
                calls("inner", "plan_execute", R"({"plan":"inner.yaml","wait":true})", "--allow-nested 1"));
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  EXPECT_EQ(answer("inner").at("structuredContent").at("run").at("state"), "completed");
  EXPECT_THAT(refusal("deepest"), HasSubstr("is one run deep already"));
}

}  // namespace
}  // namespace fanout::test
