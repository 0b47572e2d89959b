#include <gmock/gmock.h>

#include "client/render/live.hpp"
#include "common/text.hpp"
#include "tests/unit/client/run_builder.hpp"

namespace fanout::client::test {
namespace {

namespace v1 = fanout::v1;
using testing::HasSubstr;
using testing::Not;

std::string drawn(const v1::Run& run, std::size_t columns, std::size_t rows = 24, double seconds = 3) {
  return text_of(frame(run, {columns, rows, at(seconds), {}}));
}

TEST(Frame, ShowsGlyphWordTimeAndLastWordsOfEverySubagent) {
  EXPECT_EQ(drawn(example(), 80),
            "First steps  first-steps-7k2m  main@1a2b3c4d\n"
            "\n"
            "  ✓  readme   completed     ▰▰▰▰▰    1.7s  1 commit on feature/readme\n"
            "  ●  license  implementing  ▰▰▱▱▱      3s  Leaving the commit to Fanout\n"
            "  ○  └ site   pending       ▱▱▱▱▱          waits for license\n"
            "  ●  ci       testing       ▰▰▰▱▱      2s  3 files checked\n"
            "  ✗  broken   failed        ▰▰▰▱▱    1.2s  gate \"check\" failed with exit code 1\n"
            "\n"
            "  1 completed · 2 at work · 1 pending · 1 failed · 3s\n");
}

TEST(Frame, OfANarrowTerminalLeavesTheLastWordsTheirRoom) {
  const auto text = drawn(example(), 60);
  EXPECT_THAT(text, HasSubstr("●  license  implementing      3s  Leaving the commit to …"));
  EXPECT_THAT(text, Not(HasSubstr("▰")));
}

TEST(Frame, OfAWideTerminalShowsWhatWasChangedAndUsed) {
  auto run = example();
  auto& done = *run.mutable_subagents(0);
  auto& file = *done.mutable_report()->add_files();
  file.set_added(120);
  file.set_deleted(4);
  done.mutable_usage()->set_input_tokens(12'000);
  done.mutable_usage()->set_output_tokens(345);
  done.mutable_usage()->mutable_cost()->set_amount(0.25);
  done.mutable_usage()->mutable_cost()->set_currency("USD");
  const auto text = drawn(run, 200);
  EXPECT_THAT(text, HasSubstr("1.7s      +120 −4    12.3k     $0.25  1 commit on feature/readme\n"));
  EXPECT_THAT(text, HasSubstr("12.3k tokens, $0.25")) << "the sum, below";
  EXPECT_THAT(drawn(run, 80), Not(HasSubstr("+120")));
}

TEST(Frame, PutsTasksBelowWhatTheyWaitFor) {
  RunBuilder run;
  run.task("app", v1::PHASE_PENDING).add_dependencies("lib");
  run.task("docs", v1::PHASE_PENDING);
  run.task("lib", v1::PHASE_PENDING).add_dependencies("base");
  run.task("base", v1::PHASE_IMPLEMENTING, 0);
  const auto text = drawn(run.get(), 80);
  EXPECT_THAT(text, HasSubstr("  docs "));
  EXPECT_THAT(text, testing::ContainsRegex("  base .*\n.*  └ lib .*\n.*    └ app .*waits for lib\n"));
}

TEST(Frame, MarksTheSelectedTaskAndShowsThoseAroundIt) {
  auto run = many(200, v1::PHASE_PENDING);
  run.mutable_subagents(0)->set_phase(v1::PHASE_IMPLEMENTING);
  View view{80, 20, at(3), {}, true, "task-100"};
  const auto text = text_of(frame(run, view));
  EXPECT_THAT(text, HasSubstr("\n› ○  task-100 "));
  EXPECT_THAT(text, HasSubstr("task-99 "));
  EXPECT_THAT(text, HasSubstr("task-101 "));
  EXPECT_THAT(text, Not(HasSubstr("task-1 ")));
  EXPECT_THAT(text, HasSubstr("enter log · r retry · c cancel"));
  view.selected = "task-200";
  EXPECT_THAT(text_of(frame(run, view)), HasSubstr("› ○  task-200 "));
}

TEST(Frame, ShowsWhatAnAgentAsksAndWhichKeysAnswer) {
  auto run = example();
  auto& asked = *run.mutable_subagents(1)->add_attention();
  asked.mutable_permission()->set_tool("Bash");
  asked.mutable_permission()->set_command("rm -rf build");
  auto& always = *asked.mutable_permission()->add_options();
  always.set_id("always");
  always.set_name("Always");
  const auto text = text_of(frame(run, {80, 24, at(3), {}, true}));
  EXPECT_THAT(text, HasSubstr("? license asks: may it: Bash: rm -rf build\n"));
  EXPECT_THAT(text, HasSubstr("  y allow · n deny · 1 Always · a in words\n"));
}

TEST(Frame, ShowsTheSurroundingsAndWhatIsBeingTyped) {
  View view{80, 24, at(3), {}, true};
  view.surroundings = "memory 5.1 GiB free";
  view.below = "answer: yes";
  for (const std::size_t rows : {24, 6}) {
    view.rows = rows;
    EXPECT_THAT(text_of(frame(example(), view)), HasSubstr("  answer: yes\n")) << rows;
  }
  view.rows = 24;
  EXPECT_THAT(text_of(frame(example(), view)), HasSubstr(" · 3s · memory 5.1 GiB free\n"));
}

TEST(Frame, UsesTheRoomOfAWideTerminal) {
  auto run = example();
  run.mutable_subagents(1)->set_last_message(std::string(150, 'x'));
  const auto text = drawn(run, 200);
  EXPECT_THAT(text, HasSubstr(std::string(150, 'x')));
  EXPECT_THAT(text, HasSubstr("Ctrl-C leaves, the run goes on\n"));
}

TEST(Frame, CutsLongMessagesAtTheEdge) {
  auto run = example();
  run.mutable_subagents(1)->set_last_message(std::string(150, 'x'));
  EXPECT_THAT(drawn(run, 80), HasSubstr("implementing  ▰▰▱▱▱      3s  " + std::string(35, 'x') + "…\n"));
}

TEST(Frame, NeverReachesTheLastColumnOrTheLastRow) {
  for (const int tasks : {0, 1, 3, 200}) {
    auto run = many(tasks, v1::PHASE_IMPLEMENTING);
    for (auto& agent : *run.mutable_subagents())
      agent.set_last_message("漢字かな交じり文 " + std::string(300, 'm'));
    for (const std::size_t columns : {1, 2, 10, 40, 80, 200}) {
      for (const std::size_t rows : {1, 2, 3, 5, 9, 10, 24, 300}) {
        for (const bool keys : {false, true}) {
          const auto lines = frame(run, {columns, rows, at(3), {true}, keys, keys ? "task-2" : "", "", "memory"});
          EXPECT_LE(lines.size(), std::max<std::size_t>(rows, 2) - 1) << tasks << " tasks, " << rows << " rows";
          for (const auto& line : lines)
            EXPECT_LT(display_width(printable(line)), std::max<std::size_t>(columns, 2));
        }
      }
    }
  }
}

TEST(Frame, OfTooManyTasksShowsThoseAtWorkAndCountsTheRest) {
  auto run = many(200, v1::PHASE_PENDING);
  for (int i = 0; i < 50; ++i) run.mutable_subagents(i)->set_phase(v1::PHASE_COMPLETED);
  for (int i = 120; i < 130; ++i) run.mutable_subagents(i)->set_phase(v1::PHASE_IMPLEMENTING);
  run.mutable_subagents(60)->set_phase(v1::PHASE_FAILED);
  const auto text = drawn(run, 80, 20);
  for (int i = 121; i <= 130; ++i) EXPECT_THAT(text, HasSubstr("task-" + std::to_string(i) + " "));
  EXPECT_THAT(text, HasSubstr("task-61 "));
  EXPECT_THAT(text, Not(HasSubstr("task-1 ")));
  EXPECT_THAT(text, HasSubstr("… and 186 more: 50 completed · 136 pending\n"));
}

TEST(Frame, KeepsPlanOrderAmongTheShown) {
  auto run = many(30, v1::PHASE_PENDING);
  run.mutable_subagents(29)->set_phase(v1::PHASE_TESTING);
  const auto text = drawn(run, 80, 12);
  EXPECT_LT(text.find("task-1 "), text.find("task-30 "));
}

TEST(Frame, AlignsWideCharacters) {
  RunBuilder run;
  run.task("漢字", v1::PHASE_IMPLEMENTING, 0).set_last_message("一");
  run.task("abcd", v1::PHASE_IMPLEMENTING, 0).set_last_message("z");
  const auto lines = frame(run.get(), {80, 24, at(3), {}});
  const auto column_of = [](const std::string& line, const std::string& what) {
    return display_width(line.substr(0, line.find(what)));
  };
  EXPECT_EQ(column_of(lines[2], "implementing"), column_of(lines[3], "implementing"));
  EXPECT_EQ(column_of(lines[2], "一"), column_of(lines[3], "z"));
}

TEST(Frame, LetsNoTextOfOthersReachTheTerminalAsItIs) {
  const std::string hostile =
      "a\x1b[2Jb\x1b]0;title\x07"
      "c\x9b"
      "31md\re\nf\u202Eg\xff";
  RunBuilder run(hostile);
  run.get().set_id(hostile);
  run.get().set_base(hostile);
  auto& agent = run.task(hostile, v1::PHASE_IMPLEMENTING, 0);
  agent.set_last_message(hostile);
  run.task("t", v1::PHASE_FAILED, 0, 1).set_reason(hostile);
  run.task("u", v1::PHASE_SETTING_UP, 0).set_waiting_for(hostile);
  run.task("v", v1::PHASE_PENDING).add_dependencies(hostile);
  run.task("w", v1::PHASE_COMPLETED, 0, 1).set_branch(hostile);
  for (const auto& line : frame(run.get(), {80, 24, at(3), {}})) {
    for (const char c : line) EXPECT_FALSE(static_cast<unsigned char>(c) < 0x20 || c == 0x7f) << line;
    EXPECT_EQ(valid_utf8(line), line);
    EXPECT_THAT(line, Not(HasSubstr("\u202E")));
    EXPECT_THAT(line, Not(HasSubstr("title")));
  }
}

TEST(Frame, WithoutColourSaysTheSame) {
  const auto plain = frame(example(), {80, 24, at(3), {false}});
  const auto coloured = frame(example(), {80, 24, at(3), {true}});
  ASSERT_EQ(plain.size(), coloured.size());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    EXPECT_EQ(plain[i].find('\x1b'), std::string::npos);
    EXPECT_EQ(printable(coloured[i]), plain[i]);
  }
  EXPECT_THAT(text_of(coloured), HasSubstr("\x1b[32m✓\x1b[0m"));
}

TEST(Frame, SaysWhatASubagentWaitsFor) {
  RunBuilder run;
  run.task("a", v1::PHASE_SETTING_UP, 0).set_waiting_for("an agent slot");
  EXPECT_THAT(drawn(run.get(), 80), HasSubstr("setting up    ▰▱▱▱▱      3s  waits for an agent slot"));
}

TEST(Frame, SaysWhyATaskBetweenTwoAttemptsWaits) {
  RunBuilder run;
  run.task("a", v1::PHASE_PENDING, 0).set_waiting_for("retry 1 of 2: gate \"unit\" failed");
  EXPECT_THAT(drawn(run.get(), 80), HasSubstr("waits for retry 1 of 2: gate \"unit\" failed"));
}

TEST(Frame, KeepsItsColumnsWhileTasksMoveOn) {
  auto before = example();
  auto after = example();
  after.mutable_subagents(1)->set_phase(v1::PHASE_TESTING);
  after.mutable_subagents(1)->set_last_message("x");
  const auto column = [](const v1::Run& run) { return drawn(run, 80).find("3 files checked"); };
  const auto line_start = [](const v1::Run& run) { return drawn(run, 80).find("  ●  ci"); };
  EXPECT_EQ(column(before) - line_start(before), column(after) - line_start(after));
}

}  // namespace
}  // namespace fanout::client::test
