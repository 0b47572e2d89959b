#include "server/agent/codex_dialogue.hpp"

#include <gmock/gmock.h>

#include "server/agent/verdict.hpp"
#include "server/agent/catalog.hpp"
#include "support.hpp"

namespace fanout::agent::test {
namespace {

namespace v1 = fanout::v1;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

CodexOptions codex_options(const std::string& prompt = "work") {
  CodexOptions options;
  options.worktree = kWorktree;
  options.prompt = prompt;
  options.approvals = "on-request";
  options.sandbox = "workspace-write";
  options.client_version = "0";
  return options;
}

std::vector<json::value> lines_of(const std::string& text) {
  std::vector<json::value> all;
  for (std::string_view rest = text; !rest.empty();) {
    const auto end = rest.find('\n');
    all.push_back(parse_json(rest.substr(0, end)).value_or(nullptr));
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
  }
  return all;
}

/// Plays the recording: what Codex said is fed, what we said is compared with what the adapter writes.
TEST(CodexDialogue, SpeaksAsTheRecordedClient) {
  const auto spoken = dialogue("codex-appserver-allow");
  std::string prompt;
  for (const auto& one : spoken) {
    if (text_at(one.message, "method") == "turn/start")
      prompt = text_at(one.message.at("params").at("input").as_array().at(0), "text");
  }
  CodexDialogue codex(codex_options(prompt));
  std::vector<Activity> all;
  std::string written;
  const auto take = [&](Output out) {
    written += out.write;
    for (auto& activity : out.activities) {
      all.push_back(activity);
      if (!activity.has_permission()) continue;
      Answer answer;
      answer.id = activity.permission().id();
      answer.allow = true;
      written += codex.answer(answer).write;
    }
  };
  take(codex.start());
  for (const auto& one : spoken) {
    if (!one.by_us) {
      take(codex.feed(one.line));
      continue;
    }
    const auto line = written.substr(0, written.find('\n') + 1);
    written.erase(0, line.size());
    auto ours = parse_json(line).value_or(nullptr);
    if (text_at(ours, "method") == "initialize") ours.at("params").at("clientInfo") = one.message.at("params").at("clientInfo");
    EXPECT_EQ(ours, one.message);
  }
  EXPECT_THAT(written, IsEmpty());
  const auto lines = told(all);
  EXPECT_THAT(lines, Contains("asks for git add -A && git commit -q -m \"add hello\""));
  EXPECT_THAT(lines, Contains("ran git add -A && git commit -q -m \"add hello\" -> 0"));
  EXPECT_THAT(lines, Contains("says done"));
  EXPECT_EQ(lines.back(), "result SUCCEEDED: done");
  const auto* usage = last(all, &Activity::has_usage);
  ASSERT_NE(usage, nullptr);
  EXPECT_EQ(usage->usage().scope(), v1::AgentUsage::SCOPE_CUMULATIVE);
  EXPECT_EQ(usage->usage().input_tokens(), 3300u);
  EXPECT_EQ(usage->usage().context_used(), 1222u);
  const auto* permission = last(all, &Activity::has_permission);
  EXPECT_EQ(permission->permission().command(), "git add -A && git commit -q -m \"add hello\"");
  EXPECT_EQ(permission->permission().kind(), v1::AGENT_TOOL_KIND_EXECUTE);
  EXPECT_THAT(permission->permission().paths(), IsEmpty()) << "it runs in the worktree";
}

/// One whose thread is open and whose first turn is under way.
class CodexTurn : public testing::Test {
 protected:
  CodexTurn() {
    codex_.start();
    feed(R"({"id":1,"result":{}})");
    feed(R"({"id":2,"result":{"thread":{"id":"th","cliVersion":"0.1"},"model":"m","cwd":"/home/dev/wt"}})");
    feed(R"({"id":3,"result":{"turn":{"id":"tu"}}})");
    written_.clear();
    all_.clear();
  }

  Output feed(const std::string& line) {
    auto out = codex_.feed(line + "\n");
    written_ += out.write;
    for (const auto& activity : out.activities) all_.push_back(activity);
    return out;
  }

  void answer(const std::string& id, bool allow, std::map<std::string, std::vector<std::string>> fields = {}) {
    Answer answer;
    answer.id = id;
    answer.allow = allow;
    answer.fields = std::move(fields);
    const auto out = codex_.answer(answer);
    written_ += out.write;
    for (const auto& activity : out.activities) all_.push_back(activity);
  }

  Verdict verdict(bool resuming = false) {
    Witness witness;
    for (const auto& activity : all_) witness.see(activity);
    Ending ending;
    ending.exit_code = 0;
    ending.was_idle = true;
    ending.resuming = resuming;
    return judge_run(*find_agent("codex"), witness, ending);
  }

  CodexDialogue codex_{codex_options()};
  std::string written_;
  std::vector<Activity> all_;
};

TEST_F(CodexTurn, AnEditIsAskedForWithEveryFileAndToldOnceItIsDone) {
  feed(R"({"method":"item/started","params":{"item":{"type":"fileChange","id":"c","status":"inProgress","changes":[{"path":"/home/dev/wt/a.txt","kind":{"type":"add"},"diff":"x"},{"path":"/etc/b","kind":{"type":"update","move_path":null},"diff":"y"}]}}})");
  feed(R"({"method":"item/fileChange/requestApproval","id":7,"params":{"itemId":"c","threadId":"th","turnId":"tu","reason":"outside"}})");
  const auto& permission = last(all_, &Activity::has_permission)->permission();
  EXPECT_EQ(permission.kind(), v1::AGENT_TOOL_KIND_EDIT);
  EXPECT_THAT(permission.paths(), ElementsAre("/etc/b", "a.txt"));
  EXPECT_FALSE(permission.truncated());
  answer(permission.id(), false);
  EXPECT_EQ(written_, "{\"id\":7,\"result\":{\"decision\":\"decline\"}}\n");
  feed(R"({"method":"item/completed","params":{"item":{"type":"fileChange","id":"c","status":"declined","changes":[{"path":"/home/dev/wt/a.txt","kind":{"type":"add"}}]}}})");
  EXPECT_THAT(told(all_), Contains("tool denied: "));
  EXPECT_EQ(last(all_, &Activity::has_file_change), nullptr);
  feed(R"({"method":"item/completed","params":{"item":{"type":"fileChange","id":"d","status":"completed","changes":[{"path":"/home/dev/wt/a.txt","kind":{"type":"delete"}}]}}})");
  EXPECT_THAT(told(all_), Contains("change a.txt DELETED"));
}

TEST_F(CodexTurn, WhatIsMoreThanOneCallIsForNoRuleToAllow) {
  feed(R"({"method":"item/fileChange/requestApproval","id":7,"params":{"itemId":"c","grantRoot":"/home"}})");
  EXPECT_TRUE(last(all_, &Activity::has_permission)->permission().truncated());
  feed(R"({"method":"item/commandExecution/requestApproval","id":"x","params":{"itemId":"e","networkApprovalContext":{"host":"example.org"},"reason":"to reach example.org"}})");
  const auto& network = last(all_, &Activity::has_permission)->permission();
  EXPECT_TRUE(network.truncated());
  EXPECT_EQ(network.title(), "to reach example.org");
  answer(network.id(), true);
  EXPECT_THAT(written_, HasSubstr(R"("id":"x","result":{"decision":"accept"})"));
}

TEST_F(CodexTurn, AQuestionIsAnsweredFieldByField) {
  feed(R"({"method":"item/tool/requestUserInput","id":4,"params":{"itemId":"q","questions":[{"id":"db","header":"DB","question":"Which one?","options":[{"label":"sqlite","description":"small"}]}]}})");
  const auto& question = last(all_, &Activity::has_question)->question();
  ASSERT_EQ(question.items_size(), 1);
  EXPECT_EQ(question.items(0).text(), "Which one?");
  EXPECT_EQ(question.items(0).options(0).label(), "sqlite");
  answer(question.id(), true, {{"db", {"sqlite"}}});
  EXPECT_EQ(lines_of(written_).at(0), json::parse(R"({"id":4,"result":{"answers":{"db":{"answers":["sqlite"]}}}})"));
}

TEST_F(CodexTurn, ARequestThatIsNotKnownIsRefusedAndSaid) {
  feed(R"({"method":"item/brandNew","id":5,"params":{}})");
  EXPECT_EQ(lines_of(written_).at(0).at("error").at("code"), -32601);
  EXPECT_THAT(told(all_).back(), HasSubstr("item/brandNew"));
}

TEST_F(CodexTurn, WordsComeAsTheyAreWritten) {
  feed(R"({"method":"item/agentMessage/delta","params":{"itemId":"m","delta":"Hel"}})");
  feed(R"({"method":"item/agentMessage/delta","params":{"itemId":"m","delta":"lo"}})");
  feed(R"({"method":"item/completed","params":{"item":{"type":"agentMessage","id":"m","text":"Hello"}}})");
  ASSERT_EQ(all_.size(), 3u);
  EXPECT_TRUE(all_[0].message().partial());
  EXPECT_EQ(all_[1].message().text(), "lo");
  EXPECT_FALSE(all_[2].message().partial());
  EXPECT_EQ(all_[2].message().text(), "Hello");
}

TEST_F(CodexTurn, WhatIsSaidMeanwhileIsTheNextTurnAndThenItIsIdle) {
  EXPECT_THAT(codex_.say("and more").write, IsEmpty());
  const auto out = feed(R"({"method":"turn/completed","params":{"threadId":"th","turn":{"id":"tu","status":"completed","error":null}}})");
  EXPECT_FALSE(out.idle);
  EXPECT_EQ(lines_of(written_).at(0).at("params").at("input").at(0).at("text"), "and more");
  feed(R"({"id":4,"result":{"turn":{"id":"tv"}}})");
  EXPECT_TRUE(feed(R"({"method":"turn/completed","params":{"threadId":"th","turn":{"id":"tv","status":"completed"}}})").idle);
  EXPECT_TRUE(std::holds_alternative<Succeeded>(verdict()));
}

TEST_F(CodexTurn, AnInterruptEndsTheTurnAndTakesBackWhatWasAsked) {
  feed(R"({"method":"item/commandExecution/requestApproval","id":7,"params":{"itemId":"c","command":"make"}})");
  const auto out = codex_.interrupt();
  EXPECT_EQ(lines_of(out.write).at(0).at("method"), "turn/interrupt");
  EXPECT_EQ(lines_of(out.write).at(0).at("params").at("turnId"), "tu");
  EXPECT_TRUE(last(out.activities, &Activity::has_answer)->answer().by() == v1::AgentAnswer::BY_AGENT);
  feed(R"({"method":"turn/completed","params":{"turn":{"id":"tu","status":"interrupted"}}})");
  EXPECT_EQ(last(all_, &Activity::has_result)->result().outcome(), v1::AgentResult::OUTCOME_CANCELLED);
}

TEST_F(CodexTurn, AFailedTurnIsALimitALoginOrAFailure) {
  const auto failed = [&](const std::string& error) {
    all_.clear();
    feed(R"({"method":"turn/completed","params":{"turn":{"id":"","status":"failed","error":)" + error + "}}}");
    return verdict();
  };
  feed(R"({"method":"turn/completed","params":{"turn":{"id":"tu","status":"completed"}}})");
  EXPECT_TRUE(std::holds_alternative<Limited>(failed(R"({"message":"slow down","codexErrorInfo":{"responseStreamConnectionFailed":{"httpStatusCode":429}}})")));
  EXPECT_TRUE(std::holds_alternative<Limited>(failed(R"({"message":"You've hit your usage limit.","codexErrorInfo":"usageLimitExceeded"})")));
  EXPECT_TRUE(std::holds_alternative<NeedsLogin>(failed(R"({"message":"no","codexErrorInfo":"unauthorized"})")));
  EXPECT_TRUE(std::holds_alternative<Failed>(failed(R"({"message":"{\"error\":{\"message\":\"bad tool\"}}","codexErrorInfo":"other"})")));
  EXPECT_THAT(told(all_).back(), HasSubstr("bad tool"));
}

TEST(CodexThread, ThatIsGoneIsALostSession) {
  auto options = codex_options();
  options.resume_session = "gone";
  options.model = "big";
  CodexDialogue codex(options);
  codex.start();
  const auto asked = lines_of(codex.feed("{\"id\":1,\"result\":{}}\n").write);
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[1].at("method"), "thread/resume");
  EXPECT_EQ(asked[1].at("params").at("threadId"), "gone");
  EXPECT_EQ(asked[1].at("params").at("model"), "big");
  const auto out = codex.feed("{\"id\":2,\"error\":{\"code\":-32600,\"message\":\"no rollout found for thread id gone\"}}\n");
  EXPECT_TRUE(out.idle);
  Witness witness;
  for (const auto& activity : out.activities) witness.see(activity);
  Ending ending;
  ending.exit_code = 0;
  ending.was_idle = true;
  ending.resuming = true;
  EXPECT_TRUE(std::holds_alternative<SessionLost>(judge_run(*find_agent("codex"), witness, ending)));
}

}  // namespace
}  // namespace fanout::agent::test
