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
  const auto* picture = std::getenv("FANOUT_PICTURE");
  const auto text = output_of(script("dashboard.mjs", {url_of(daemon, run, false), url_of(daemon, other, true), go.string(),
                                                       picture ? picture : ""}));
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

}  // namespace
}  // namespace fanout::test
