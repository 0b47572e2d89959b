// `fanout mcp` as a program: what comes in by its input, and nothing but the protocol by its output.
#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "client/mcp/repository_root.hpp"
#include "common/text.hpp"
#include "tests/unit/client/fake_daemon.hpp"

namespace fanout::client::test {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
namespace v1 = fanout::v1;
using fanout::test::GitSandbox;
using fanout::test::lines_of;
using fanout::test::write_file;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kMeta =
    R"("_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}})";

std::string call(int id, const std::string& tool, const std::string& arguments = "{}") {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":"tools/call","params":{)" + kMeta +
         R"(,"name":")" + tool + R"(","arguments":)" + arguments + "}}\n";
}

/// A repository, the daemon's one run in it, and the program with that for its input.
class McpProgram : public testing::Test {
 protected:
  McpProgram() {
    auto run = fake_.run();
    run.set_repository(repository_.root().string());
    v1::Event again;
    *again.mutable_run_started()->mutable_run() = run;
    fake_.add(again);
  }

  Result run_with(const std::string& input, const std::vector<std::string>& words = {}) {
    const auto file = repository_.outside() / "input";
    write_file(file, input);
    auto launch = fake_.launch({"mcp"});
    launch.words.insert(launch.words.end(), words.begin(), words.end());
    launch.words.insert(launch.words.begin(), {"-c", "exec \"$0\" \"$@\" < '" + file.string() + "'", FANOUT});
    launch.program = "/bin/sh";
    launch.folder = repository_.root();
    return run_program(launch);
  }

  static std::vector<json::object> messages(const Result& result) {
    std::vector<json::object> all;
    for (const auto& line : lines_of(result.out)) all.push_back(json::parse(line).get_object());
    return all;
  }

  FakeDaemon fake_;
  GitSandbox repository_;
};

TEST_F(McpProgram, AnswersWhatCameBeforeTheEndOfItsInput) {
  const auto result = run_with(call(1, "run_status"));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, IsEmpty());
  const auto all = messages(result);
  ASSERT_EQ(all.size(), 1u) << result.out;
  EXPECT_EQ(all[0].at("result").at("structuredContent").at("runs").at(0).at("id"), "first-steps-7k2m");
}

TEST_F(McpProgram, AWaitEndsWithTheInput) {
  const auto all = messages(run_with(call(1, "run_events", R"({"after":2,"timeout_seconds":600})")));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].at("result").at("structuredContent").at("ended"), false);
}

TEST_F(McpProgram, AHugeLineIsRefusedAndTheNextOneAnswered) {
  const auto result =
      run_with("{\"jsonrpc\":\"" + std::string(5 << 20, 'x') + "\"}\nnot JSON\n" + call(1, "run_status"));
  EXPECT_EQ(result.exit_code, 0);
  const auto all = messages(result);
  ASSERT_EQ(all.size(), 3u) << result.out;
  EXPECT_THAT(json::value_to<std::string>(all[0].at("error").at("message")), HasSubstr("at most 4194304 bytes"));
  EXPECT_EQ(all[1].at("error").at("code"), -32700);
  EXPECT_EQ(all[2].at("id"), 1);
}

TEST_F(McpProgram, RunsOfOtherRepositoriesAreNotThere) {
  const GitSandbox other;
  const auto all = messages(run_with(call(1, "run_status") + call(2, "run_cancel", R"({"run":"first-steps-7k2m"})"),
                                     {"--repository", other.root().string()}));
  ASSERT_EQ(all.size(), 2u);
  for (const auto& message : all) {
    const auto& result = message.at("result").get_object();
    if (message.at("id") == 1) {
      EXPECT_EQ(result.at("structuredContent").at("runs"), json::array());
    } else {
      EXPECT_EQ(result.at("isError"), true);
    }
  }
  EXPECT_THAT(fake_.cancelled(), IsEmpty());
}

TEST_F(McpProgram, OfALongLogTheEndIsReadOrAnyPart) {
  fake_.log = std::string(30'000, 'a') + "\nlast line\n";
  const auto all = messages(run_with(call(1, "task_logs", R"({"task":"a","limit":20})") +
                                     call(2, "task_logs", R"({"task":"a","offset":0,"limit":10})")));
  ASSERT_EQ(all.size(), 2u);
  for (const auto& message : all) {
    const auto& part = message.at("result").at("structuredContent").get_object();
    if (message.at("id") == 1) {
      EXPECT_EQ(part.at("text"), "last line\n");
      EXPECT_EQ(part.at("offset"), 30'001);
      EXPECT_EQ(part.at("more"), false);
    } else {
      EXPECT_EQ(part.at("text"), "aaaaaaaaaa");
      EXPECT_EQ(part.at("more"), true);
    }
  }
}

TEST_F(McpProgram, OutsideOfARepositoryItSaysWhatToDo) {
  const fanout::test::TempDir nowhere;
  const auto result = run_with("", {"--repository", nowhere.path().string()});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.out, IsEmpty());
  EXPECT_THAT(result.err, HasSubstr("is not inside a git repository with a checkout; name one with --repository"));
}

TEST(RepositoryRoot, IsTheMainCheckoutForAllWorktrees) {
  const GitSandbox sandbox;
  sandbox.commit_file("sub/a.txt", "a\n");
  sandbox.git({"worktree", "add", "-q", (sandbox.outside() / "linked").string()});
  EXPECT_EQ(mcp::repository_root(sandbox.root()), sandbox.root());
  EXPECT_EQ(mcp::repository_root(sandbox.root() / "sub"), sandbox.root());
  EXPECT_EQ(mcp::repository_root(sandbox.outside() / "linked/sub"), sandbox.root());
  EXPECT_EQ(mcp::repository_root(sandbox.outside()), std::nullopt);
  EXPECT_EQ(mcp::repository_root(sandbox.root() / "none"), std::nullopt);
}

TEST(RepositoryRoot, ASubmoduleIsARepositoryOfItsOwnAndABareOneHasNoCheckout) {
  const GitSandbox outer, inner;
  inner.commit_file("a.txt", "a\n");
  outer.git({"-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.root().string(), "module"});
  EXPECT_EQ(mcp::repository_root(outer.root() / "module"), outer.root() / "module");
  const auto bare = outer.outside() / "bare.git";
  outer.git({"clone", "-q", "--bare", inner.root().string(), bare.string()});
  fanout::test::git_in(bare, {"worktree", "add", "-q", (outer.outside() / "of-bare").string()});
  EXPECT_EQ(mcp::repository_root(outer.outside() / "of-bare"), std::nullopt);
}

}  // namespace
}  // namespace fanout::client::test
