// The dashboard in a real browser: headless Chromium, driven by Playwright.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "fanout/v1/dashboard.grpc.pb.h"
#include "tests/counterparts/counterpart.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using testing::HasSubstr;
using testing::Not;

constexpr int kAgents = 50;

std::string browser_is_missing() {
  if (!fs::exists("/usr/bin/chromium")) return "SKIPPED: Debian's chromium is not installed";
  if (fs::exists(npm_program("playwright-core/package.json", {}).at(1))) return "";
  return "SKIPPED: playwright-core is not there; deploy/counterparts.sh installs it";
}

std::string url_of(Daemon& daemon, const std::string& run, bool allow_actions) {
  v1::OpenDashboardRequest request;
  request.set_run_id(run);
  request.set_allow_actions(allow_actions);
  v1::OpenDashboardResponse response;
  const auto status = v1::DashboardService::Stub(daemon.channel()).OpenDashboard(patient().get(), request, &response);
  if (!status.ok()) throw std::runtime_error(status.error_message());
  return response.url();
}

TEST(Browser, ShowsFiftyAgentsAtWorkAndTheirEndAndActsWhereItMay) {
  if (const auto why = browser_is_missing(); !why.empty()) GTEST_SKIP() << why;
  GitSandbox repository;
  repository.commit_file("a.txt", "a\n");
  Daemon daemon;
  const auto go = repository.outside() / "go";
  const auto wait = "until [ -e " + go.string() + " ]; do sleep 0.1; done";
  PlanBuilder plan(repository, "setup: []\nverify: []\nmax_parallel: 50\n");
  for (int i = 1; i <= kAgents; ++i) {
    const auto id = "task-" + std::to_string(i);
    plan.task(id, R"(printf '\033[31m<img src=x onerror=alert(1)>\n'; )" + wait +
                      "; i=0; while [ $i -lt 20 ]; do i=$((i+1)); echo line $i; done; echo the last line; " +
                      commit_line(id + ".txt"));
  }
  const auto run = execute(daemon, plan.write("fifty"));
  const auto other = execute(daemon, PlanBuilder(repository).task("waits", "sleep 600").write("other"));
  const auto text = output_of(script("dashboard.mjs", {url_of(daemon, run, false), url_of(daemon, other, true), go.string()}));
  const auto saw = boost::json::parse(text);
  EXPECT_EQ(saw.at("errors").as_array().size(), 0u) << text;
  EXPECT_EQ(saw.at("foreign").as_array().size(), 0u) << text;
  EXPECT_EQ(saw.at("rows").as_int64(), kAgents);
  EXPECT_EQ(saw.at("buttons").as_int64(), 0) << "this one only shows";
  EXPECT_EQ(saw.at("markup").as_int64(), 0) << "an agent's words made an element";
  EXPECT_THAT(std::string(saw.at("log").as_string()), Not(HasSubstr("\x1b")));
  EXPECT_THAT(std::string(saw.at("lastEvent").as_string()), HasSubstr("run completed"));
  EXPECT_EQ(saw.at("lastLines").as_int64(), kAgents);
  EXPECT_EQ(saw.at("retry").as_int64(), 1);
}

/// What an agent reports, and what that has cost.
std::string says(const std::string& text, int tokens, const std::string& dollars) {
  return R"(echo '{"message": {"text": ")" + text + R"("}}' >&$FANOUT_EVENT_FD
echo '{"usage": {"scope": "SCOPE_STEP", "inputTokens": ")" + std::to_string(tokens) + R"(", "outputTokens": "900",)" +
         R"( "cost": {"amount": )" + dollars + R"(, "currency": "USD", "source": "SOURCE_SAID"}}}' >&$FANOUT_EVENT_FD
)";
}

std::string writes(const std::string& file, int lines) {
  return "seq " + std::to_string(lines) + " > " + file + "; git add " + file + "; git commit -qm 'feat: " + file + "'\n";
}

/// A plan for eight agents, of which some wait for the file `go`. Each takes `moment`, a line of shell, over its steps.
fs::path eight_tasks(GitSandbox& repository, const fs::path& go, const std::string& moment) {
  const auto wait = "until [ -e " + go.string() + " ]; do sleep 0.1; done\n";
  PlanBuilder plan(repository, "setup: []\nverify: []\nmax_parallel: 8\ngates: [{name: unit, run: sh unit.sh}]\n");
  const auto task = [&](const std::string& id, const std::string& script, const std::vector<std::string>& needs = {}) {
    repository.commit_file("agents/" + id + ".sh", script);
    plan.task(id, "sh agents/" + id + ".sh", needs);
  };
  repository.commit_file("unit.sh", "case $FANOUT_TASK_ID in\nlogout) " + wait + ";;\nrate-limit) echo 1 of 14 tests fails; exit 1 ;;\nesac\n");
  task("schema", moment + says("A table for sessions, and its migration.", 18200, "0.11") + moment + writes("sessions.sql", 46));
  task("login", says("I look at how users are stored.", 9100, "0.06") + moment + moment +
                    says("POST /login sets the cookie; now its tests.", 21400, "0.14") + writes("login.ts", 88) + wait, {"schema"});
  task("logout", moment + says("DELETE /sessions ends one session, or all of a user.", 12700, "0.08") + moment + writes("logout.ts", 37), {"schema"});
  task("rate-limit", says("Five attempts a minute for each address.", 15300, "0.09") + moment + moment + writes("limit.ts", 52));
  task("docs", moment + moment + says("The endpoints are described.", 7400, "0.04") + writes("sessions.md", 61));
  task("metrics", moment + says("Logins by outcome are counted; the histogram comes next.", 11900, "0.07") + wait);
  task("lockout", writes("lockout.ts", 20), {"rate-limit"});
  task("end-to-end", writes("sessions.spec.ts", 70), {"login", "logout"});
  return plan.write("Sessions for the API");
}

/// FANOUT_PICTURE=FILE.png: for the README; then its agents take a moment over it.
TEST(Browser, ShowsARunWhoseTasksAreInEveryPhaseEachWithItsReason) {
  if (const auto why = browser_is_missing(); !why.empty()) GTEST_SKIP() << why;
  const auto* picture = std::getenv("FANOUT_PICTURE");
  GitSandbox repository;
  repository.commit_file("a.txt", "a\n");
  Daemon daemon;
  run_to_end(daemon, PlanBuilder(repository).task("readme", commit_line("README.md")).write("First steps"));
  const auto go = repository.outside() / "go";
  const auto run = execute(daemon, eight_tasks(repository, go, picture ? "sleep 1.4\n" : ""));
  const auto text = output_of(script("phases.mjs", {url_of(daemon, run, false), picture ? picture : "", "schema=completed", "docs=completed",
                                                    "rate-limit=failed", "lockout=blocked", "logout=testing", "login=now its tests",
                                                    "metrics=histogram", "end-to-end=pending"}));
  const auto saw = boost::json::parse(text);
  const auto words = [&](const char* task) { return std::string(saw.at("words").at(task).as_string()); };
  EXPECT_EQ(saw.at("errors").as_array().size(), 0u) << text;
  EXPECT_EQ(saw.at("colourless").as_array().size(), 0u) << text;
  EXPECT_EQ(saw.at("state").as_string(), "● running");
  EXPECT_THAT(words("schema"), HasSubstr("1 commit on feature/schema"));
  EXPECT_THAT(words("rate-limit"), HasSubstr("gate \"unit\" failed"));
  EXPECT_THAT(words("lockout"), HasSubstr("rate-limit"));
  EXPECT_THAT(words("end-to-end"), HasSubstr("waits for login, logout"));
  write_file(go, "");
  EXPECT_EQ(watch(daemon, run).back().run_ended().state(), v1::RUN_STATE_FAILED);
}

}  // namespace
}  // namespace fanout::test
