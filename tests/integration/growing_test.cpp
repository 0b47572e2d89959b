// Plans that are written while they run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "fanout/v1/admission.grpc.pb.h"
#include "server/domain/run/fold.hpp"
#include "tests/integration/growing.hpp"
#include "tests/support/plan_builder.hpp"
#include "tests/support/programs.hpp"

namespace fanout::test {
namespace {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using Result = v1::ExtendRunResponse::Result;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Growing : public testing::Test {
 protected:
  Growing() { repository_.commit_file("a.txt", "a\n"); }

  std::string head(const std::string& more = {}) const {
    return "{\"metadata\": {\"name\": \"Growing\"}, \"repo\": \"" + repository_.root().string() +
           "\", \"setup\": [], \"verify\": []" + more + "}";
  }
  v1::Run begin(const std::string& more = {}) { return begin_open(daemon_, repository_.outside(), head(more)); }

  /// An agent that waits for let(name), and then commits a file.
  std::string waiting(const std::string& name) const {
    return "until [ -e " + (repository_.outside() / name).string() + " ]; do sleep 0.05; done; " + commit_line(name + "-done.txt");
  }
  void let(const std::string& name) { write_file(repository_.outside() / name, ""); }

  void wait_for_phase(const std::string& run, const std::string& id, v1::Phase phase) {
    watch(daemon_, run, 0, [&](const v1::Event& event) { return event.task_id() == id && event.phase() == phase; });
  }
  void wait_for_event(const std::string& run, v1::Event::PayloadCase kind) {
    watch(daemon_, run, 0, [&](const v1::Event& event) { return event.payload_case() == kind; });
  }

  v1::ExplainTaskResponse why(const std::string& run, const std::string& id) {
    v1::ExplainTaskRequest request;
    request.set_run_id(run);
    request.set_task_id(id);
    v1::ExplainTaskResponse response;
    const auto status = v1::AdmissionService::NewStub(daemon_.channel())->ExplainTask(patient().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  GitSandbox repository_;
  Daemon daemon_;
};

std::string words_of(const Result& result) {
  std::string text;
  for (const auto& one : result.diagnostics()) text += one.message() + "\n";
  return text;
}

TEST_F(Growing, EachTaskStartsWhileTheRestIsStillBeingWritten) {
  const auto run = begin();
  EXPECT_TRUE(run.open());
  EXPECT_EQ(run.subagents_size(), 0);
  EXPECT_EQ(run.name(), "Growing");
  const auto first = extend(daemon_, run.id(), {entry("a", waiting("a"))});
  ASSERT_EQ(first.results_size(), 1);
  EXPECT_EQ(first.results(0).outcome(), Result::OUTCOME_ADDED) << words_of(first.results(0));
  EXPECT_EQ(first.results(0).task_id(), "a");
  EXPECT_TRUE(first.open());
  wait_for_phase(run.id(), "a", v1::PHASE_IMPLEMENTING);

  // What "c" needs comes after it.
  extend(daemon_, run.id(), {entry("b", commit_line("b.txt"), {"a"}), entry("c", commit_line("c.txt"), {"late"})});
  const auto reasons = why(run.id(), "c");
  EXPECT_EQ(reasons.summary(), "It waits for the tasks it depends on.");
  ASSERT_EQ(reasons.reasons_size(), 1);
  EXPECT_THAT(reasons.reasons(0).text(), HasSubstr("late, which it depends on, has not come yet"));
  const auto last = extend(daemon_, run.id(), {entry("late", commit_line("late.txt"))}, true);
  EXPECT_FALSE(last.open());
  let("a");
  watch(daemon_, run.id());
  const auto done = get(daemon_, run.id());
  EXPECT_EQ(done.state(), v1::RUN_STATE_COMPLETED) << done.DebugString();
  EXPECT_FALSE(done.open());
  ASSERT_EQ(done.subagents_size(), 4);
  EXPECT_EQ(done.subagents(3).task_id(), "late") << "in the order in which they came";
  EXPECT_EQ(repository_.git({"show", "feature/b:a-done.txt"}) + repository_.git({"show", "feature/c:late.txt"}), "xx")
      << "each starts from what it needs";
}

TEST_F(Growing, ATaskWithFaultsIsToldAndHarmsNobody) {
  const auto run = begin();
  const auto answer = extend(daemon_, run.id(),
                             {entry("good", commit_line("g.txt")), "{\"id\": \"bad\"", entry("../x", "true"), "[]", "null", "",
                              "{\"id\": \"nothing\"}", entry("good", "something else"), entry("GOOD", "true"),
                              "{\"id\": \"p\", \"prompt\": \"x\", \"agent\": \"true\", \"priority\": \"urgent\"}",
                              "{\"id\": \"f\", \"file\": \"../../etc/passwd\", \"agent\": \"true\"}",
                              entry("u", "/nowhere/agent"), entry("self", "true", {"self"}), entry("child", "true", {"p"})},
                             true);
  ASSERT_EQ(answer.results_size(), 14);
  const std::vector<std::string> wanted{"",
                                        "no JSON object in one line",
                                        "cannot be the name of a folder",
                                        "must be one JSON object",
                                        "must be one JSON object",
                                        "no JSON object in one line",
                                        "says nothing to do",
                                        "is used twice: an earlier task has it",
                                        "differ only in case",
                                        "unknown priority \"urgent\"",
                                        "lies outside the plan's folder",
                                        "is not there or may not be executed",
                                        "self depends on itself",
                                        ""};
  for (int i = 0; i < answer.results_size(); ++i) {
    const auto& text = wanted[static_cast<std::size_t>(i)];
    EXPECT_THAT(words_of(answer.results(i)), HasSubstr(text)) << i;
    EXPECT_EQ(answer.results(i).outcome(), text.empty() ? Result::OUTCOME_ADDED : Result::OUTCOME_REFUSED) << i;
  }
  watch(daemon_, run.id());
  const auto done = get(daemon_, run.id());
  ASSERT_EQ(done.subagents_size(), 2);
  EXPECT_EQ(task(done, "good").phase(), v1::PHASE_COMPLETED);
  EXPECT_EQ(task(done, "child").phase(), v1::PHASE_BLOCKED);
  EXPECT_EQ(task(done, "child").reason(), "it needs p, which never came");
  EXPECT_THAT(why(run.id(), "child").DebugString(), HasSubstr("never came: the plan was closed without it"));
}

TEST_F(Growing, ATaskThatWouldWaitForItselfIsRefused) {
  const auto run = begin();
  extend(daemon_, run.id(), {entry("a", "true", {"c"}), entry("b", "true", {"a"})});
  const auto answer = extend(daemon_, run.id(), {entry("c", "true", {"b"})});
  EXPECT_EQ(answer.results(0).outcome(), Result::OUTCOME_REFUSED);
  EXPECT_THAT(words_of(answer.results(0)), HasSubstr("these tasks wait for each other"));
  extend(daemon_, run.id(), {entry("c", commit_line("c.txt"))}, true);
  watch(daemon_, run.id());
  EXPECT_EQ(task(get(daemon_, run.id()), "c").phase(), v1::PHASE_COMPLETED);
}

TEST_F(Growing, SentAgainATaskIsAcceptedOnceAlsoWhenTheRunIsOver) {
  const auto run = begin();
  const std::vector<std::string> tasks{entry("a", commit_line("a1.txt")), entry("b", commit_line("b1.txt"), {"a"})};
  extend(daemon_, run.id(), tasks);
  const auto again = extend(daemon_, run.id(), tasks, true);
  EXPECT_EQ(again.results(0).outcome(), Result::OUTCOME_KNOWN);
  EXPECT_EQ(again.results(1).task_id(), "b");
  watch(daemon_, run.id());
  const auto late = extend(daemon_, run.id(), {tasks[0], entry("new", "true")}, true);
  EXPECT_EQ(late.results(0).outcome(), Result::OUTCOME_KNOWN);
  EXPECT_EQ(late.results(1).outcome(), Result::OUTCOME_REFUSED);
  EXPECT_THAT(words_of(late.results(1)), HasSubstr("is closed"));
  const auto done = get(daemon_, run.id());
  EXPECT_EQ(done.subagents_size(), 2);
  EXPECT_EQ(done.state(), v1::RUN_STATE_COMPLETED);
}

TEST_F(Growing, TwoWhoBringTheSameTasksAtOnceMakeThemOnce) {
  const auto run = begin();
  constexpr int kTasks = 20;
  std::atomic<int> added = 0;
  const auto bring = [&](int who) {
    for (int i = 0; i < kTasks; ++i) {
      const auto id = "t" + std::to_string(i);
      const auto answer = extend(daemon_, run.id(), {entry(id, commit_line(id + "-by-" + std::to_string(who)))});
      added += answer.results(0).outcome() == Result::OUTCOME_ADDED;
    }
  };
  std::thread one([&] { bring(1); }), other([&] { bring(2); });
  one.join();
  other.join();
  EXPECT_EQ(added, kTasks);
  extend(daemon_, run.id(), {}, true);
  watch(daemon_, run.id());
  const auto done = get(daemon_, run.id());
  EXPECT_EQ(done.subagents_size(), kTasks);
  EXPECT_EQ(done.state(), v1::RUN_STATE_COMPLETED);
}

TEST_F(Growing, KilledBetweenTasksTheDaemonLosesNoneThatItHadAccepted) {
  const auto run = begin();
  extend(daemon_, run.id(), {entry("a", waiting("a")), entry("b", commit_line("b.txt"), {"late", "a"})});
  wait_for_phase(run.id(), "a", v1::PHASE_IMPLEMENTING);
  for (const auto* id : {"late", "later"}) {
    daemon_.stop(SIGKILL);
    daemon_.start();
    const auto now = get(daemon_, run.id());
    EXPECT_TRUE(now.open());
    EXPECT_EQ(extend(daemon_, run.id(), {entry("a", waiting("a"))}).results(0).outcome(), Result::OUTCOME_KNOWN);
    EXPECT_EQ(extend(daemon_, run.id(), {entry(id, commit_line(std::string(id) + ".txt"))}).results(0).outcome(), Result::OUTCOME_ADDED);
  }
  daemon_.stop(SIGKILL);
  daemon_.start();
  let("a");
  extend(daemon_, run.id(), {entry("last", commit_line("last.txt"), {"b", "never"})}, true);
  watch(daemon_, run.id());
  const auto done = get(daemon_, run.id());
  ASSERT_EQ(done.subagents_size(), 5);
  for (const auto* id : {"a", "b", "late", "later"}) {
    EXPECT_EQ(task(done, id).phase(), v1::PHASE_COMPLETED) << id << task(done, id).reason();
    EXPECT_EQ(task(done, id).attempt(), 1u) << id;
  }
  EXPECT_EQ(task(done, "last").phase(), v1::PHASE_BLOCKED);
}

TEST_F(Growing, KilledAtACommitNoTaskIsLostOrDoubled) {
  daemon_.set_program(built("server/fanoutd-with-crash-points"));
  for (const std::string point : {"log.before-commit", "log.after-commit"}) {
    for (int time = 1; time <= 8; time += 2) {
      const auto run = begin(", \"branch\": \"{run_id}/{task_id}\", \"worktree\": \"{run_id}/{task_id}\"");
      daemon_.stop(SIGKILL);
      daemon_.start({"FANOUT_CRASH_AT=" + point + "#" + std::to_string(time)});
      bool died = false;
      const auto bring = [&](const std::vector<std::string>& tasks, bool close) {
        for (int tries = 0; tries < 2; ++tries) {
          try {
            extend(daemon_, run.id(), tasks, close);
            return;
          } catch (const std::runtime_error&) {
            died = true;
            daemon_.stop(SIGKILL);
            daemon_.start();
          }
        }
        FAIL() << "twice it did not answer";
      };
      bring({entry("a", commit_line("a1.txt"))}, false);
      bring({entry("b", commit_line("b1.txt"), {"a"}), entry("c", commit_line("c1.txt"), {"late"})}, false);
      bring({entry("late", commit_line("late.txt"))}, true);
      if (!died) {
        daemon_.stop(SIGKILL);
        daemon_.start();
      }
      watch(daemon_, run.id());
      const auto done = get(daemon_, run.id());
      EXPECT_EQ(done.subagents_size(), 4) << point << time;
      EXPECT_EQ(done.state(), v1::RUN_STATE_COMPLETED) << point << time << done.DebugString();
    }
  }
}

TEST_F(Growing, ALostEventLogIsMadeAnewWithTheTasksThatCame) {
  const auto run = begin();
  extend(daemon_, run.id(), {entry("a", waiting("a"))});
  extend(daemon_, run.id(), {entry("b", commit_line("b.txt"), {"a"})});
  wait_for_phase(run.id(), "a", v1::PHASE_IMPLEMENTING);
  daemon_.stop(SIGKILL);
  for (const auto* end : {"", "-wal", "-shm"}) fs::remove(daemon_.state() / (std::string("fanout.db") + end));
  write_file(daemon_.state() / "fanout.db", std::string(8192, 'x'));
  daemon_.start();
  const auto now = get(daemon_, run.id());
  EXPECT_TRUE(now.open());
  EXPECT_EQ(now.subagents_size(), 2);
  extend(daemon_, run.id(), {entry("c", commit_line("c.txt"), {"b"})}, true);
  let("a");
  watch(daemon_, run.id());
  const auto done = get(daemon_, run.id());
  EXPECT_EQ(done.state(), v1::RUN_STATE_COMPLETED) << done.DebugString();
}

TEST_F(Growing, CancellingTheRunClosesItsPlan) {
  const auto run = begin();
  extend(daemon_, run.id(), {entry("a", waiting("a")), entry("b", "true", {"c"})});
  v1::CancelRunRequest request;
  request.set_run_id(run.id());
  v1::CancelRunResponse response;
  ASSERT_TRUE(daemon_.runs().CancelRun(patient().get(), request, &response).ok());
  EXPECT_EQ(response.task_ids_size(), 2);
  watch(daemon_, run.id());
  const auto done = get(daemon_, run.id());
  EXPECT_EQ(done.state(), v1::RUN_STATE_CANCELLED);
  EXPECT_EQ(extend(daemon_, run.id(), {entry("c", "true")}).results(0).outcome(), Result::OUTCOME_REFUSED);

  const auto empty = begin();
  request.set_run_id(empty.id());
  EXPECT_TRUE(daemon_.runs().CancelRun(patient().get(), request, &response).ok()) << "there is a plan to close";
  watch(daemon_, empty.id());
  EXPECT_EQ(get(daemon_, empty.id()).state(), v1::RUN_STATE_FAILED) << "nothing was done in it";
}

TEST_F(Growing, ADaemonThatStopsClosesThePlanAndTheRunIsInterrupted) {
  const auto run = begin();
  extend(daemon_, run.id(), {entry("a", commit_line("a1.txt"))});
  wait_for_phase(run.id(), "a", v1::PHASE_COMPLETED);
  daemon_.stop(SIGTERM);
  daemon_.start();
  const auto done = get(daemon_, run.id());
  EXPECT_EQ(done.state(), v1::RUN_STATE_INTERRUPTED);
  EXPECT_FALSE(done.open());
  EXPECT_EQ(extend(daemon_, run.id(), {entry("b", "true")}).results(0).outcome(), Result::OUTCOME_REFUSED);
}

TEST_F(Growing, WhatIsRetriedAfterwardsKnowsAllTasks) {
  const auto run = begin();
  extend(daemon_, run.id(), {entry("a", "test -e " + (repository_.outside() / "fixed").string() + " && " + commit_line("a1.txt"))});
  extend(daemon_, run.id(), {entry("b", commit_line("b1.txt"), {"a"})}, true);
  watch(daemon_, run.id());
  EXPECT_EQ(get(daemon_, run.id()).state(), v1::RUN_STATE_FAILED);
  daemon_.stop(SIGKILL);
  daemon_.start();
  let("fixed");
  v1::RetryRunRequest request;
  request.set_run_id(run.id());
  v1::RetryRunResponse response;
  const auto status = daemon_.runs().RetryRun(patient().get(), request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.task_ids_size(), 2);
  watch(daemon_, run.id(), get(daemon_, run.id()).last_sequence());
  EXPECT_EQ(get(daemon_, run.id()).state(), v1::RUN_STATE_COMPLETED);
}

TEST_F(Growing, WhatStandsAboveTheTasksHoldsForAllOfThem) {
  const auto run = begin(", \"agent\": \"echo x > x.txt\", \"branch\": \"work/{task_id}\", \"gates\": [{\"name\": \"g\", \"run\": \"test -f x.txt\"}]");
  write_file(repository_.outside() / "tasks/t.md", "---\nid: t\npriority: high\nstatus: pending\n---\n\n# From a file\n\n## 🎯 Objective\n\nDo it.\n");
  extend(daemon_, run.id(),
         {"{\"id\": \"t\", \"file\": \"tasks/t.md\"}",
          "{\"id\": \"emoji\", \"name\": \"\\ud83d\\ude00 \\u00e9\", \"prompt\": \"a\\nb\", \"retries\": 2, \"allow_empty\": true}",
          "{\"id\": \"done\", \"prompt\": \"x\", \"status\": \"completed\"}", entry("after", "true", {"done"})},
         true);
  watch(daemon_, run.id());
  const auto done = get(daemon_, run.id());
  EXPECT_EQ(task(done, "t").report().branch(), "work/t");
  EXPECT_EQ(task(done, "t").priority(), "high");
  EXPECT_EQ(task(done, "t").report().gates_size(), 1);
  EXPECT_THAT(read_file(repository_.outside() / "tasks/t.md"), HasSubstr("status: completed"));
  EXPECT_EQ(task(done, "emoji").title(), "\xf0\x9f\x98\x80 \xc3\xa9");
  EXPECT_EQ(task(done, "done").phase(), v1::PHASE_SKIPPED);
  EXPECT_EQ(task(done, "after").ended_in(), v1::PHASE_IMPLEMENTING) << "it was not blocked; it changed nothing";
}

TEST_F(Growing, ABeginningWithFaultsStartsNothing) {
  const auto refused = [&](const std::string& head, const std::string& folder) {
    v1::ExecutePlanRequest request;
    request.set_working_directory(folder);
    request.mutable_open()->set_head(head);
    v1::ExecutePlanResponse response;
    const auto status = daemon_.runs().ExecutePlan(patient().get(), request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << head << status.error_message();
    return status.error_message();
  };
  const auto here = repository_.outside().string();
  refused("{\"tasks\": []}", here);
  refused("{", here);
  refused("[1]", here);
  refused(head(", \"gates\": 3"), here);
  refused(head(", \"branch\": \"same\""), here);
  refused("{\"metadata\": \"x\"" + std::string(2u << 20, ' ') + "}", here);
  EXPECT_THAT(refused(head(), "relative"), HasSubstr("must be an absolute path"));
  refused("{\"repo\": \"/nowhere\"}", here);
  v1::ListRunsResponse runs;
  ASSERT_TRUE(daemon_.runs().ListRuns(patient().get(), {}, &runs).ok());
  EXPECT_EQ(runs.runs_size(), 0);
}

TEST_F(Growing, HostileEntriesAreRefusedOrTaken) {
  const auto run = begin();
  std::string deep(100'000, '[');
  const auto answer = extend(daemon_, run.id(),
                             {"{\"id\": \"deep\", \"prompt\": " + deep + "}", "{\"id\": \"nul\\u0000\", \"prompt\": \"x\"}",
                              "{\"id\": \"big\", \"prompt\": \"" + std::string(1u << 20, 'x') + "\"}",
                              "{\"id\": \"a\\u001b[31m\", \"prompt\": \"x\", \"agent\": \"true\"}", "{\"id\": \"lone\", \"prompt\": \"\\ud83d\"}",
                              "{\"id\": 7, \"prompt\": 1.5, \"agent\": \"true\", \"retries\": -1}", "{\"id\": \"x\", \"prompt\": \"y\"} {}"});
  for (const auto& result : answer.results()) {
    EXPECT_EQ(result.outcome(), Result::OUTCOME_REFUSED) << result.DebugString();
    EXPECT_FALSE(words_of(result).empty());
    EXPECT_THAT(words_of(result), Not(HasSubstr("\x1b")));
  }
  v1::ExtendRunRequest many;
  many.set_run_id(run.id());
  for (int i = 0; i < 1001; ++i) many.add_tasks("{}");
  v1::ExtendRunResponse response;
  EXPECT_EQ(daemon_.runs().ExtendRun(patient().get(), many, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  many.set_run_id("nobody");
  many.clear_tasks();
  EXPECT_EQ(daemon_.runs().ExtendRun(patient().get(), many, &response).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(get(daemon_, run.id()).subagents_size(), 0);
}

/// By the real command line.
class GrowingByHand : public Growing {
 protected:
  std::vector<std::string> words(std::vector<std::string> more) const {
    std::vector<std::string> all{"--socket", daemon_.socket().string(), "--no-start"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Feeding execute_from(const std::string& source, std::vector<std::string> more = {}) const {
    std::vector<std::string> all{"execute", "--plan-from", source};
    all.insert(all.end(), more.begin(), more.end());
    return Feeding(repository_.root(), words(all));
  }
  Output fanout(std::vector<std::string> more) const {
    auto all = words(more);
    all.insert(all.begin(), FANOUT);
    return run_in(repository_.root(), all);
  }
  /// The newest run, once there is one.
  v1::Run newest() {
    for (;;) {
      v1::ListRunsResponse runs;
      if (daemon_.runs().ListRuns(patient().get(), {}, &runs).ok() && runs.runs_size() > 0) return runs.runs(0);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
};

TEST_F(GrowingByHand, LinesOfStandardInputAreTasksAsTheyCome) {
  auto feeding = execute_from("-");
  feeding.write("\xef\xbb\xbf{\"metadata\": {\"name\": \"By hand\"}, \"setup\": [], \"verify\": []}\n\n");
  const auto run = newest().id();
  feeding.write(entry("a", waiting("a")).substr(0, 20));
  feeding.write(entry("a", waiting("a")).substr(20) + "\n{\"id\": \"bad\", \"prompt\": }\n");
  wait_for_phase(run, "a", v1::PHASE_IMPLEMENTING);
  feeding.write(entry("b", commit_line("b.txt"), {"a"}));  // the end of input completes the line
  feeding.end_input();
  wait_for_event(run, v1::Event::kPlanClosed);
  let("a");
  EXPECT_EQ(feeding.end(), 1) << "a line was not taken";
  EXPECT_THAT(feeding.err(), AllOf(HasSubstr("line 4 of standard input was not taken: this is no JSON object in one line"),
                                   HasSubstr("1 line was not taken, see above")));
  EXPECT_THAT(feeding.out(), AllOf(HasSubstr("task added: a"), HasSubstr("the plan is closed"), HasSubstr("2 of 2 tasks completed")));
  EXPECT_EQ(get(daemon_, run).state(), v1::RUN_STATE_COMPLETED);
}

TEST_F(GrowingByHand, AFileAndAFifoAreReadLikewise) {
  const auto tasks = entry("a", commit_line("a1.txt")) + "\n" + entry("b", commit_line("b1.txt"), {"a"}) + "\n";
  write_file(repository_.root() / "plan.jsonl", "{\"setup\": [], \"verify\": []}\n" + tasks);
  const auto done = fanout({"execute", "--plan-from", "plan.jsonl"});
  EXPECT_EQ(done.status, 0) << done.text;
  EXPECT_EQ(newest().plan_path(), (repository_.root() / "plan.jsonl").string());

  const auto fifo = repository_.outside() / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  auto feeding = execute_from(fifo.string(), {"--detach"});
  std::ofstream(fifo) << "{\"setup\": [], \"verify\": [], \"branch\": \"again/{task_id}\", \"worktree\": \"again/{task_id}\"}\n" << tasks;
  EXPECT_EQ(feeding.end(), 0) << feeding.err();
  const auto run = feeding.out().substr(0, feeding.out().find('\n'));
  watch(daemon_, run);
  EXPECT_EQ(get(daemon_, run).state(), v1::RUN_STATE_COMPLETED);
}

TEST_F(GrowingByHand, AnInterruptLeavesTheRunAndClosesThePlan) {
  auto feeding = execute_from("-");
  feeding.write("{\"setup\": [], \"verify\": []}\n" + entry("a", waiting("a")) + "\n" + entry("b", "true", {"c"}) + "\n");
  const auto run = newest().id();
  wait_for_phase(run, "a", v1::PHASE_IMPLEMENTING);
  watch(daemon_, run, 0, [](const v1::Event& event) { return event.has_tasks_added() && event.tasks_added().subagents().rbegin()->task_id() == "b"; });
  feeding.send(SIGTERM);
  EXPECT_EQ(feeding.end(), 130);
  EXPECT_THAT(feeding.err(), HasSubstr("and its plan is closed"));
  const auto now = get(daemon_, run);
  EXPECT_EQ(now.state(), v1::RUN_STATE_RUNNING);
  EXPECT_FALSE(now.open());
  let("a");
  watch(daemon_, run);
  EXPECT_EQ(task(get(daemon_, run), "a").phase(), v1::PHASE_COMPLETED);
  EXPECT_EQ(task(get(daemon_, run), "b").reason(), "it needs c, which never came");
}

TEST_F(GrowingByHand, KilledAndStartedAgainTheDaemonGetsTheRest) {
  auto feeding = execute_from("-");
  feeding.write("{\"setup\": [], \"verify\": []}\n" + entry("a", waiting("a")) + "\n");
  const auto run = newest().id();
  wait_for_phase(run, "a", v1::PHASE_IMPLEMENTING);
  daemon_.stop(SIGKILL);
  feeding.write(entry("b", commit_line("b1.txt"), {"a"}) + "\n");
  daemon_.start();
  watch(daemon_, run, 0, [](const v1::Event& event) { return event.has_tasks_added() && event.tasks_added().subagents(0).task_id() == "b"; });
  feeding.end_input();
  let("a");
  EXPECT_EQ(feeding.end(), 0) << feeding.err();
  const auto done = get(daemon_, run);
  EXPECT_EQ(done.subagents_size(), 2);
  EXPECT_EQ(done.state(), v1::RUN_STATE_COMPLETED);
}

TEST_F(GrowingByHand, WhoeverComesLaterExtendsOrClosesThePlan) {
  const auto run = begin().id();
  EXPECT_THAT(fanout({"status", run}).text, AllOf(HasSubstr("more may come"), HasSubstr("fanout extend " + run + " --close")));
  {
    Feeding feeding(repository_.root(), words({"extend", run, "--plan-from", "-", "--keep-open"}));
    feeding.write(entry("a", commit_line("a1.txt")) + "\n");
    feeding.end_input();
    EXPECT_EQ(feeding.end(), 0) << feeding.err();
  }
  wait_for_phase(run, "a", v1::PHASE_COMPLETED);
  EXPECT_TRUE(get(daemon_, run).open());
  EXPECT_EQ(fanout({"extend", run}).status, 2);
  const auto closed = fanout({"extend", run, "--close"});
  EXPECT_EQ(closed.status, 0) << closed.text;
  watch(daemon_, run);
  EXPECT_EQ(get(daemon_, run).state(), v1::RUN_STATE_COMPLETED);
  const auto late = fanout({"extend", run, "--plan-from", "/dev/null"});
  EXPECT_EQ(late.status, 1);
  EXPECT_THAT(late.text, HasSubstr("is closed"));
}

TEST_F(GrowingByHand, WhereNothingComesOrItsBeginningIsWrongNothingStarts) {
  const auto nothing = fanout({"execute", "--plan-from", "/dev/null"});
  EXPECT_EQ(nothing.status, 2);
  EXPECT_THAT(nothing.text, HasSubstr("nothing came from /dev/null"));
  write_file(repository_.root() / "bad.jsonl", "\n{\"metadata\": {}, \"gates\": 3}\n");
  const auto bad = fanout({"execute", "--plan-from", "bad.jsonl"});
  EXPECT_EQ(bad.status, 2);
  EXPECT_THAT(bad.text, AllOf(HasSubstr("bad.jsonl:2: error: gates must be"), HasSubstr("nothing was started")));
  EXPECT_EQ(fanout({"execute", "--plan-from", "nowhere"}).status, 2);
  EXPECT_EQ(fanout({"execute", "plan.yaml", "--plan-from", "-"}).status, 2);
}

}  // namespace
}  // namespace fanout::test
