#include "server/agent/acp.hpp"

#include <gmock/gmock.h>

#include "support.hpp"

namespace fanout::agent::test {
namespace {

namespace v1 = fanout::v1;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

AcpOptions options() {
  AcpOptions some;
  some.worktree = kWorktree;
  some.prompt = "work";
  return some;
}

std::string answer_to(int id, const std::string& result) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"result":)" + result + "}\n";
}

std::string failure_of(int id, const std::string& error) {
  return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"error":)" + error + "}\n";
}

std::string update(const std::string& what) {
  return R"({"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s","update":)" + what + "}}\n";
}

std::string request(const std::string& id, const std::string& method, const std::string& params) {
  return R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":")" + method + R"(","params":)" + params + "}\n";
}

const char* const kInitialized = R"({"protocolVersion":1,"agentCapabilities":{}})";

/// A client whose first turn is under way; its prompt has the id 3.
std::unique_ptr<Acp> in_turn(AcpOptions some = options()) {
  auto acp = std::make_unique<Acp>(std::move(some));
  acp->start();
  acp->feed(answer_to(1, kInitialized));
  EXPECT_THAT(acp->feed(answer_to(2, R"({"sessionId":"s"})")).write, HasSubstr("session/prompt"));
  return acp;
}

v1::AgentResult result_of(const Output& out) {
  const auto* found = last(out.activities, &Activity::has_result);
  return found ? found->result() : v1::AgentResult();
}

TEST(Acp, OffersWhatItsHostDoes) {
  auto some = options();
  some.host_terminals = false;
  const auto line = parse_json(Acp(some).start().write).value();
  const auto& capabilities = line.at("params").at("clientCapabilities");
  EXPECT_EQ(capabilities.at("terminal"), false);
  EXPECT_EQ(capabilities.at("fs").at("writeTextFile"), true);
}

TEST(Acp, RefusesAnotherVersionOfTheProtocol) {
  Acp acp(options());
  acp.start();
  const auto out = acp.feed(answer_to(1, R"({"protocolVersion":2})"));
  EXPECT_EQ(result_of(out).outcome(), v1::AgentResult::OUTCOME_FAILED);
  EXPECT_THAT(result_of(out).summary(), HasSubstr("version 2"));
  EXPECT_TRUE(out.idle);
  EXPECT_THAT(out.write, IsEmpty());
}

TEST(Acp, AuthenticatesWhenTheAgentWantsItAndAMethodIsNamed) {
  auto some = options();
  some.auth_method = "key";
  Acp acp(some);
  acp.start();
  acp.feed(answer_to(1, kInitialized));
  const auto asked = acp.feed(failure_of(2, R"({"code":-32000,"message":"Authentication required"})"));
  EXPECT_THAT(asked.write, HasSubstr(R"("method":"authenticate","params":{"methodId":"key"})"));
  EXPECT_THAT(acp.feed(answer_to(3, "{}")).write, HasSubstr("session/new"));
  const auto again = acp.feed(failure_of(4, R"({"code":-32000,"message":"Authentication required"})"));
  EXPECT_EQ(result_of(again).outcome(), v1::AgentResult::OUTCOME_NEEDS_LOGIN);
}

TEST(Acp, WithoutAMethodItNeedsALogin) {
  Acp acp(options());
  acp.start();
  acp.feed(answer_to(1, kInitialized));
  const auto out = acp.feed(failure_of(2, R"({"code":-32000,"message":"Authentication required"})"));
  EXPECT_EQ(result_of(out).outcome(), v1::AgentResult::OUTCOME_NEEDS_LOGIN);
  EXPECT_TRUE(out.idle);
}

TEST(Acp, LoadsASessionAndPassesItsHistoryOver) {
  auto some = options();
  some.resume_session = "old";
  Acp acp(some);
  acp.start();
  EXPECT_THAT(
      acp.feed(answer_to(1, R"({"protocolVersion":1,"agentCapabilities":{"loadSession":true}})")).write,
      HasSubstr(R"("method":"session/load")"));
  EXPECT_THAT(
      acp.feed(update(R"({"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"past"}})"))
          .activities,
      IsEmpty());
  const auto out = acp.feed(answer_to(2, "null"));
  EXPECT_EQ(out.activities.at(0).session().id(), "old");
  EXPECT_TRUE(out.activities.at(0).session().resumed());
  EXPECT_THAT(out.write, HasSubstr(R"("sessionId":"old","prompt")"));
  EXPECT_THAT(
      told(
          acp.feed(update(R"({"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"new"}})")
                       .append(answer_to(3, R"({"stopReason":"end_turn"})")))
              .activities),
      Contains("says new"));
}

TEST(Acp, PassesTheHistoryOverThatGeminiTellsAfterItsAnswer) {
  auto some = options();
  some.resume_session = "old";
  Acp acp(some);
  acp.start();
  acp.feed(answer_to(
      1,
      R"({"protocolVersion":1,"agentInfo":{"name":"gemini-cli"},"agentCapabilities":{"loadSession":true}})"));
  const std::string past =
      update(R"({"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"past"}})");
  acp.feed(past + answer_to(2, "{}"));
  EXPECT_THAT(
      acp.feed(past + update(R"({"sessionUpdate":"available_commands_update","availableCommands":[]})"))
          .activities,
      IsEmpty());
  const auto out =
      acp.feed(update(R"({"sessionUpdate":"agent_message_chunk","content":{"type":"text","text":"new"}})") +
               answer_to(3, R"({"stopReason":"end_turn"})"));
  EXPECT_THAT(told(out.activities), ElementsAre("says new", "result SUCCEEDED: new"));
}

TEST(Acp, RatherResumesThanLoads) {
  auto some = options();
  some.resume_session = "old";
  Acp acp(some);
  acp.start();
  EXPECT_THAT(
      acp
          .feed(answer_to(
              1,
              R"({"protocolVersion":1,"agentCapabilities":{"loadSession":true,"sessionCapabilities":{"resume":{}}}})"))
          .write,
      HasSubstr(R"("method":"session/resume")"));
}

TEST(Acp, BeginsANewSessionWhereTheOldOneIsGone) {
  auto some = options();
  some.resume_session = "old";
  Acp acp(some);
  acp.start();
  acp.feed(answer_to(1, R"({"protocolVersion":1,"agentCapabilities":{"loadSession":true}})"));
  const auto out = acp.feed(failure_of(2, R"({"code":-32002,"message":"no such session"})"));
  EXPECT_THAT(out.write, HasSubstr("session/new"));
  EXPECT_THAT(told(out.activities), ElementsAre(HasSubstr("could not be resumed (no such session)")));
}

const char* const kModels =
    R"({"sessionId":"s","configOptions":[{"id":"model","category":"model","currentValue":"a","options":[{"value":"a"},{"group":"g","options":[{"value":"b"}]}]}]})";

TEST(Acp, ChoosesTheModelBeforeThePrompt) {
  auto some = options();
  some.model = "b";
  Acp acp(some);
  acp.start();
  acp.feed(answer_to(1, kInitialized));
  const auto out = acp.feed(answer_to(2, kModels));
  EXPECT_THAT(
      out.write,
      HasSubstr(
          R"("method":"session/set_config_option","params":{"sessionId":"s","configId":"model","value":"b"})"));
  EXPECT_THAT(out.write, Not(HasSubstr("session/prompt")));
  EXPECT_THAT(acp.feed(answer_to(3, R"({"configOptions":[]})")).write, HasSubstr("session/prompt"));
}

TEST(Acp, NeverWorksWithAnotherModelThanWasAskedFor) {
  auto some = options();
  some.model = "c";
  Acp acp(some);
  acp.start();
  acp.feed(answer_to(1, kInitialized));
  const auto out = acp.feed(answer_to(2, kModels));
  EXPECT_THAT(result_of(out).summary(), HasSubstr("does not offer the model c, but a, b"));
  EXPECT_THAT(out.write, IsEmpty());
}

TEST(Acp, AModeThatIsNotOfferedIsNoticed) {
  auto some = options();
  some.mode = "wild";
  Acp acp(some);
  acp.start();
  acp.feed(answer_to(1, kInitialized));
  const auto out = acp.feed(
      answer_to(2, R"({"sessionId":"s","modes":{"currentModeId":"ask","availableModes":[{"id":"ask"}]}})"));
  EXPECT_THAT(told(out.activities), Contains("notice The agent does not offer the mode wild, but ask."));
  EXPECT_THAT(out.write, HasSubstr("session/prompt"));
}

const char* const kAsk =
    R"({"sessionId":"s","toolCall":{"toolCallId":"c","title":"make","kind":"execute","rawInput":{"command":"make","cwd":"/home/dev/other"}},"options":[{"optionId":"aa","name":"Always","kind":"allow_always"},{"optionId":"a","name":"Yes","kind":"allow_once"},{"optionId":"r","name":"No","kind":"reject_once"}]})";

TEST(Acp, APermissionIsAnsweredWithTheOptionForOnce) {
  const auto acp = in_turn();
  const auto out = acp->feed(request("\"5f\"", "session/request_permission", kAsk));
  const auto& permission = last(out.activities, &Activity::has_permission)->permission();
  EXPECT_EQ(permission.command(), "make");
  EXPECT_THAT(permission.paths(), ElementsAre("/home/dev/other"));
  EXPECT_FALSE(permission.truncated());
  Answer answer;
  answer.id = permission.id();
  answer.allow = true;
  EXPECT_THAT(acp->answer(answer).write,
              HasSubstr(R"("id":"5f","result":{"outcome":{"outcome":"selected","optionId":"a"}})"));
  EXPECT_THAT(acp->answer(answer).write, IsEmpty());
}

TEST(Acp, APermissionIsAnsweredWithTheOptionThatWasChosen) {
  const auto acp = in_turn();
  acp->feed(request("5", "session/request_permission", kAsk));
  Answer answer;
  answer.id = "5";
  answer.option = "aa";
  const auto out = acp->answer(answer);
  EXPECT_THAT(out.write, HasSubstr(R"("optionId":"aa")"));
  EXPECT_TRUE(out.activities.at(0).answer().allowed());  // whatever was said besides
}

TEST(Acp, AlwaysIsNeverChosenForOnce) {
  const auto acp = in_turn();
  acp->feed(request(
      "5", "session/request_permission",
      R"({"toolCall":{"toolCallId":"c","kind":"edit","title":"t"},"options":[{"optionId":"aa","kind":"allow_always"}]})"));
  Answer answer;
  answer.id = "5";
  answer.allow = true;
  const auto out = acp->answer(answer);
  EXPECT_THAT(out.write, HasSubstr(R"({"outcome":"cancelled"})"));
  EXPECT_FALSE(out.activities.at(0).answer().allowed());
}

TEST(Acp, ATitleIsNotTakenForTheWholeCommand) {
  const auto acp = in_turn();
  const auto out =
      acp->feed(request("5", "session/request_permission",
                        R"({"toolCall":{"toolCallId":"c","kind":"execute","title":"ls"},"options":[]})"));
  EXPECT_TRUE(last(out.activities, &Activity::has_permission)->permission().truncated());
}

TEST(Acp, InterruptingCancelsTheTurnAndEverythingThatIsOpen) {
  const auto acp = in_turn();
  acp->feed(request("5", "session/request_permission", kAsk));
  acp->feed(request("6", "fs/read_text_file", R"({"sessionId":"s","path":"/home/dev/wt/a"})"));
  const auto out = acp->interrupt();
  EXPECT_THAT(out.write, HasSubstr(R"("method":"session/cancel")"));
  EXPECT_THAT(out.write, HasSubstr(R"("id":5,"result":{"outcome":{"outcome":"cancelled"}})"));
  EXPECT_THAT(out.write, HasSubstr(R"("id":6,"error":{"code":-32800)"));
  EXPECT_THAT(out.withdrawn, ElementsAre("6"));
  const auto end = acp->feed(answer_to(3, R"({"stopReason":"cancelled"})"));
  EXPECT_EQ(result_of(end).outcome(), v1::AgentResult::OUTCOME_CANCELLED);
  EXPECT_TRUE(end.idle);
}

TEST(Acp, InterruptedBeforeTheSessionItNeverPrompts) {
  Acp acp(options());
  acp.start();
  acp.interrupt();
  acp.feed(answer_to(1, kInitialized));
  const auto out = acp.feed(answer_to(2, R"({"sessionId":"s"})"));
  EXPECT_THAT(out.write, IsEmpty());
  EXPECT_EQ(result_of(out).outcome(), v1::AgentResult::OUTCOME_CANCELLED);
  EXPECT_TRUE(out.idle);
}

TEST(Acp, WhatIsSaidDuringATurnIsTheNextTurn) {
  const auto acp = in_turn();
  EXPECT_THAT(acp->say("more").write, IsEmpty());
  const auto out = acp->feed(answer_to(3, R"({"stopReason":"end_turn"})"));
  EXPECT_THAT(out.write, HasSubstr("\"more\""));
  EXPECT_FALSE(out.idle);
  EXPECT_TRUE(acp->feed(answer_to(4, R"({"stopReason":"end_turn"})")).idle);
}

TEST(Acp, FilesAreAskedOfTheHostOnlyInsideTheWorktree) {
  const auto acp = in_turn();
  const auto fine = acp->feed(
      request("5", "fs/read_text_file", R"({"path":"/home/dev/wt/src/../a.txt","line":3,"limit":2})"));
  ASSERT_EQ(fine.requests.size(), 1U);
  const auto& read = std::get<ReadFile>(fine.requests[0].what);
  EXPECT_EQ(read.path, "/home/dev/wt/a.txt");
  EXPECT_EQ(read.line, 3U);
  for (const auto* path : {"/home/dev/wt/../secret", "/etc/passwd", "relative", "/home/dev/wtx/a",
                           "/home/dev/wt/.git", "/home/dev/wt/.git/hooks/x", ""}) {
    const auto out = acp->feed(
        request("6", "fs/write_text_file", std::string(R"({"content":"x","path":")") + path + "\"}"));
    EXPECT_THAT(out.requests, IsEmpty()) << path;
    EXPECT_THAT(out.write, HasSubstr("\"error\"")) << path;
  }
}

TEST(Acp, TheHostsAnswersGoBackUnderTheAgentsId) {
  const auto acp = in_turn();
  acp->feed(request("\"x\"", "fs/read_text_file", R"({"path":"/home/dev/wt/a"})"));
  EXPECT_EQ(acp->respond({"\"x\"", FileText{"text"}}).write,
            "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":{\"content\":\"text\"}}\n");
  EXPECT_THAT(acp->respond({"\"x\"", FileText{"again"}}).write, IsEmpty());
  acp->feed(request("7", "fs/read_text_file", R"({"path":"/home/dev/wt/b"})"));
  EXPECT_THAT(acp->respond({"7", HostFailure{"no such file", true}}).write, HasSubstr("-32002"));
}

TEST(Acp, TerminalsAreTheHosts) {
  const auto acp = in_turn();
  const auto out = acp->feed(
      request("5", "terminal/create",
              R"({"command":"make","args":["-j"],"env":[{"name":"A","value":"b"}],"outputByteLimit":100})"));
  const auto& made = std::get<CreateTerminal>(out.requests.at(0).what);
  EXPECT_EQ(made.command, "make");
  EXPECT_THAT(made.args, ElementsAre("-j"));
  EXPECT_EQ(made.directory, kWorktree);
  EXPECT_THAT(acp->respond({"5", TerminalCreated{"t1"}}).write, HasSubstr(R"({"terminalId":"t1"})"));
  acp->feed(request("6", "terminal/wait_for_exit", R"({"terminalId":"t1"})"));
  EXPECT_THAT(acp->respond({"6", TerminalExit{3, ""}}).write, HasSubstr(R"({"exitCode":3,"signal":null})"));
  acp->feed(request("7", "terminal/output", R"({"terminalId":"t1"})"));
  EXPECT_THAT(
      acp->respond({"7", TerminalOutput{"hi\xff", true, TerminalExit{std::nullopt, "SIGKILL"}}}).write,
      HasSubstr(R"("truncated":true,"exitStatus":{"exitCode":null,"signal":"SIGKILL"})"));
  EXPECT_THAT(acp->feed(request("8", "terminal/create", R"({"command":"make","cwd":"/tmp"})")).write,
              HasSubstr("\"error\""));
}

TEST(Acp, AQuestionIsAForm) {
  const auto acp = in_turn();
  const auto out = acp->feed(request(
      "5", "elicitation/create",
      R"({"mode":"form","message":"Choose","requestedSchema":{"type":"object","required":["n"],"properties":{"n":{"type":"integer","title":"How many"},"c":{"type":"string","enum":["x","y"]},"ok":{"type":"boolean"},"m":{"type":"array","items":{"enum":["p","q"]}}}}})"));
  const auto& question = out.activities.at(0).question();
  EXPECT_EQ(question.text(), "Choose");
  EXPECT_EQ(question.items(0).text(), "How many");
  EXPECT_TRUE(question.items(0).required());
  EXPECT_EQ(question.items(1).options(1).label(), "y");
  EXPECT_TRUE(question.items(3).multiple());
  Answer answer;
  answer.id = "5";
  answer.allow = true;
  answer.fields = {{"n", {"4"}}, {"c", {"x"}}, {"ok", {"true"}}, {"m", {"p", "q"}}};
  const auto line = parse_json(acp->answer(answer).write).value();
  EXPECT_EQ(line.at("result"),
            *parse_json(R"({"action":"accept","content":{"c":"x","m":["p","q"],"n":4,"ok":true}})"));
}

TEST(Acp, WhatOnlyABrowserCanGiveIsDeclined) {
  const auto acp = in_turn();
  const auto out =
      acp->feed(request("5", "elicitation/create", R"({"mode":"url","message":"Log in","url":"https://x"})"));
  EXPECT_THAT(out.write, HasSubstr(R"({"action":"decline"})"));
}

struct Trouble {
  std::string error;
  v1::AgentResult::Outcome outcome;
};

class AcpTrouble : public testing::TestWithParam<Trouble> {};

TEST_P(AcpTrouble, OfAPromptIsToldByItsOutcome) {
  const auto acp = in_turn();
  const auto out = acp->feed(failure_of(3, GetParam().error));
  EXPECT_EQ(result_of(out).outcome(), GetParam().outcome) << GetParam().error;
  EXPECT_TRUE(out.idle);
}

INSTANTIATE_TEST_SUITE_P(
    Errors, AcpTrouble,
    testing::Values(
        Trouble{R"({"code":429,"message":"quota"})", v1::AgentResult::OUTCOME_LIMITED},
        Trouble{
            R"({"code":-32603,"message":"Internal error","data":{"errorName":"APIError","statusCode":429}})",
            v1::AgentResult::OUTCOME_LIMITED},
        Trouble{
            R"({"code":-32603,"message":"Internal error","data":{"codex_error_info":{"response_stream_connection_failed":{"http_status_code":429}}}})",
            v1::AgentResult::OUTCOME_LIMITED},
        Trouble{R"({"code":-32603,"message":"Internal error","data":{"details":"rate limit exceeded"}})",
                v1::AgentResult::OUTCOME_LIMITED},
        Trouble{R"({"code":-32000,"message":"Authentication required"})",
                v1::AgentResult::OUTCOME_NEEDS_LOGIN},
        Trouble{R"({"code":401,"message":"no"})", v1::AgentResult::OUTCOME_NEEDS_LOGIN},
        Trouble{R"({"code":-32800,"message":"cancelled"})", v1::AgentResult::OUTCOME_CANCELLED},
        Trouble{R"({"code":-32603,"message":"boom"})", v1::AgentResult::OUTCOME_FAILED},
        Trouble{R"("nonsense")", v1::AgentResult::OUTCOME_FAILED}));

TEST(Acp, ThoughtsPlansAndUnknownUpdatesAreTold) {
  const auto acp = in_turn();
  auto out = acp->feed(
      update(R"({"sessionUpdate":"agent_thought_chunk","content":{"type":"text","text":"hm"}})") +
      update(R"({"sessionUpdate":"plan","entries":[{"content":"a","priority":"high","status":"pending"}]})") +
      update(R"({"sessionUpdate":"novelty"})") + update("7") + "{\"jsonrpc\":\"2.0\",\"method\":\"x\"}\n");
  EXPECT_THAT(told(out.activities),
              ElementsAre("thinks hm", "plan [a: PENDING]", "raw unknown update \"novelty\"",
                          "raw unknown update \"\"", "raw unknown notification"));
}

TEST(Acp, AnUnknownRequestGetsAnError) {
  const auto acp = in_turn();
  EXPECT_THAT(acp->feed(request("9", "novelty", "{}")).write, HasSubstr("-32601"));
}

TEST(Acp, AFloodOfRequestsIsRefusedAndNotKept) {
  const auto acp = in_turn();
  for (int i = 0; i < 256; ++i) acp->feed(request(std::to_string(i), "session/request_permission", kAsk));
  EXPECT_THAT(acp->feed(request("999", "session/request_permission", kAsk)).write, HasSubstr("too many"));
}

}  // namespace
}  // namespace fanout::agent::test
