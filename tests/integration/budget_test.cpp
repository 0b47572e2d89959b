// Budgets, prices, limits of accounts, gates that go back, other agents: with home-made agents, which tell what they use
// on the descriptor that FANOUT_EVENT_FD names.
#include <gmock/gmock.h>
#include <google/protobuf/util/time_util.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using google::protobuf::util::TimeUtil;
using testing::AllOf;
using testing::HasSubstr;

/// A shell line that tells `event`.
std::string tell(const std::string& event) { return "echo '" + event + "' >&$FANOUT_EVENT_FD; "; }

std::string use(unsigned input, unsigned output, const std::string& model = "m") {
  return tell("{\"usage\":{\"scope\":\"SCOPE_STEP\",\"inputTokens\":\"" + std::to_string(input) + "\",\"outputTokens\":\"" +
              std::to_string(output) + "\",\"cachedInsideInput\":true,\"model\":\"" + model + "\"}}");
}

class Budgets : public testing::Test {
 protected:
  explicit Budgets(const std::string& retry_delay = "20ms") : daemon_(retry_delay) {
    repository_.commit_file("a.txt", "a\n");
    write_file(daemon_.state().parent_path() / "config.toml", "[prices.m]\ninput = 1000\noutput = 10000\n");
  }

  std::vector<v1::Event> run(const PlanBuilder& plan, const std::string& name = "plan") {
    run_ = execute(daemon_, plan.write(name));
    return watch(daemon_, run_);
  }

  v1::Subagent end_of(const std::string& id) { return task(get(daemon_, run_), id); }

  void retry() {
    v1::RetryRunRequest request;
    request.set_run_id(run_);
    v1::RetryRunResponse response;
    const auto status = daemon_.runs().RetryRun(patient().get(), request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  GitSandbox repository_;
  Daemon daemon_;
  std::string run_;
};

std::vector<v1::BudgetUsed> told_of(const std::vector<v1::Event>& events) {
  std::vector<v1::BudgetUsed> all;
  for (const auto& event : events) {
    if (event.has_budget_used()) all.push_back(event.budget_used());
  }
  return all;
}

TEST_F(Budgets, AreWarnedOfAndThenEndTheAgentAfterASnapshot) {
  PlanBuilder plan(repository_);
  plan.task("greedy", "echo work > w.txt; " + use(850, 0) + "sleep 3; " + use(150, 0) + "sleep 300", {},
            "    budget: {tokens: 1000}\n    retries: 2\n");
  const auto told = told_of(run(plan));
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].text(), "the task's budget of 1000 tokens is used to 85 % (850 tokens)");
  EXPECT_TRUE(told[1].exhausted());
  const auto end = end_of("greedy");
  EXPECT_EQ(end.phase(), v1::PHASE_FAILED);
  EXPECT_EQ(end.reason(), "the task's budget of 1000 tokens is used up (1000 tokens)");
  EXPECT_EQ(end.attempt(), 1u) << "a retry would have nothing to use";
  const auto snapshots = lines_of(repository_.git({"for-each-ref", "--format=%(refname)", "refs/fanout/snap/" + run_}));
  ASSERT_FALSE(snapshots.empty());
  EXPECT_EQ(repository_.git({"show", snapshots.back() + ":w.txt"}), "work");
  EXPECT_THAT(daemon_.supervisors(), testing::IsEmpty());
}

TEST_F(Budgets, OfTimeEndAnAgentThatSaysNothing) {
  PlanBuilder plan(repository_);
  plan.task("slow", "sleep 300", {}, "    budget: {time: 1s}\n");
  run(plan);
  EXPECT_EQ(end_of("slow").phase(), v1::PHASE_FAILED);
  EXPECT_THAT(end_of("slow").reason(), HasSubstr("the task's budget of 1.0s is used up"));
}

TEST_F(Budgets, OfMoneyAreReckonedWithTheUsersPrices) {
  PlanBuilder plan(repository_);
  plan.task("dear", use(1000, 100) + "sleep 300", {}, "    budget: {money: 2}\n");
  run(plan);
  EXPECT_THAT(end_of("dear").reason(), HasSubstr("the task's budget of $2.00 is used up ($2.00)"));
  EXPECT_EQ(end_of("dear").usage().cost().source(), v1::AgentCost::SOURCE_COMPUTED);
  EXPECT_NEAR(end_of("dear").usage().cost().amount(), 2, 1e-9);
}

TEST_F(Budgets, WhatHasNoPriceCostsAnUnknownAmountAndNotNothing) {
  PlanBuilder plan(repository_);
  plan.task("unknown", use(1000, 100, "nobody-knows") + commit_line("u.txt"), {}, "    budget: {money: 2}\n");
  run(plan);
  EXPECT_EQ(end_of("unknown").phase(), v1::PHASE_COMPLETED) << end_of("unknown").reason();
  EXPECT_FALSE(end_of("unknown").usage().has_cost());
  EXPECT_TRUE(end_of("unknown").usage().cost_incomplete());
}

TEST_F(Budgets, OfARunEndAllOfItsAgentsAndLetNoneBegin) {
  PlanBuilder plan(repository_, "setup: []\nverify: []\nbudget: {run: {tokens: 1000}}\nmax_parallel: 2\n");
  const auto at_work = (repository_.outside() / "at-work").string();
  const auto use_and_wait = "echo x >> " + at_work + "; " + use(600, 0) + "sleep 300";
  plan.task("one", use_and_wait).task("two", use_and_wait);
  plan.task("three", commit_line("t.txt"), {}, "    setup: ['until test \"$(wc -l 2>&- < " + at_work + ")\" = 2; do sleep 0.05; done']\n");
  run(plan);
  for (const char* id : {"one", "two", "three"}) {
    EXPECT_EQ(end_of(id).phase(), v1::PHASE_FAILED) << id;
    EXPECT_THAT(end_of(id).reason(), HasSubstr("the run's budget of 1000 tokens is used up")) << id;
  }
  EXPECT_THAT(get(daemon_, run_).budget_notes(), testing::Contains(HasSubstr("used up")));
}

TEST_F(Budgets, OfADayCountAllRunsAndOutliveTheDaemon) {
  const std::string settings = "setup: []\nverify: []\nbudget: {day: {tokens: 1000}}\n";
  PlanBuilder first(repository_, settings), second(repository_, settings);
  // Long enough for what it has used to be written.
  first.task("one", use(900, 0) + "sleep 3; " + commit_line("o.txt"));
  second.task("two", use(200, 0) + "sleep 300");
  run(first, "first");
  EXPECT_EQ(end_of("one").phase(), v1::PHASE_COMPLETED) << end_of("one").reason();
  daemon_.stop(SIGKILL);
  daemon_.start();
  run(second, "second");
  EXPECT_EQ(end_of("two").phase(), v1::PHASE_FAILED);
  EXPECT_THAT(end_of("two").reason(), HasSubstr("today's budget of 1000 tokens is used up (1100 tokens)"));
}

TEST_F(Budgets, BeginAnewForAPersonWhoAsksAgain) {
  PlanBuilder plan(repository_);
  const auto count = (repository_.outside() / "count").string();
  plan.task("greedy", "echo x >> " + count + "; test $(wc -l < " + count + ") -gt 1 || { " + use(1000, 0) + "sleep 300; }; " +
                          use(500, 0) + commit_line("g.txt"),
            {}, "    budget: {tokens: 1000}\n");
  run(plan);
  EXPECT_EQ(end_of("greedy").phase(), v1::PHASE_FAILED);
  retry();
  watch(daemon_, run_, get(daemon_, run_).last_sequence());
  EXPECT_EQ(end_of("greedy").phase(), v1::PHASE_COMPLETED) << end_of("greedy").reason();
  EXPECT_EQ(end_of("greedy").usage().input_tokens(), 1500u) << "what was used is told all the same";
}

class Gates : public Budgets {
 protected:
  /// An agent that mends its work when it is asked again.
  std::string mending() const {
    return "if [ -e w.txt ]; then cat > " + (repository_.outside() / "heard").string() + "; " + commit_line("fixed.txt") +
           "; else " + commit_line("w.txt") + "; fi";
  }
};

TEST_F(Gates, GoBackToAPlainCommandOnlyWhereThePlanSaysSo) {
  PlanBuilder plan(repository_);
  plan.task("told", mending(), {}, "    gate_retries: 1\n    gates: [{name: fixed, run: \"echo not yet; test -e fixed.txt\"}]\n");
  const auto events = run(plan);
  const auto end = end_of("told");
  ASSERT_EQ(end.phase(), v1::PHASE_COMPLETED) << end.reason();
  EXPECT_EQ(end.attempt(), 1u);
  EXPECT_EQ(end.gate_retry(), 1u);
  EXPECT_THAT(read_file(repository_.outside() / "heard"), AllOf(HasSubstr("do it"), HasSubstr("\"fixed\" does not pass"), HasSubstr("not yet")));
  std::vector<std::string> logs;
  for (const auto& event : events) {
    if (event.has_gate_ended()) logs.push_back(event.gate_ended().result().log());
  }
  EXPECT_EQ(logs, (std::vector<std::string>{"gate-1-fixed.log", "gate-1.2-fixed.log"}));
}

TEST_F(Gates, FailAPlainCommandAtOnceUnlessItIsSaid) {
  PlanBuilder plan(repository_);
  plan.task("plain", mending(), {}, "    gates: [test -e fixed.txt]\n");
  run(plan);
  EXPECT_EQ(end_of("plain").phase(), v1::PHASE_FAILED);
  EXPECT_EQ(end_of("plain").gate_retry(), 0u);
}

TEST_F(Gates, ThatFailInTheSameWayWithNothingChangedEndItEarly) {
  PlanBuilder plan(repository_);
  plan.task("stuck", "test -e w.txt || { " + commit_line("w.txt") + "; }", {},
            "    gate_retries: 9\n    gates: [{name: never, run: \"echo $$; test -e missing\"}]\n");
  run(plan);
  EXPECT_EQ(end_of("stuck").phase(), v1::PHASE_FAILED);
  EXPECT_EQ(end_of("stuck").gate_retry(), 1u);
  EXPECT_THAT(end_of("stuck").reason(), HasSubstr("changed nothing in between"));
}

TEST_F(Gates, ThatWentBackAreKnownToTheNextDaemon) {
  PlanBuilder plan(repository_);
  plan.task("told", "if [ -e w.txt ]; then sleep 2; " + commit_line("fixed.txt") + "; else " + commit_line("w.txt") + "; fi", {},
            "    gate_retries: 1\n    gates: [test -e fixed.txt]\n");
  run_ = execute(daemon_, plan.write());
  watch(daemon_, run_, 0, [](const auto& event) { return event.has_work_returned(); });
  daemon_.stop(SIGKILL);
  daemon_.start();
  watch(daemon_, run_);
  EXPECT_EQ(end_of("told").phase(), v1::PHASE_COMPLETED) << end_of("told").reason();
  EXPECT_EQ(end_of("told").gate_retry(), 1u);
}

class AccountLimits : public Budgets {
 protected:
  // The first parking lasts six times as long at most, and half of that at least.
  AccountLimits() : Budgets("1s") {}

  /// Meets a limit when it is run first.
  std::string limited(const std::string& limit) const {
    const auto seen = (repository_.outside() / "seen").string();
    return "if [ ! -e " + seen + " ]; then touch " + seen + "; " + tell("{\"limit\":" + limit + "}") + "exit 1; fi; ";
  }
};

TEST_F(AccountLimits, ParkTheAccountAndTheTaskGoesOnByItself) {
  PlanBuilder plan(repository_);
  plan.task("met", limited("{\"kind\":\"KIND_RATE\",\"text\":\"too many requests\"}") + commit_line("m.txt"));
  const auto events = run(plan);
  const auto end = end_of("met");
  ASSERT_EQ(end.phase(), v1::PHASE_COMPLETED) << end.reason();
  EXPECT_EQ(end.attempt(), 1u);
  std::int64_t until = 0, again = 0;
  for (const auto& event : events) {
    if (event.has_agent_parked()) until = TimeUtil::TimestampToMilliseconds(event.agent_parked().until());
    if (event.has_command_started() && event.command_started().role() == "agent") again = TimeUtil::TimestampToMilliseconds(event.time());
  }
  EXPECT_GT(until, 0);
  EXPECT_GE(again, until);
}

TEST_F(AccountLimits, OutliveTheDaemon) {
  PlanBuilder plan(repository_);
  plan.task("met", limited("{\"kind\":\"KIND_USAGE\",\"text\":\"limit\",\"retryAfter\":\"6s\"}") + commit_line("m.txt"));
  run_ = execute(daemon_, plan.write());
  const auto before = watch(daemon_, run_, 0, [](const auto& event) { return event.has_agent_parked(); });
  const auto until = TimeUtil::TimestampToMilliseconds(before.back().agent_parked().until());
  EXPECT_TRUE(before.back().agent_parked().told());
  EXPECT_THAT(end_of("met").waiting_for(), HasSubstr("it goes on at"));
  daemon_.stop(SIGKILL);
  daemon_.start();
  for (const auto& event : watch(daemon_, run_, before.back().sequence())) {
    if (event.has_command_started() && event.command_started().role() == "agent")
      EXPECT_GE(TimeUtil::TimestampToMilliseconds(event.time()), until);
  }
  EXPECT_EQ(end_of("met").phase(), v1::PHASE_COMPLETED) << end_of("met").reason();
}

TEST_F(AccountLimits, OfAQuotaMakeWayForTheNextAgent) {
  const auto script = [&](const std::string& name, const std::string& lines) {
    write_file(repository_.outside() / name, "#!/bin/sh\n" + lines + "\n");
    return "sh " + (repository_.outside() / name).string();
  };
  const auto poor = script("poor", limited("{\"kind\":\"KIND_USAGE\",\"text\":\"quota\",\"retryAfter\":\"3600s\"}"));
  const auto rich = script("rich", commit_line("r.txt"));
  const auto plan = repository_.outside() / "plan.yaml";
  write_file(plan, "metadata: {name: fallback}\nrepo: " + repository_.root().string() +
                       "\nsetup: []\nverify: []\nagents: [\"" + poor + "\", \"" + rich + "\"]\ntasks: [{id: t, name: t, prompt: x}]\n");
  run_ = execute(daemon_, plan);
  const auto events = watch(daemon_, run_);
  const auto end = end_of("t");
  ASSERT_EQ(end.phase(), v1::PHASE_COMPLETED) << end.reason();
  EXPECT_EQ(end.agent(), rich);
  EXPECT_TRUE(std::any_of(events.begin(), events.end(), [&](const auto& event) {
    return event.has_agent_passed_over() && event.agent_passed_over().agent() == poor && event.agent_passed_over().next() == rich;
  }));
}

}  // namespace
}  // namespace fanout::test
