// What keys do: pure, without a terminal.
#include <gmock/gmock.h>

#include "client/browse.hpp"
#include "common/text.hpp"
#include "tests/unit/client/run_builder.hpp"

namespace fanout::client::test {
namespace {

namespace v1 = fanout::v1;
using testing::HasSubstr;
using Name = Key::Name;

Key key(const std::string& text) { return {Name::character, text}; }
Key key(Name name) { return {name}; }

class Browsing : public testing::Test {
 protected:
  void type(const std::string& text) {
    for (const char c : text) browse_.press(key(std::string(1, c)), run_);
  }

  v1::Run run_ = example();
  Browse browse_;
};

TEST(KeyReader, KnowsTheSequencesOfTerminals) {
  KeyReader reader;
  std::vector<Name> names;
  for (const auto& key : reader.take("\x1b[A\x1b[B\x1bOA\x1b[5~\x1b[6~\x1b[H\x1b[F\r\x7f\x1b[1;5Dq\x1b")) names.push_back(key.name);
  EXPECT_THAT(names, testing::ElementsAre(Name::up, Name::down, Name::up, Name::page_up, Name::page_down, Name::home,
                                          Name::end, Name::enter, Name::backspace, Name::other, Name::character,
                                          Name::escape));
}

TEST(KeyReader, PutsTogetherWhatComesInParts) {
  KeyReader reader;
  EXPECT_TRUE(reader.take("\x1b[").empty());
  EXPECT_EQ(reader.take("A").at(0).name, Name::up);
  EXPECT_TRUE(reader.take("\xC3").empty());
  EXPECT_EQ(reader.take("\xA9").at(0).text, "é");
}

TEST_F(Browsing, ArrowsSelectInTheOrderThatIsShown) {
  for (const auto* expected : {"readme", "license", "site", "ci", "broken", "broken"}) {
    browse_.press(key(Name::down), run_);
    EXPECT_EQ(browse_.selected(), expected);
  }
  browse_.press(key("k"), run_);
  EXPECT_EQ(browse_.selected(), "ci");
  browse_.press(key(Name::home), run_);
  browse_.press(key(Name::up), run_);
  EXPECT_EQ(browse_.selected(), "readme");
  browse_.press(key(Name::escape), run_);
  EXPECT_EQ(browse_.selected(), "");
}

TEST_F(Browsing, RetriesTheSelectedTask) {
  browse_.press(key(Name::end), run_);
  const auto wish = browse_.press(key("r"), run_);
  ASSERT_TRUE(std::holds_alternative<v1::RetryRunRequest>(wish));
  EXPECT_EQ(std::get<v1::RetryRunRequest>(wish).task_id(), "broken");
  EXPECT_EQ(std::get<v1::RetryRunRequest>(wish).run_id(), "first-steps-7k2m");
}

TEST_F(Browsing, CancelsOnlyWhenToldTwice) {
  browse_.press(key(Name::down), run_);
  for (const auto& no : {key("n"), key(Name::enter), key(Name::escape)}) {
    browse_.press(key("c"), run_);
    EXPECT_THAT(browse_.below(), HasSubstr("cancel readme?"));
    EXPECT_TRUE(std::holds_alternative<std::monostate>(browse_.press(no, run_)));
    EXPECT_EQ(browse_.below(), "");
  }
  browse_.press(key("c"), run_);
  const auto wish = browse_.press(key("y"), run_);
  ASSERT_TRUE(std::holds_alternative<v1::CancelRunRequest>(wish));
  EXPECT_EQ(std::get<v1::CancelRunRequest>(wish).task_id(), "readme");
}

TEST_F(Browsing, WithoutASelectionSaysWhatToDoFirst) {
  for (const auto* pressed : {"r", "c", "l"}) {
    EXPECT_TRUE(std::holds_alternative<std::monostate>(browse_.press(key(pressed), run_)));
    EXPECT_THAT(browse_.below(), HasSubstr("select a task first")) << pressed;
  }
  browse_.press(key("x"), run_);
  EXPECT_EQ(browse_.below(), "");
}

TEST_F(Browsing, AnswersByKeyAndInWords) {
  auto& question = *run_.mutable_subagents(1)->add_attention();
  question.set_run_id(run_.id());
  question.set_task_id("license");
  question.set_id("q1");
  question.mutable_question()->add_items()->set_text("Which license?");
  browse_.press(key("a"), run_);
  type("MIx");
  browse_.press(key(Name::backspace), run_);
  type("T");
  EXPECT_THAT(browse_.below(), HasSubstr("answer: MIT"));
  const auto wish = browse_.press(key(Name::enter), run_);
  ASSERT_TRUE(std::holds_alternative<v1::AnswerAgentRequest>(wish));
  EXPECT_EQ(std::get<v1::AnswerAgentRequest>(wish).text(), "MIT");
  EXPECT_EQ(std::get<v1::AnswerAgentRequest>(wish).id(), "q1");

  auto& permission = *run_.mutable_subagents(2)->add_attention();
  permission.set_task_id("ci");
  permission.set_id("p1");
  permission.mutable_permission()->set_command("make");
  for (int i = 0; i < 4; ++i) browse_.press(key(Name::down), run_);
  ASSERT_EQ(browse_.selected(), "ci");
  const auto allowed = browse_.press(key("y"), run_);
  ASSERT_TRUE(std::holds_alternative<v1::AnswerAgentRequest>(allowed));
  EXPECT_EQ(std::get<v1::AnswerAgentRequest>(allowed).id(), "p1") << "the selected one is answered";
}

TEST_F(Browsing, LeavesByQButFirstClosesTheLog) {
  browse_.press(key(Name::down), run_);
  browse_.press(key(Name::enter), run_);
  EXPECT_EQ(browse_.reading(), "readme");
  ASSERT_TRUE(browse_.log());
  EXPECT_TRUE(std::holds_alternative<std::monostate>(browse_.press(key("q"), run_)));
  EXPECT_FALSE(browse_.log());
  EXPECT_TRUE(std::holds_alternative<Browse::Leave>(browse_.press(key("q"), run_)));
}

TEST_F(Browsing, SearchesInTheLog) {
  browse_.press(key(Name::down), run_);
  browse_.press(key(Name::enter), run_);
  browse_.log()->add("a needle");
  browse_.press(key("/"), run_);
  type("qN");
  EXPECT_THAT(browse_.below(), HasSubstr("/qN")) << "letters that are keys elsewhere";
  browse_.press(key(Name::enter), run_);
  EXPECT_THAT(browse_.below(), HasSubstr("no line holds \"qN\""));
}

std::string shown(const LogView& log) { return text_of(log.lines({}, "")); }

LogView numbered_log(int count) {
  LogView log("a of run");
  log.resize(40, 10);
  for (int i = 1; i <= count; ++i) log.add("line " + std::to_string(i));
  return log;
}

TEST(LogView, StaysAtTheEndUntilScrolled) {
  auto log = numbered_log(50);
  EXPECT_THAT(shown(log), HasSubstr("line 50\n"));
  log.scroll(-5);
  log.add("line 51");
  EXPECT_THAT(shown(log), HasSubstr("line 45\n"));
  EXPECT_THAT(shown(log), testing::Not(HasSubstr("line 46\n")));
  log.to_end();
  EXPECT_THAT(shown(log), HasSubstr("line 51\n"));
  log.scroll_pages(-100);
  EXPECT_THAT(shown(log), HasSubstr("line 1\n"));
}

TEST(LogView, FindsLinesInAnyCaseAndMarksThem) {
  auto log = numbered_log(50);
  log.to_start();
  EXPECT_TRUE(log.search("LINE 2"));
  EXPECT_THAT(shown(log), HasSubstr("\n› line 2\n"));
  EXPECT_TRUE(log.next());
  EXPECT_THAT(shown(log), testing::Not(HasSubstr("line 19\n")));
  EXPECT_THAT(shown(log), HasSubstr("› line 20\n"));
  EXPECT_TRUE(log.previous());
  EXPECT_THAT(shown(log), HasSubstr("› line 2\n"));
  EXPECT_FALSE(log.search("nowhere"));
}

TEST(LogView, BreaksLongLinesAnewAtEachWidth) {
  LogView log("a of run");
  log.resize(20, 10);
  log.add("one two three four five six");
  EXPECT_THAT(shown(log), HasSubstr("  one two three\n  four five six\n"));
  log.resize(80, 10);
  EXPECT_THAT(shown(log), HasSubstr("  one two three four five six\n"));
}

TEST(LogView, NeverReachesTheLastColumnOrRow) {
  auto log = numbered_log(50);
  log.add(std::string(500, 'x') + "漢字かな交じり文");
  for (const std::size_t columns : {1, 2, 5, 40, 200}) {
    for (const std::size_t rows : {1, 2, 3, 4, 24}) {
      log.resize(columns, rows);
      const auto lines = log.lines({true}, "");
      EXPECT_LE(lines.size(), std::max<std::size_t>(rows, 2) - 1);
      for (const auto& line : lines) EXPECT_LT(display_width(printable(line)), std::max<std::size_t>(columns, 2));
    }
  }
}

TEST(LogView, LetsNoEscapeThrough) {
  LogView log("a\x1b[2J of run");
  log.add("red\x1b[31m\x07 text");
  for (const auto& line : log.lines({}, "b\x1b[2J")) EXPECT_EQ(line.find('\x1b'), std::string::npos);
  EXPECT_THAT(shown(log), HasSubstr("red text"));
}

TEST(LogView, KeepsTheLastTwentyThousandLines) {
  auto log = numbered_log(20'010);
  EXPECT_THAT(shown(log), HasSubstr("the last 20000 lines"));
  log.to_start();
  EXPECT_THAT(shown(log), HasSubstr("  line 11\n"));
}

}  // namespace
}  // namespace fanout::client::test
