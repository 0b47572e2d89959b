// Coding agents at work inside subagents: understood, asked for, answered, told things, and survived.
#include <gmock/gmock.h>
#include <google/protobuf/util/time_util.h>
#include <gtest/gtest.h>

#include <csignal>
#include <set>

#include "fanout/v1/agents.grpc.pb.h"
#include "tests/support/daemon.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using Activity = v1::AgentActivity;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::filesystem::path kFakes = FANOUT_FAKE_AGENTS;
const std::filesystem::path kRecordings = FANOUT_AGENT_RECORDINGS;
const std::string kAcp = "acp:" + (kFakes / "acp_agent.py").string();

class Agents : public testing::Test {
 protected:
  Agents() {
    repository_.commit_file("a.txt", "a\n");
    std::filesystem::create_directory(bin());
    std::filesystem::create_symlink(kFakes / "claude.py", bin() / "claude");
  }

  std::filesystem::path bin() const { return repository_.outside() / "bin"; }
  std::filesystem::path outside(const std::string& name) const { return repository_.outside() / name; }
  void let(const std::string& name) const { write_file(outside(name), ""); }

  /// A plan of one task "t" whose prompt is `orders`; `settings` are further lines of the plan.
  std::filesystem::path plan(const std::string& agent, const std::vector<std::string>& orders,
                             const std::string& settings = {}) const {
    std::string prompt;
    for (const auto& order : orders) prompt += "      DO " + order + "\n";
    const auto file = outside("plan.yaml");
    write_file(file, "metadata: {name: plan}\nrepo: " + repository_.root().string() + "\nsetup: []\nverify: []\n" + settings +
                         "tasks:\n  - id: t\n    name: do t\n" + (agent.empty() ? "" : "    agent: '" + agent + "'\n") +
                         "    prompt: |\n" + prompt);
    return file;
  }

  std::string start(const std::filesystem::path& file) {
    return execute(daemon_, file, [&](v1::ExecutePlanRequest& request) {
      (*request.mutable_environment())["PATH"] = bin().string() + ":/usr/local/bin:/usr/bin:/bin";
    });
  }

  void die_and_start_again() {
    daemon_.stop(SIGKILL);
    daemon_.start();
    agents_ = v1::AgentService::NewStub(daemon_.channel());
  }

  /// The state once something waits for an answer.
  v1::Attention asked(const std::string& run) {
    watch(daemon_, run, 0, [](const v1::Event& event) {
      const auto& activity = event.agent_activity();
      return (activity.has_permission() && !activity.permission().decided()) || activity.has_question();
    });
    const auto state = get(daemon_, run);
    EXPECT_EQ(state.subagents(0).attention_size(), 1) << state.DebugString();
    return state.subagents(0).attention_size() > 0 ? state.subagents(0).attention(0) : v1::Attention();
  }

  grpc::Status answer(const std::string& run, const std::function<void(v1::AnswerAgentRequest&)>& how) {
    v1::AnswerAgentRequest request;
    request.set_run_id(run);
    request.set_task_id("t");
    how(request);
    v1::AnswerAgentResponse response;
    return agents_->AnswerAgent(patient().get(), request, &response);
  }

  grpc::Status tell(const std::string& run, const std::string& text, v1::TellAgentResponse& response) {
    v1::TellAgentRequest request;
    request.set_run_id(run);
    request.set_task_id("t");
    request.set_text(text);
    return agents_->TellAgent(patient().get(), request, &response);
  }

  void wait_until_said(const std::string& run, const std::string& text) {
    watch(daemon_, run, 0, [&](const v1::Event& event) { return event.agent_activity().message().text() == text; });
  }

  static std::vector<std::string> said(const std::vector<v1::Event>& events) {
    std::vector<std::string> texts;
    for (const auto& event : events) {
      if (event.agent_activity().has_message()) texts.push_back(event.agent_activity().message().text());
    }
    return texts;
  }

  /// Each activity of each session counts from 1, without gap or repeat.
  static void expect_told_once(const std::vector<v1::Event>& events) {
    std::uint64_t last = 0;
    for (const auto& event : events) {
      if (event.has_agent_launched()) last = 0;
      const auto ordinal = event.agent_activity().ordinal();
      if (ordinal == 0) continue;
      EXPECT_EQ(ordinal, last + 1) << event.DebugString();
      last = ordinal;
    }
  }

  static std::vector<v1::AgentAnswer> answers(const std::vector<v1::Event>& events) {
    std::vector<v1::AgentAnswer> all;
    for (const auto& event : events) {
      if (event.agent_activity().has_answer()) all.push_back(event.agent_activity().answer());
    }
    return all;
  }

  GitSandbox repository_;
  Daemon daemon_;
  std::unique_ptr<v1::AgentService::Stub> agents_ = v1::AgentService::NewStub(daemon_.channel());
};

/// What is told of an agent's words until `enough`, and all events of the run until then.
struct Heard {
  std::vector<v1::AgentSpeech> speech;
  std::vector<v1::Event> events;
};
Heard listen(Daemon& daemon, const std::string& run, const std::function<bool(const Heard&)>& enough) {
  v1::WatchRunRequest request;
  request.set_run_id(run);
  request.set_with_speech(true);
  const auto context = patient();
  const auto stream = daemon.runs().WatchRun(context.get(), request);
  Heard heard;
  v1::WatchRunResponse response;
  while (!enough(heard) && stream->Read(&response)) {
    heard.speech.insert(heard.speech.end(), response.speech().begin(), response.speech().end());
    heard.events.insert(heard.events.end(), response.events().begin(), response.events().end());
  }
  context->TryCancel();
  return heard;
}

TEST_F(Agents, WordsAreHeardWhileTheyAreWrittenAndKeptOnlyWhenTheyAreWhole) {
  const auto id = start(plan("claude", {"begin I look at ghp_0123456789abcdefghijABCDEFGHIJ012345 first", "wait " + outside("go").string(),
                                        "say I looked at it.", "write hello.txt hi"}));
  const auto heard = listen(daemon_, id, [](const Heard& so_far) {
    return !so_far.speech.empty() && so_far.speech.back().text().find("first") != std::string::npos;
  });
  ASSERT_FALSE(heard.speech.empty());
  EXPECT_EQ(heard.speech.back().task_id(), "t");
  EXPECT_EQ(heard.speech.back().text(), "I look at [redacted] first ");
  EXPECT_FALSE(heard.speech.back().reasoning());
  let("go");
  const auto events = watch(daemon_, id);
  EXPECT_THAT(said(events), ElementsAre("I looked at it."));
  const auto afterwards = listen(daemon_, id, [](const Heard&) { return false; });
  EXPECT_THAT(afterwards.speech, IsEmpty()) << "nothing of it was kept";
  EXPECT_EQ(afterwards.events.size(), events.size());
}

TEST_F(Agents, WhoDoesNotAskForWordsGetsNone) {
  const auto id = start(plan("claude", {"begin one two", "wait " + outside("go").string(), "say done", "write hello.txt hi"}));
  const auto listened = listen(daemon_, id, [](const Heard& so_far) { return !so_far.speech.empty(); });
  ASSERT_FALSE(listened.speech.empty());
  let("go");
  v1::WatchRunRequest request;
  request.set_run_id(id);
  const auto context = patient();
  const auto stream = daemon_.runs().WatchRun(context.get(), request);
  v1::WatchRunResponse response;
  while (stream->Read(&response)) EXPECT_EQ(response.speech_size(), 0);
}

TEST_F(Agents, WhatAnAcpAgentDoesIsUnderstood) {
  const auto id = start(plan(kAcp, {"say I write a file", "write hello.txt hi", "usage 120 30"}));
  const auto events = watch(daemon_, id);
  const auto run = get(daemon_, id);
  const auto& agent = task(run, "t");
  ASSERT_EQ(agent.phase(), v1::PHASE_COMPLETED) << run.DebugString();
  EXPECT_EQ(agent.agent_kind(), "acp");
  EXPECT_EQ(agent.agent_level(), "acp");
  EXPECT_THAT(agent.agent_session(), HasSubstr("session-of-"));
  EXPECT_EQ(agent.usage().input_tokens(), 120u);
  EXPECT_EQ(agent.usage().output_tokens(), 30u);
  EXPECT_FALSE(agent.usage().has_cost()) << "unknown is not free";
  EXPECT_EQ(agent.report().summary(), "I write a file");
  EXPECT_THAT(said(events), ElementsAre("I write a file"));
  expect_told_once(events);
  std::vector<std::string> shown_by_git;
  for (const auto& event : events) {
    const auto& change = event.agent_activity().file_change();
    if (change.source() == v1::AgentFileChange::SOURCE_GIT) shown_by_git.push_back(change.path());
  }
  EXPECT_THAT(shown_by_git, ElementsAre("hello.txt"));
  EXPECT_EQ(repository_.git({"show", "feature/t:hello.txt"}), "hi");
}

TEST_F(Agents, APersonAnswersAPermission) {
  const auto id = start(plan(kAcp, {"ask touch allowed-by-a-person"}));
  const auto waiting = asked(id);
  EXPECT_EQ(waiting.permission().command(), "touch allowed-by-a-person");
  EXPECT_TRUE(waiting.permission().has_deadline());
  EXPECT_FALSE(waiting.permission().otherwise().empty());
  EXPECT_TRUE(answer(id, [](auto& request) { request.set_allow(true); }).ok());
  const auto events = watch(daemon_, id);
  const auto run = get(daemon_, id);
  EXPECT_EQ(task(run, "t").phase(), v1::PHASE_COMPLETED) << run.DebugString();
  EXPECT_THAT(task(run, "t").attention(), IsEmpty());
  ASSERT_EQ(answers(events).size(), 1u);
  EXPECT_EQ(answers(events)[0].by(), v1::AgentAnswer::BY_PERSON);
  EXPECT_TRUE(answers(events)[0].allowed());
  EXPECT_THAT(said(events), ElementsAre("ran it"));
  const auto late = answer(id, [](auto& request) { request.set_allow(true); });
  EXPECT_EQ(late.error_code(), grpc::StatusCode::FAILED_PRECONDITION) << late.error_message();
}

TEST_F(Agents, ADeniedPermissionLeadsToWhatTheAgentMakesOfIt) {
  const auto id = start(plan(kAcp, {"ask touch forbidden", "write other.txt x"}));
  const auto waiting = asked(id);
  const auto wrong = answer(id, [](auto& request) { request.set_option("maybe"); });
  EXPECT_EQ(wrong.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(wrong.error_message(), HasSubstr("yes, always, no"));
  EXPECT_TRUE(answer(id, [&](auto& request) {
                request.set_id(waiting.id().substr(0, 1));
                request.set_option("No");
              }).ok());
  const auto events = watch(daemon_, id);
  EXPECT_THAT(said(events), ElementsAre("may not run it"));
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_COMPLETED);
  EXPECT_FALSE(std::filesystem::exists(repository_.root() / "worktrees/t/forbidden"));
}

TEST_F(Agents, ThePolicyAnswersWhatItAllowsAndWhatItDenies) {
  const std::string rules = "rules: [{ruling: allow, command: touch}, {ruling: deny, command: rm}]\n";
  const auto id = start(plan(kAcp, {"ask touch made.txt", "ask rm made.txt"}, rules));
  const auto events = watch(daemon_, id);
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_COMPLETED);
  EXPECT_THAT(said(events), ElementsAre("ran it", "may not run it"));
  for (const auto& one : answers(events)) EXPECT_EQ(one.by(), v1::AgentAnswer::BY_POLICY);
  for (const auto& event : events) {
    if (event.agent_activity().has_permission()) EXPECT_TRUE(event.agent_activity().permission().decided());
  }
  EXPECT_TRUE(std::filesystem::exists(repository_.root() / "worktrees/t/made.txt"));
}

TEST_F(Agents, WhatNobodyAnswersIsNotAllowedAndTheAgentGoesOn) {
  const auto id = start(plan(kAcp, {"ask touch x", "question Which colour? red|blue", "write y.txt y"}, "answer_timeout: 200ms\n"));
  const auto events = watch(daemon_, id);
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_COMPLETED);
  EXPECT_THAT(said(events), ElementsAre("may not run it", "nothing chosen"));
  for (const auto& one : answers(events)) EXPECT_EQ(one.by(), v1::AgentAnswer::BY_DEADLINE);
}

TEST_F(Agents, AQuestionIsAnsweredInWordsOrByNumber) {
  const auto id = start(plan(kAcp, {"question Which colour? red|blue", "write y.txt y"}));
  const auto waiting = asked(id);
  EXPECT_EQ(waiting.question().items(0).text(), "Which colour?");
  EXPECT_TRUE(answer(id, [](auto& request) { request.set_text("2"); }).ok());
  EXPECT_THAT(said(watch(daemon_, id)), ElementsAre("chosen: blue"));
}

TEST_F(Agents, ADaemonThatIsKilledFindsTheSessionAndItsQuestionAgain) {
  const auto id = start(plan(kAcp, {"say before", "ask touch x", "say after", "wait " + outside("go").string(), "say end"}));
  asked(id);
  die_and_start_again();
  const auto still = get(daemon_, id);
  ASSERT_EQ(task(still, "t").attention_size(), 1) << still.DebugString();
  // The new daemon takes the program up before it can be answered.
  grpc::Status status;
  do {
    status = answer(id, [](auto& request) { request.set_allow(true); });
  } while (status.error_code() == grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(status.ok()) << status.error_message();
  wait_until_said(id, "after");
  die_and_start_again();
  die_and_start_again();
  let("go");
  const auto events = watch(daemon_, id);
  EXPECT_THAT(said(events), ElementsAre("before", "ran it", "after", "end"));
  expect_told_once(events);
  EXPECT_EQ(answers(events).size(), 1u);
  const auto run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  EXPECT_EQ(task(run, "t").attempt(), 1u);
}

TEST_F(Agents, WhatIsSentReachesAnAgentThatListens) {
  const auto id = start(plan("claude", {"say begun", "write x.txt x", "wait " + outside("go").string()}));
  wait_until_said(id, "begun");
  v1::TellAgentResponse told;
  ASSERT_TRUE(tell(id, "mind the gap", told).ok());
  EXPECT_EQ(told.delivery(), v1::AgentTold::DELIVERY_NEXT_TURN);
  die_and_start_again();
  let("go");
  const auto events = watch(daemon_, id);
  EXPECT_THAT(said(events), Contains("heard: mind the gap"));
  expect_told_once(events);
  const auto run = get(daemon_, id);
  const auto& agent = task(run, "t");
  EXPECT_EQ(agent.phase(), v1::PHASE_COMPLETED) << run.DebugString();
  EXPECT_EQ(agent.agent_model(), "fake-1");
  EXPECT_EQ(agent.agent_version(), "9.9.9");
  EXPECT_DOUBLE_EQ(agent.usage().cost().amount(), 0.5) << "cumulative: the last figure counts";
  EXPECT_EQ(agent.usage().output_tokens(), 10u);
}

TEST_F(Agents, TheOnlyAgentThatIsInstalledIsTaken) {
  const auto id = start(plan("", {"write x.txt x"}));
  watch(daemon_, id);
  const auto run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  EXPECT_EQ(task(run, "t").agent(), "claude");
  v1::ListAgentsRequest request;
  (*request.mutable_environment())["PATH"] = bin().string() + ":/usr/bin:/bin";
  v1::ListAgentsResponse list;
  ASSERT_TRUE(agents_->ListAgents(patient().get(), request, &list).ok());
  ASSERT_GE(list.agents_size(), 4);
  EXPECT_EQ(list.agents(0).name(), "claude");
  EXPECT_TRUE(list.agents(0).installed() && list.agents(0).taken());
  EXPECT_EQ(list.agents(0).version(), "9.9.9 (Fake Code)");
  EXPECT_FALSE(list.agents(1).installed());
  EXPECT_GT(list.free_memory_mib(), 0u);
}

TEST_F(Agents, ARetryGoesOnWithTheSameSession) {
  const auto id = start(plan("claude", {"write x.txt x", "fail out of ideas"}, "retries: 1\n"));
  const auto events = watch(daemon_, id);
  const auto run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  std::vector<v1::AgentLaunched> launches;
  std::set<std::string> sessions;
  for (const auto& event : events) {
    if (event.has_agent_launched()) launches.push_back(event.agent_launched());
    if (event.agent_activity().has_session()) sessions.insert(event.agent_activity().session().id());
  }
  ASSERT_EQ(launches.size(), 2u);
  EXPECT_EQ(launches[0].session(), "");
  EXPECT_THAT(sessions, ElementsAre(launches[1].session()));
  EXPECT_THAT(launches[1].reason(), HasSubstr("out of ideas"));
  EXPECT_THAT(said(events), ElementsAre(HasSubstr("heard: ## What failed before")));
}

TEST_F(Agents, TheHostKeepsAnAgentInsideItsWorktree) {
  write_file(outside("secret"), "secret\n");
  const auto id = start(plan(kAcp, {"host-write sub/new.txt text", "host-read sub/new.txt", "terminal cat sub/new.txt; exit 3",
                                    "write link-to x", "ask ln -sf " + outside("secret").string() + " link", "host-read link",
                                    "host-write link broken", "host-write .git broken"},
                             "approve: all\n"));
  const auto events = watch(daemon_, id);
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_COMPLETED) << get(daemon_, id).DebugString();
  EXPECT_THAT(said(events), ElementsAre("host wrote", "host read: text", "terminal ended with 3: text", "ran it", "host refused",
                                        "host refused", "host refused"));
  EXPECT_EQ(read_file(outside("secret")), "secret\n");
}

TEST_F(Agents, APausedAgentStandsStillAndIsNotStalled) {
  const auto id = start(plan(kAcp, {"say begun", "wait " + outside("go").string(), "write x.txt x"}, "stall_timeout: 1s\n"));
  wait_until_said(id, "begun");
  v1::PauseAgentRequest request;
  request.set_run_id(id);
  v1::PauseAgentResponse paused;
  ASSERT_TRUE(agents_->PauseAgent(patient().get(), request, &paused).ok());
  EXPECT_THAT(paused.task_ids(), ElementsAre("t"));
  EXPECT_TRUE(get(daemon_, id).subagents(0).paused());
  die_and_start_again();
  EXPECT_TRUE(get(daemon_, id).subagents(0).paused());
  usleep(2'500'000);  // more than it may be silent
  EXPECT_EQ(get(daemon_, id).subagents(0).phase(), v1::PHASE_IMPLEMENTING);
  let("go");
  v1::ContinueAgentRequest go_on;
  go_on.set_run_id(id);
  v1::ContinueAgentResponse continued;
  ASSERT_TRUE(agents_->ContinueAgent(patient().get(), go_on, &continued).ok());
  watch(daemon_, id);
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_COMPLETED) << get(daemon_, id).DebugString();
}

TEST_F(Agents, OneStreamCarriesAllThatWaits) {
  const auto id = start(plan(kAcp, {"ask touch x"}));
  const auto context = patient();
  const auto reader = agents_->WatchAttention(context.get(), {});
  v1::WatchAttentionResponse waiting;
  do {
    ASSERT_TRUE(reader->Read(&waiting));
  } while (waiting.waiting().empty());
  EXPECT_EQ(waiting.waiting(0).run_id(), id);
  EXPECT_EQ(waiting.waiting(0).task_id(), "t");
  EXPECT_TRUE(answer(id, [](auto& request) { request.set_allow(true); }).ok());
  do {
    ASSERT_TRUE(reader->Read(&waiting));
  } while (!waiting.waiting().empty());
  context->TryCancel();
}

TEST_F(Agents, ACommandMayReportOnADescriptorOfItsOwn) {
  const std::string event = R"({"toolCall":{"id":"1","title":"make test"}})";
  const auto id = start(plan("echo out; echo ''" + event + "'' >&$FANOUT_EVENT_FD; echo nonsense >&3; echo x > x.txt", {"x"}));
  const auto events = watch(daemon_, id);
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_COMPLETED) << get(daemon_, id).DebugString();
  std::vector<std::string> titles, lines;
  int raw = 0;
  for (const auto& one : events) {
    if (one.agent_activity().has_tool_call()) titles.push_back(one.agent_activity().tool_call().title());
    if (one.agent_activity().has_raw()) ++raw;
    for (const auto& line : one.output().lines()) lines.push_back(line.text());
  }
  EXPECT_THAT(titles, ElementsAre("make test"));
  EXPECT_THAT(lines, ElementsAre("out"));
  EXPECT_EQ(raw, 1);
}

TEST_F(Agents, ARecordedRunOfCodexIsUnderstoodAndJudged) {
  write_file(bin() / "codex", "#!/bin/sh\ncat > /dev/null\necho x > x.txt\ncat " +
                                  (kRecordings / "codex-success.jsonl").string() + "\n");
  std::filesystem::permissions(bin() / "codex", std::filesystem::perms::owner_all);
  const auto id = start(plan("codex", {"x"}));
  const auto events = watch(daemon_, id);
  const auto run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  EXPECT_GT(task(run, "t").usage().input_tokens(), 0u);
  EXPECT_GT(task(run, "t").tool_calls(), 0u);
  expect_told_once(events);
}

TEST_F(Agents, ALimitIsNoSuccessThoughTheProgramSaysSo) {
  write_file(bin() / "codex", "#!/bin/sh\ncat > /dev/null\ncat " + (kRecordings / "codex-ratelimit.jsonl").string() + "\nexit 1\n");
  std::filesystem::permissions(bin() / "codex", std::filesystem::perms::owner_all);
  const auto id = start(plan("codex", {"x"}));
  const auto events = watch(daemon_, id, 0, [](const v1::Event& event) { return event.has_agent_verdict(); });
  ASSERT_TRUE(events.back().has_agent_verdict());
  EXPECT_EQ(events.back().agent_verdict().outcome(), v1::AgentVerdict::OUTCOME_LIMITED);
  EXPECT_TRUE(events.back().agent_verdict().has_limit());
}

TEST_F(Agents, AnAgentIsAskedToEndItsTurnBeforeItIsEnded) {
  const auto id = start(plan(kAcp, {"say begun", "sleep"}));
  wait_until_said(id, "begun");
  v1::CancelRunRequest request;
  request.set_run_id(id);
  v1::CancelRunResponse response;
  ASSERT_TRUE(daemon_.runs().CancelRun(patient().get(), request, &response).ok());
  const auto events = watch(daemon_, id);
  bool said_so = false;
  for (const auto& event : events)
    said_so = said_so || event.agent_activity().result().outcome() == v1::AgentResult::OUTCOME_CANCELLED;
  EXPECT_TRUE(said_so);
  EXPECT_EQ(get(daemon_, id).state(), v1::RUN_STATE_CANCELLED);
}

}  // namespace
}  // namespace fanout::test
