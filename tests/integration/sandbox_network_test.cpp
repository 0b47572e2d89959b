// Agents whose sandbox reaches some hosts only, and what they try to reach others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "server/sandbox/probe.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/http_server/http_server.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class SandboxNetwork : public testing::Test {
 protected:
  SandboxNetwork() { repository_.commit_file("a.txt", "a\n"); }
  void SetUp() override {
    const char* path = std::getenv("PATH");
    if (const auto why = sandbox::probe(path ? path : "/usr/bin:/bin").why_not; !why.empty()) GTEST_SKIP() << why;
  }

  std::vector<v1::Event> run(const PlanBuilder& plan) {
    run_ = execute(daemon_, plan.write());
    return watch(daemon_, run_);
  }
  v1::Subagent end_of(const std::string& id) { return task(get(daemon_, run_), id); }
  std::string said(const std::string& id, const std::string& log = "agent.stdout") { return read_file(daemon_.state() / "runs" / run_ / id / "1" / log); }
  std::string port() const { return std::to_string(server_.port()); }
  /// The list has the server and a name of no one.
  std::string listed() const { return "    sandbox_network: [\"127.0.0.1:" + port() + "\", \"*.example.invalid\"]\n"; }

  GitSandbox repository_;
  TempDir home_;
  Daemon daemon_{"20ms", {"HOME=" + home_.path().string(), "XDG_CONFIG_HOME="}, {"--sandbox", "workspace"}};
  HttpServer server_{[](const HttpRequest& request) {
    HttpAnswer answer;
    answer.body = "served " + request.target + "\n";
    answer.keep_alive = false;
    return answer;
  }};
  std::string run_;
};

/// By the proxy in any case, also to what is usually reached without.
std::string get_by_proxy(const std::string& url) { return "curl -sS -g --noproxy '' " + url + " 2>&1; "; }
std::string code_by_proxy(const std::string& url) { return "curl -sS -g --noproxy '' -o /dev/null -w '" + url + " %{http_code} %{http_connect}\\n' " + url + "; "; }

TEST_F(SandboxNetwork, WhatIsListedIsReachedAtOnceAndNothingElseIs) {
  PlanBuilder plan(repository_);
  plan.task("t", get_by_proxy("http://127.0.0.1:" + port() + "/first") + get_by_proxy("-p http://127.0.0.1:" + port() + "/tunnel") + code_by_proxy("http://example.com/") +
                     code_by_proxy("http://example.com/again") + code_by_proxy("https://example.org/") + code_by_proxy("http://169.254.169.254/latest/meta-data/") +
                     code_by_proxy("http://localhost:" + port() + "/") + code_by_proxy("http://[::1]:" + port() + "/") +
                     "bash -c '</dev/tcp/127.0.0.1/" + port() + "' 2>/dev/null && echo ESCAPED; bash -c '</dev/udp/1.1.1.1/53 && echo x >/dev/udp/1.1.1.1/53' 2>/dev/null && echo ESCAPED; " +
                     "echo $HTTPS_PROXY $NO_PROXY; " + commit_line("x.txt"), {}, listed());
  const auto events = run(plan);
  const auto end = end_of("t");
  ASSERT_EQ(end.phase(), v1::PHASE_COMPLETED) << end.reason() << said("t");
  EXPECT_FALSE(end.sandbox_network());
  EXPECT_THAT(end.sandbox_hosts(), testing::ElementsAre("127.0.0.1:" + port(), "*.example.invalid"));
  EXPECT_THAT(said("t"), AllOf(HasSubstr("served /first\n"), HasSubstr("served /tunnel\n"), Not(HasSubstr("ESCAPED"))));
  EXPECT_THAT(said("t"), AllOf(HasSubstr("http://example.com/ 403"), HasSubstr("https://example.org/ 000 403"), HasSubstr("meta-data/ 403"), HasSubstr("http://localhost:" + port() + "/ 403"), HasSubstr("http://[::1]:" + port() + "/ 403")));
  EXPECT_THAT(said("t"), HasSubstr("http://127.0.0.1:18118 localhost,127.0.0.1,::1"));
  EXPECT_EQ(server_.connections(), 2u);
  std::vector<std::string> notices;
  for (const auto& event : events) {
    if (event.has_notice()) notices.push_back(event.notice().text());
  }
  EXPECT_EQ(std::count_if(notices.begin(), notices.end(), [](const auto& text) { return text.find("refused a way to example.com:80") != std::string::npos; }), 1);
  EXPECT_THAT(notices, testing::Contains(HasSubstr("refused a way to 169.254.169.254:80")));
}

TEST_F(SandboxNetwork, SetupAndGatesReachTheSameAndStrictToo) {
  PlanBuilder plan(repository_, "setup:\n  - " + get_by_proxy("http://127.0.0.1:" + port() + "/setup") + "true\nverify: []\n");
  plan.task("t", get_by_proxy("http://127.0.0.1:" + port() + "/agent") + commit_line("x.txt"), {},
            listed() + "    sandbox: strict\n    gates:\n      - {name: net, run: \"curl -sS --noproxy '' http://127.0.0.1:" + port() + "/gate | grep served\"}\n");
  run(plan);
  ASSERT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason() << said("t", "setup.log");
  EXPECT_THAT(said("t", "setup.log"), HasSubstr("served /setup"));
  EXPECT_THAT(said("t"), HasSubstr("served /agent"));
}

TEST_F(SandboxNetwork, AConnectionThatIsMadeWhileThereIsNoDaemonWaitsForTheNext) {
  PlanBuilder plan(repository_);
  plan.task("t", "true; echo ready; while [ ! -e go ]; do sleep 0.05; done; rm go; touch asking; " + get_by_proxy("http://127.0.0.1:" + port() + "/late") + "rm asking; " + commit_line("x.txt"), {}, listed());
  run_ = execute(daemon_, plan.write());
  watch(daemon_, run_, 0, [](const v1::Event& event) { return event.has_output() && event.output().lines_size() > 0 && event.output().lines(0).text() == "ready"; });
  daemon_.stop(SIGKILL);
  write_file(repository_.root() / "worktrees/t/go", "");
  while (!std::filesystem::exists(repository_.root() / "worktrees/t/asking")) usleep(10'000);
  daemon_.start();
  watch(daemon_, run_);
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason();
  EXPECT_THAT(said("t"), HasSubstr("served /late"));
}

TEST_F(SandboxNetwork, WhatPassesConnectionsOnIsNobodysChildAndHoldsNothingUp) {
  PlanBuilder plan(repository_);
  repository_.commit_file("look.py",
                          "import os, subprocess\ntry:\n  os.wait()\n  print('a child')\nexcept ChildProcessError:\n  print('no child')\n"
                          "subprocess.run(['git', 'commit', '-q', '--allow-empty', '-m', 'x'])\n");
  plan.task("t", "exec python3 look.py", {}, "    allow_empty: true\n" + listed() + "    max_processes: 40\n");
  run(plan);
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason() << said("t", "agent.stderr");
  EXPECT_EQ(said("t"), "no child\n");
  EXPECT_THAT(daemon_.programs(), testing::IsEmpty());
}

/// What the kernel can: 0 where it has no Landlock.
long landlock_version() { return std::max(0l, syscall(444, nullptr, 0, 1)); }

TEST_F(SandboxNetwork, AbstractSocketsOfOthersAreOutOfReachThoughTheNetworkIsOn) {
  if (landlock_version() < 6) GTEST_SKIP() << "this kernel's Landlock has no scopes";
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto name = "fanout-test-" + std::to_string(getpid());
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size())), 0);
  ASSERT_EQ(listen(listener, 8), 0);
  const auto line = "python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"\\0" + name + "\"); print(\"reached\")'; ";
  PlanBuilder plan(repository_);
  plan.task("boxed", line + commit_line("x.txt")).task("off", line + commit_line("x.txt"), {}, "    sandbox: off\n");
  run(plan);
  close(listener);
  EXPECT_EQ(end_of("boxed").phase(), v1::PHASE_COMPLETED) << end_of("boxed").reason();
  EXPECT_THAT(said("off"), HasSubstr("reached"));
  EXPECT_EQ(said("boxed"), "");
  EXPECT_THAT(said("boxed", "agent.stderr"), HasSubstr("not permitted"));
}

TEST_F(SandboxNetwork, InStrictNothingIsMountedAndWorkGoesOnAsUsual) {
  if (landlock_version() < 2) GTEST_SKIP() << "this kernel's Landlock has no rules that move files";
  PlanBuilder plan(repository_);
  plan.task("t", "bwrap --ro-bind / / true && echo ESCAPED; mkdir -p d e && echo x > d/f && mv d/f e/g && ln -s g e/h && echo y >> e/g && echo x > /tmp/t && rm /tmp/t && echo x > ~/t && echo writes; " +
                     commit_line("x.txt") + "; git gc -q && git stash list; git commit -q --amend -m again", {}, "    sandbox: strict\n");
  run(plan);
  EXPECT_EQ(end_of("t").phase(), v1::PHASE_COMPLETED) << end_of("t").reason() << said("t", "agent.stderr");
  EXPECT_EQ(said("t"), "writes\n");
  EXPECT_EQ(repository_.git({"log", "--format=%s", "-1", "--skip=1", "feature/t"}), "again");
}

TEST_F(SandboxNetwork, WithoutASandboxTheListHoldsNobodyAndThatIsSaidOnce) {
  PlanBuilder plan(repository_);
  plan.task("a", "true; env | grep -ci '^https_proxy'; " + commit_line("x.txt"), {}, listed() + "    sandbox: off\n");
  plan.task("b", commit_line("y.txt"), {}, listed() + "    sandbox: off\n");
  const auto events = run(plan);
  EXPECT_EQ(end_of("a").phase(), v1::PHASE_COMPLETED) << end_of("a").reason();
  EXPECT_TRUE(end_of("a").sandbox_network());
  EXPECT_EQ(end_of("a").sandbox_hosts_size(), 0);
  const auto said_so = std::count_if(events.begin(), events.end(), [](const auto& event) { return event.notice().text().find("reach the whole network") != std::string::npos; });
  EXPECT_EQ(said_so, 1);
}

}  // namespace
}  // namespace fanout::test
