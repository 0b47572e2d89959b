// What is shown and written after a run: branches, collisions, a merge train, and the report.
#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "client/render/branches.hpp"
#include "client/render/report.hpp"
#include "client/render/train.hpp"
#include "common/text.hpp"
#include "tests/unit/client/run_builder.hpp"

namespace fanout::client {
namespace {

namespace v1 = fanout::v1;
using namespace test;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

std::string text_of(const std::vector<std::string>& lines) { return join(lines, "\n"); }

v1::BranchState state(const std::string& task, v1::BranchState::Readiness readiness, const std::string& reason = {}) {
  v1::BranchState one;
  one.set_task_id(task);
  one.set_branch("feature/" + task);
  one.set_head_commit("0123456789abcdef");
  one.set_commit_count(2);
  one.set_push(v1::BranchState::PUSH_STATE_BEHIND);
  one.set_readiness(readiness);
  one.set_reason(reason);
  return one;
}

v1::FileConflict conflict(const std::string& path, int line) {
  v1::FileConflict one;
  one.set_path(path);
  one.set_kind(v1::FileConflict::KIND_CONTENT);
  one.set_hunk_count(1);
  one.add_hunks()->set_our_line(static_cast<std::uint32_t>(line));
  return one;
}

v1::ReviewRunResponse review() {
  v1::ReviewRunResponse all;
  all.set_run_id("first-steps-7k2m");
  all.set_into("main");
  auto& ready = *all.add_tasks() = state("readme", v1::BranchState::READINESS_READY);
  ready.set_uncommitted_count(1);
  auto& clash = *all.add_tasks() = state("broken", v1::BranchState::READINESS_CONFLICT, "it conflicts with main in a.txt");
  *clash.add_conflicts() = conflict("a.txt", 7);
  all.add_tasks()->set_task_id("site");
  return all;
}

v1::Run reviewed() {
  v1::Run run;
  for (const auto* id : {"readme", "broken", "site"}) run.add_subagents()->set_task_id(id);
  return run;
}

TEST(BranchTable, SaysOfEachBranchHowFarItIs) {
  const auto lines = branch_table(reviewed(), review(), {}, 100);
  ASSERT_EQ(lines.size(), 3u) << "site has no branch";
  EXPECT_THAT(lines[1], AllOf(HasSubstr("readme"), HasSubstr("2"), HasSubstr("remote is behind"), HasSubstr("1 file"), HasSubstr("ready")));
  EXPECT_THAT(lines[2], AllOf(HasSubstr("broken"), HasSubstr("conflict: it conflicts with main in a.txt")));
  EXPECT_THAT(branch_table({}, {}, {}, 100), IsEmpty());
}

TEST(BranchTable, IsNeverWiderThanTheWindow) {
  for (const auto& line : branch_table(reviewed(), review(), {}, 60)) EXPECT_LE(display_width(line), 60u) << line;
}

TEST(BranchTable, KeepsTogetherWhatIsInOneRepository) {
  auto run = reviewed();
  run.add_repositories()->set_name("web");
  run.add_repositories()->set_path("/home/me/api");
  run.mutable_subagents(0)->set_repository("web");
  const auto lines = branch_table(run, review(), {}, 120);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(lines[0], StartsWith("REPOSITORY"));
  EXPECT_THAT(lines[1], AllOf(StartsWith("web"), HasSubstr("readme")));
  EXPECT_THAT(lines[2], AllOf(StartsWith("api"), HasSubstr("broken")));
}

TEST(MergeSteps, AreWhatBringsTheRunFurther) {
  EXPECT_THAT(merge_steps(review()), ElementsAre("fanout review first-steps-7k2m", "fanout merge first-steps-7k2m",
                                                 "fanout retry first-steps-7k2m broken --with-conflict"));
  v1::ReviewRunResponse done;
  done.set_run_id("r");
  *done.add_tasks() = state("a", v1::BranchState::READINESS_MERGED);
  EXPECT_THAT(merge_steps(done), ElementsAre("fanout cleanup r"));
  EXPECT_THAT(merge_steps({}), IsEmpty());
}

TEST(NextSteps, OnceGitHasBeenAskedAreByWhatItSays) {
  auto run = example();
  EXPECT_THAT(next_steps(run, {}), ElementsAre("fanout watch first-steps-7k2m", "fanout cancel first-steps-7k2m"));
  run.set_state(v1::RUN_STATE_COMPLETED);
  for (auto& agent : *run.mutable_subagents()) agent.set_phase(v1::PHASE_COMPLETED);
  EXPECT_THAT(next_steps(run, review()), ElementsAre("fanout review first-steps-7k2m", "fanout merge first-steps-7k2m",
                                                     "fanout retry first-steps-7k2m broken --with-conflict"));
  v1::ReviewRunResponse merged;
  merged.set_run_id(run.id());
  *merged.add_tasks() = state("readme", v1::BranchState::READINESS_MERGED);
  EXPECT_THAT(next_steps(run, merged), ElementsAre("fanout cleanup first-steps-7k2m"));
}

TEST(Collisions, NameBothTasksAndThePlace) {
  v1::ReviewRunResponse all;
  auto& one = *all.add_collisions();
  one.set_first("a");
  one.set_second("b");
  *one.add_files() = conflict("src/\x1b[31mx.cpp", 12);
  const auto text = text_of(collision_lines(all.collisions(), {}, 100));
  EXPECT_THAT(text, AllOf(HasSubstr("a and b collide"), HasSubstr("src/x.cpp:12"), Not(HasSubstr("\x1b"))));
}

TEST(ReviewPage, ShowsFilesGatesAndTheAgentsOwnWords) {
  RunBuilder run;
  auto& agent = run.task("readme", v1::PHASE_COMPLETED, 0, 2);
  agent.mutable_report()->set_summary("I wrote a README.");
  auto& gate = *agent.add_gates();
  gate.set_name("tests");
  gate.set_passed(true);
  auto all = review();
  auto& file = *all.mutable_tasks(0)->add_files();
  file.set_path("README.md");
  file.set_added(3);
  all.mutable_tasks(0)->set_file_count(1);
  const auto text = text_of(review_page(run.get(), all, {}, 100));
  EXPECT_THAT(text, AllOf(HasSubstr("README.md  +3"), HasSubstr("tests passed"), HasSubstr("I wrote a README."), HasSubstr("not committed")));
}

TEST(TrainLines, TellWhatLandedAndWhyTheRestDidNot) {
  v1::MergeResponse step;
  auto& landed = *step.mutable_landed();
  landed.add_task_ids("a");
  landed.add_task_ids("b");
  landed.set_before("1111111122");
  landed.set_commit("2222222233");
  EXPECT_THAT(train_lines(step, {}, 100), ElementsAre(AllOf(HasSubstr("a, b have landed"), HasSubstr("11111111 → 22222222"))));
  EXPECT_THAT(train_lines(step, {}, 30), ElementsAre("✓ a, b have landed, 11111111 →", "  22222222")) << "nothing is cut";
  auto& left = *step.mutable_left_out();
  left.set_task_id("c");
  left.set_cause(v1::MergeLeftOut::CAUSE_GATE);
  left.set_reason("gate \"tests\" fails");
  left.mutable_gate()->set_output_tail("line 1\nFAILED\n");
  EXPECT_THAT(text_of(train_lines(step, {}, 100)), AllOf(HasSubstr("c is left out: gate \"tests\" fails"), HasSubstr("    FAILED")));
  EXPECT_THAT(train_lines({}, {}, 100), IsEmpty()) << "a step of a newer daemon";
}

TEST(TrainLines, AfterAConflictTheAgentIsOffered) {
  v1::MergeLeftOut conflicting, failing;
  conflicting.set_task_id("c");
  conflicting.set_cause(v1::MergeLeftOut::CAUSE_CONFLICT);
  failing.set_task_id("d");
  failing.set_cause(v1::MergeLeftOut::CAUSE_GATE);
  EXPECT_THAT(steps_after("r", "main", {conflicting, failing}, {}),
              ElementsAre("fanout retry r c --with-conflict --into main", "fanout merge r --into main"));
}

Evidence evidence() {
  Evidence all;
  RunBuilder run("A | <b>plan</b> @here");
  auto& agent = run.task("readme", v1::PHASE_COMPLETED, 0, 2);
  agent.set_title("Write *README*");
  agent.set_branch("feature/readme");
  agent.set_commit_count(1);
  agent.mutable_report()->set_summary("Done.\n<script>alert(1)</script>");
  all.run = run.ended(v1::RUN_STATE_COMPLETED, 3).get();
  all.prompts["readme"] = "Do it.\n```\n</details>\n";
  v1::Event event;
  event.set_task_id("readme");
  event.set_attempt(1);
  event.mutable_command_started()->set_role("gate");
  event.mutable_command_started()->set_program("gate-1");
  event.mutable_command_started()->set_command("make `x` | tee log");
  collect(all, event);
  event.mutable_command_ended()->set_program("gate-1");
  event.mutable_command_ended()->set_exit_code(0);
  event.mutable_command_ended()->mutable_duration()->set_seconds(2);
  collect(all, event);
  return all;
}

TEST(Report, HoldsWhatWasAskedWhatWasDoneAndTheEvidence) {
  const auto text = to_markdown(report_of(evidence()));
  EXPECT_THAT(text, AllOf(StartsWith("## "), HasSubstr("1 of 1 task completed in 3.0s"), HasSubstr("feature/readme"), HasSubstr("exit 0"),
                          HasSubstr("What was asked"), HasSubstr("Do it.")));
}

TEST(Report, AsMarkdownEverythingOfOthersIsTextAndNoMarkup) {
  const auto text = to_markdown(report_of(evidence()));
  EXPECT_THAT(text, AllOf(Not(HasSubstr("<b>")), Not(HasSubstr("<script>")), HasSubstr("A \\| &lt;b&gt;plan"), HasSubstr("Write \\*README\\*")));
  EXPECT_THAT(text, Not(HasSubstr("@here"))) << "nobody is called";
  EXPECT_THAT(text, HasSubstr("`` make `x` \\| tee log ``")) << "a code span in a cell";
  EXPECT_THAT(text, HasSubstr("````text\nDo it.\n```\n</details>\n````")) << "a fence that nothing in it closes";
}

TEST(Report, AsAPageEverythingIsEscaped) {
  const auto page = to_html(report_of(evidence()), "<t>");
  EXPECT_THAT(page, AllOf(StartsWith("<!doctype html>"), HasSubstr("<title>&lt;t&gt;</title>"), HasSubstr("&lt;script&gt;alert(1)&lt;/script&gt;"),
                          HasSubstr("make `x` | tee log"), HasSubstr("&lt;/details&gt;")));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("http")));
}

TEST(Report, AsJsonIsOneObjectWithCommandsAndPrompts) {
  google::protobuf::Struct object;
  const auto text = report_json(evidence());
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(text, &object).ok()) << text;
  const auto& task = object.fields().at("tasks").list_value().values(0).struct_value();
  EXPECT_EQ(task.fields().at("taskId").string_value(), "readme");
  EXPECT_THAT(task.fields().at("prompt").string_value(), HasSubstr("Do it."));
  const auto& command = task.fields().at("commands").list_value().values(0).struct_value();
  EXPECT_EQ(command.fields().at("ended").struct_value().fields().at("exitCode").number_value(), 0);
}

TEST(Report, ACommandThatStillRunsHasNoResult) {
  Evidence all;
  all.run = example();
  v1::Event event;
  event.set_task_id("license");
  event.mutable_command_started()->set_program("agent");
  collect(all, event);
  EXPECT_THAT(to_markdown(report_of(all)), HasSubstr("under way"));
}

}  // namespace
}  // namespace fanout::client
