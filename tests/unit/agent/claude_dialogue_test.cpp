#include "server/agent/claude_dialogue.hpp"

#include <gmock/gmock.h>

#include "support.hpp"

namespace fanout::agent::test {
namespace {

namespace v1 = fanout::v1;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string prompt_in(const json::value& message) {
  return std::string(text_at(message.at("message").at("content").as_array().at(0), "text"));
}

/// Plays a recording: what the agent said is fed, what we said is compared with what the adapter writes.
/// Permissions are answered as they were in the recording.
std::vector<Activity> play(const std::string& name, bool allow) {
  const auto spoken = dialogue(name);
  ClaudeDialogue claude(kWorktree, prompt_in(spoken.at(1).message));
  std::vector<Activity> all;
  std::string written;
  const auto take = [&](Output out) {
    written += out.write;
    for (auto& activity : out.activities) {
      all.push_back(activity);
      if (!activity.has_permission()) continue;
      Answer answer;
      answer.id = activity.permission().id();
      answer.allow = allow;
      answer.text = allow ? "" : "denied by the client";
      written += claude.answer(answer).write;
    }
  };
  take(claude.start());
  for (std::size_t i = 0; i < spoken.size(); ++i) {
    if (!spoken[i].by_us) {
      take(claude.feed(spoken[i].line));
      continue;
    }
    if (i > 1 && text_at(spoken[i].message, "type") == "user") take(claude.say(prompt_in(spoken[i].message)));
    const auto line = written.substr(0, written.find('\n') + 1);
    written.erase(0, line.size());
    auto ours = parse_json(line).value_or(nullptr);
    if (i == 0) ours.at("request_id") = "req_1";
    EXPECT_EQ(ours, spoken[i].message);
  }
  EXPECT_THAT(written, IsEmpty());
  return all;
}

TEST(ClaudeDialogue, SpeaksAsTheRecordedClientThatAllowed) {
  const auto all = told(play("claude-stream-allow", true));
  EXPECT_THAT(all, Contains("asks for touch made-by-shell"));
  EXPECT_THAT(all, Contains("ran touch made-by-shell -> 0"));
  EXPECT_THAT(all, Contains("usage SESSION in 7900 cached 3500 out 149 cost 0.044975"));
}

TEST(ClaudeDialogue, SpeaksAsTheRecordedClientThatDenied) {
  EXPECT_THAT(told(play("claude-stream-deny", false)), Contains("tool failed: denied by the client"));
}

std::string asked(const std::string& id, const std::string& tool, const std::string& input) {
  return R"({"type":"control_request","request_id":")" + id +
         R"(","request":{"subtype":"can_use_tool","tool_name":")" + tool + R"(","input":)" + input +
         R"(,"tool_use_id":"t"}})" + "\n";
}

const char* const kDone =
    "{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"result\":\"ok\"}\n";

TEST(ClaudeDialogue, APermissionHoldsTheWholeCommandAndItsPaths) {
  ClaudeDialogue claude(kWorktree, "go");
  const auto out = claude.feed(asked("r", "Bash", R"({"command":"rm -rf build\ntrue"})"));
  const auto& permission = last(out.activities, &Activity::has_permission)->permission();
  EXPECT_EQ(permission.id(), "r");
  EXPECT_EQ(permission.command(), "rm -rf build\ntrue");
  EXPECT_EQ(permission.kind(), v1::AGENT_TOOL_KIND_EXECUTE);
  const auto edit = claude.feed(asked("s", "Edit", R"({"file_path":"/home/dev/wt/a/b"})"));
  EXPECT_THAT(last(edit.activities, &Activity::has_permission)->permission().paths(), ElementsAre("a/b"));
}

TEST(ClaudeDialogue, AQuestionIsAskedAndAnswered) {
  ClaudeDialogue claude(kWorktree, "go");
  const auto out = claude.feed(asked(
      "q", "AskUserQuestion",
      R"({"questions":[{"question":"Which one?","header":"H","options":[{"label":"A","description":"first"},{"label":"B","description":""}],"multiSelect":false}]})"));
  ASSERT_TRUE(out.activities.back().has_question());
  EXPECT_EQ(out.activities.back().question().items(0).options(1).label(), "B");
  Answer answer;
  answer.id = "q";
  answer.allow = true;
  answer.fields["Which one?"] = {"B"};
  const auto line = parse_json(claude.answer(answer).write).value();
  const auto& response = line.at("response").at("response");
  EXPECT_EQ(text_at(response, "behavior"), "allow");
  EXPECT_EQ(response.at("updatedInput").at("answers").at("Which one?"), "B");
  EXPECT_TRUE(response.at("updatedInput").at("questions").is_array());
}

TEST(ClaudeDialogue, OnlyWhatIsOpenIsAnsweredAndOnlyOnce) {
  ClaudeDialogue claude(kWorktree, "go");
  claude.feed(asked("r", "Bash", R"({"command":"ls"})"));
  Answer answer;
  answer.id = "other";
  EXPECT_THAT(claude.answer(answer).write, IsEmpty());
  answer.id = "r";
  EXPECT_THAT(claude.answer(answer).write, HasSubstr("\"behavior\":\"deny\""));
  EXPECT_THAT(claude.answer(answer).write, IsEmpty());
}

TEST(ClaudeDialogue, WhatTheAgentTakesBackIsClosed) {
  ClaudeDialogue claude(kWorktree, "go");
  claude.feed(asked("r", "Bash", R"({"command":"ls"})"));
  const auto out = claude.feed("{\"type\":\"control_cancel_request\",\"request_id\":\"r\"}\n");
  EXPECT_EQ(out.activities.at(0).answer().by(), v1::AgentAnswer::BY_AGENT);
  Answer answer;
  answer.id = "r";
  EXPECT_THAT(claude.answer(answer).write, IsEmpty());
}

TEST(ClaudeDialogue, WhatIsSaidDuringATurnIsTheNextTurn) {
  ClaudeDialogue claude(kWorktree, "go");
  claude.start();
  EXPECT_THAT(claude.say("more").write, IsEmpty());
  const auto first = claude.feed(kDone);
  EXPECT_FALSE(first.idle);
  EXPECT_THAT(first.write, HasSubstr("\"more\""));
  EXPECT_TRUE(claude.feed(kDone).idle);
}

TEST(ClaudeDialogue, AnInterruptedTurnIsCancelledAndNotFailed) {
  ClaudeDialogue claude(kWorktree, "go");
  claude.start();
  EXPECT_THAT(claude.interrupt().write, HasSubstr("\"subtype\":\"interrupt\""));
  const auto out =
      claude.feed("{\"type\":\"result\",\"subtype\":\"error_during_execution\",\"is_error\":true}\n");
  EXPECT_EQ(last(out.activities, &Activity::has_result)->result().outcome(),
            v1::AgentResult::OUTCOME_CANCELLED);
}

TEST(ClaudeDialogue, AnUnknownRequestIsRefusedAtOnce) {
  ClaudeDialogue claude(kWorktree, "go");
  const auto out = claude.feed(
      "{\"type\":\"control_request\",\"request_id\":\"h\",\"request\":{\"subtype\":\"hook_callback\"}}\n");
  EXPECT_THAT(out.write, HasSubstr("\"subtype\":\"error\""));
  EXPECT_TRUE(out.activities.at(0).has_raw());
}

TEST(ClaudeDialogue, AFloodOfRequestsIsRefusedAndNotKept) {
  ClaudeDialogue claude(kWorktree, "go");
  for (int i = 0; i < 256; ++i) claude.feed(asked(std::to_string(i), "Bash", R"({"command":"ls"})"));
  EXPECT_THAT(claude.feed(asked("x", "Bash", R"({"command":"ls"})")).write,
              HasSubstr("\"subtype\":\"error\""));
}

}  // namespace
}  // namespace fanout::agent::test
