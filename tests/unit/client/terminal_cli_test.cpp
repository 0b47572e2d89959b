// The live view, in a terminal.
#include <gmock/gmock.h>

#include "tests/unit/client/fake_daemon.hpp"
#include "tests/unit/client/screen.hpp"

namespace fanout::client::test {
namespace {

namespace v1 = fanout::v1;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr Program::Window kWindow{80, 24};

Screen shown(const std::string& bytes, Program::Window window = kWindow) {
  Screen screen(window.columns, window.rows);
  screen.write(bytes);
  return screen;
}

/// After the last frame that has come whole: of what follows a control sequence may have come in part.
Screen so_far(const std::string& bytes) {
  const auto end = bytes.rfind("\x1b[?7h");
  return shown(end == std::string::npos ? "" : bytes.substr(0, end));
}

/// Waits until the screen, not only the bytes, holds the text.
void wait_for_screen(Program& program, const std::string& text) {
  program.wait_until([&](const auto& out) {
    return so_far(out).text().find(text) != std::string::npos;
  });
}

class LiveView : public testing::Test {
 protected:
  LiveView() { fake_.add_phase("a", v1::PHASE_PENDING, v1::PHASE_IMPLEMENTING); }

  FakeDaemon fake_;
};

TEST_F(LiveView, IsUpdatedInPlaceAndEndsAsASummary) {
  Program program(fake_.launch({"watch"}), kWindow);
  wait_for_screen(program, "●  a  implementing");
  fake_.add_output("a", "reading \x1b[31mthe prompt");
  wait_for_screen(program, "reading the prompt");
  fake_.add_phase("a", v1::PHASE_IMPLEMENTING, v1::PHASE_COMPLETED);
  wait_for_screen(program, "✓  a  completed");
  fake_.add_phase("b", v1::PHASE_PENDING, v1::PHASE_FAILED, "no luck");
  fake_.add_end(v1::RUN_STATE_FAILED);
  EXPECT_EQ(program.end(), 1);
  const auto screen = shown(program.out());
  EXPECT_TRUE(screen.cursor_visible());
  EXPECT_TRUE(screen.wraps());
  EXPECT_TRUE(screen.coloured());
  EXPECT_THAT(screen.text(), testing::StartsWith("✗ failed  First steps  1 of 2 tasks completed in "));
  EXPECT_THAT(screen.text(), Not(HasSubstr("Ctrl-C"))) << "the live view is gone";
}

TEST_F(LiveView, TicksOnceASecondThoughNothingHappens) {
  Program program(fake_.launch({"watch"}), kWindow);
  wait_for_screen(program, " 1s");
  wait_for_screen(program, " 2s");
}

TEST_F(LiveView, RespectsNoColor) {
  fake_.add_success({"b"});
  for (const auto& launch :
       {fake_.launch({"watch"}, {{"NO_COLOR", "1"}}), fake_.launch({"watch", "--no-color"})}) {
    Program program(launch, kWindow);
    program.end();
    EXPECT_FALSE(shown(program.out()).coloured());
  }
}

TEST_F(LiveView, IsLinesOnATerminalThatCannotMoveItsCursor) {
  fake_.add_phase("a", v1::PHASE_IMPLEMENTING, v1::PHASE_COMPLETED);
  fake_.add_success({"b"});
  Program program(fake_.launch({"watch"}, {{"TERM", "dumb"}}), kWindow);
  EXPECT_EQ(program.end(), 0);
  EXPECT_THAT(program.out(), HasSubstr("a  implementing\r\n"));
  EXPECT_THAT(program.out(), Not(HasSubstr("\x1b")));
}

TEST_F(LiveView, LeftByCtrlCGivesTheTerminalBack) {
  Program program(fake_.launch({"watch"}), kWindow);
  wait_for_screen(program, "implementing");
  program.type("\x03");
  EXPECT_EQ(program.end(), 130);
  const auto screen = shown(program.out());
  EXPECT_TRUE(screen.cursor_visible());
  EXPECT_THAT(screen.text(), HasSubstr("fanout: detached from first-steps-7k2m; it goes on."));
  EXPECT_THAT(screen.text(), Not(HasSubstr("^C")));
  EXPECT_THAT(fake_.cancelled(), IsEmpty());
}

TEST_F(LiveView, LeftByASecondCtrlCCancels) {
  fake_.on_cancel = [&] {
    fake_.add_phase("a", v1::PHASE_IMPLEMENTING, v1::PHASE_CANCELLED, "cancelled on request");
    fake_.add_phase("b", v1::PHASE_PENDING, v1::PHASE_CANCELLED, "cancelled on request");
    fake_.add_end(v1::RUN_STATE_CANCELLED);
  };
  Program program(fake_.launch({"watch"}), kWindow);
  wait_for_screen(program, "implementing");
  program.type("\x03");
  program.wait_for("detached");
  program.type("\x03");
  EXPECT_EQ(program.end(), 130);
  EXPECT_THAT(fake_.cancelled(), SizeIs(1));
  const auto screen = shown(program.out());
  EXPECT_TRUE(screen.cursor_visible());
  EXPECT_THAT(screen.text(), HasSubstr("⊘ cancelled  First steps"));
}

TEST_F(LiveView, EndedBySignalsGivesTheTerminalBack) {
  for (const int signal : {SIGTERM, SIGHUP, SIGQUIT}) {
    Program program(fake_.launch({"watch"}), kWindow);
    wait_for_screen(program, "implementing");
    program.send(signal);
    EXPECT_EQ(program.end(), 130);
    EXPECT_TRUE(shown(program.out()).cursor_visible()) << signal;
  }
}

TEST_F(LiveView, GivesTheTerminalBackWhileItIsStopped) {
  Program program(fake_.launch({"watch"}), kWindow);
  wait_for_screen(program, "implementing");
  program.send(SIGTSTP);
  program.wait_until_stopped();
  program.wait_for("\x1b[?25h");
  program.send(SIGCONT);
  fake_.add_output("a", "back again");
  wait_for_screen(program, "back again");
  EXPECT_FALSE(shown(program.out().substr(0, program.out().rfind('\n') + 1)).cursor_visible());
}

TEST_F(LiveView, FollowsTheSizeOfItsWindow) {
  Program program(fake_.launch({"watch"}), kWindow);
  wait_for_screen(program, "implementing");
  fake_.add_output("a", std::string(150, 'x'));
  program.resize({200, 24});
  program.wait_for(std::string(150, 'x'));
}

TEST_F(LiveView, ShowsWarningsAboveItself) {
  Program program(fake_.launch({"watch"}), kWindow);
  wait_for_screen(program, "implementing");
  v1::Event warning;
  warning.set_task_id("a");
  warning.mutable_notice()->set_severity(v1::Notice::SEVERITY_WARNING);
  warning.mutable_notice()->set_text("the task file cannot be written");
  fake_.add(warning);
  wait_for_screen(program, "fanout: a: the task file cannot be written\nFirst steps");
}

TEST_F(LiveView, GoesOnAfterALostConnection) {
  Program program(fake_.launch({"watch"}), kWindow);
  wait_for_screen(program, "implementing");
  fake_.stop();
  wait_for_screen(program, "lost the connection");
  fake_.add_phase("a", v1::PHASE_IMPLEMENTING, v1::PHASE_COMPLETED);
  fake_.add_success({"b"});
  fake_.start();
  EXPECT_EQ(program.end(), 0);
}

TEST_F(LiveView, DrawsAThousandEventsWithoutAsManyFrames) {
  for (int i = 0; i < 1000; ++i) fake_.add_output("a", "line " + std::to_string(i));
  Program program(fake_.launch({"watch"}), kWindow);
  for (int i = 0; i < 1000; ++i) fake_.add_output("a", "more " + std::to_string(i));
  wait_for_screen(program, "more 999");
  EXPECT_LT(program.out().size(), 200'000u);
}

constexpr const char* kDown = "\x1b[B";

TEST_F(LiveView, OpensTheLogOfTheSelectedTaskSearchesItAndComesBack) {
  for (int i = 1; i <= 100; ++i) fake_.add_output("a", "line " + std::to_string(i));
  fake_.add_output("b", "of another task");
  Program program(fake_.launch({"watch"}), kWindow);
  wait_for_screen(program, "implementing");
  program.type(kDown);
  wait_for_screen(program, "› ●  a  implementing");
  program.type("\r");
  wait_for_screen(program, "| line 100");
  EXPECT_TRUE(so_far(program.out()).on_other());
  EXPECT_THAT(program.out(), Not(HasSubstr("of another task")));
  fake_.add_output("a", "said while one reads");
  wait_for_screen(program, "said while one reads");
  program.type("/LINE 42\r");
  wait_for_screen(program, "| line 42");
  program.resize({60, 12});
  wait_for_screen(program, "line 42");
  program.type("q");
  wait_for_screen(program, "› ●  a  implementing");
  EXPECT_FALSE(so_far(program.out()).on_other());
}

TEST_F(LiveView, LeftFromALogGivesTheTerminalBack) {
  for (const std::string how : {"qq", "\x03", "kill"}) {
    Program program(fake_.launch({"watch"}), kWindow);
    wait_for_screen(program, "implementing");
    program.type(std::string(kDown) + "\r");
    wait_for_screen(program, "q back");
    how == "kill" ? program.send(SIGTERM) : program.type(how);
    EXPECT_EQ(program.end(), 130);
    const auto screen = shown(program.out());
    EXPECT_FALSE(screen.on_other()) << how;
    EXPECT_TRUE(screen.cursor_visible()) << how;
    EXPECT_TRUE(screen.wraps()) << how;
    EXPECT_THAT(screen.text(), HasSubstr("detached from first-steps-7k2m")) << how;
  }
}

TEST_F(LiveView, ThatEndsWhileALogIsOpenShowsTheSummary) {
  Program program(fake_.launch({"watch"}), kWindow);
  wait_for_screen(program, "implementing");
  program.type(std::string(kDown) + "\r");
  wait_for_screen(program, "q back");
  fake_.add_phase("a", v1::PHASE_IMPLEMENTING, v1::PHASE_COMPLETED);
  fake_.add_success({"b"});
  EXPECT_EQ(program.end(), 0);
  const auto screen = shown(program.out());
  EXPECT_FALSE(screen.on_other());
  EXPECT_THAT(screen.text(), HasSubstr("✓ completed  First steps"));
}

TEST_F(LiveView, RingsTheBellWhereThatIsWanted) {
  fake_.add_success({"b"});
  for (const bool wanted : {false, true}) {
    std::vector<std::string> words{"watch", "--verbose"};
    if (wanted) words.push_back("--bell");
    Program program(fake_.launch(words), kWindow);
    program.end();
    EXPECT_EQ(shown(program.out()).rung(), wanted ? 1 : 0);
  }
}

TEST_F(LiveView, AnswersRetriesAndCancelsByKeys) {
  v1::Event asks;
  asks.set_task_id("a");
  asks.set_attempt(1);
  asks.mutable_agent_activity()->mutable_permission()->set_id("p1");
  asks.mutable_agent_activity()->mutable_permission()->set_command("make install");
  fake_.add(asks);
  fake_.add_phase("b", v1::PHASE_PENDING, v1::PHASE_FAILED, "no luck");
  Program program(fake_.launch({"watch"}), kWindow);
  wait_for_screen(program, "? a asks: may it: make install");
  program.type("y");
  program.type("\x1b[F");  // the last task
  wait_for_screen(program, "› ✗  b  failed");
  program.type("r");
  program.type("c");
  wait_for_screen(program, "cancel b? y ends it");
  program.type("y");
  wait_for_screen(program, "q leave");
  program.type("q");
  EXPECT_EQ(program.end(), 130);
  ASSERT_THAT(fake_.answered(), SizeIs(1));
  EXPECT_TRUE(fake_.answered()[0].allow());
  ASSERT_THAT(fake_.retried(), SizeIs(1));
  EXPECT_EQ(fake_.retried()[0].task_id(), "b");
  ASSERT_THAT(fake_.cancelled(), SizeIs(1));
  EXPECT_EQ(fake_.cancelled()[0].task_id(), "b");
}

}  // namespace
}  // namespace fanout::client::test
