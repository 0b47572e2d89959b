// A real agent asks for permission, and a person answers.
#include "tests/agents/agents.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;

class Questions : public RealAgents {
 protected:
  v1::AgentPermission permission_asked() {
    const auto events = wait_for([](const auto& event) {
      return event.agent_activity().has_permission() && !event.agent_activity().permission().decided();
    });
    return events.back().agent_activity().permission();
  }

  grpc::Status answer(const std::string& task, const std::string& id, bool allow) {
    v1::AnswerAgentRequest request;
    request.set_run_id(run_);
    request.set_task_id(task);
    request.set_id(id);
    request.set_allow(allow);
    v1::AnswerAgentResponse response;
    return v1::AgentService::NewStub(daemon_->channel())->AnswerAgent(patient().get(), request, &response);
  }

  void add_asking() {
    add("ask", "claude",
        {"run curl --version > seen.txt", "write other.txt other", "run git add . && git commit -qm \"feat: other\"",
         "say Done."});
  }
};

TEST_F(Questions, APermissionThatIsGivenLetsTheAgentGoOn) {
  FANOUT_NEEDS("claude");
  add_asking();
  start();
  const auto permission = permission_asked();
  EXPECT_EQ(permission.command(), "curl --version > seen.txt");
  EXPECT_TRUE(permission.has_deadline());
  const auto status = answer("ask", permission.id(), true);
  ASSERT_TRUE(status.ok()) << status.error_message();
  watch_to_the_end();
  EXPECT_EQ(end_of("ask").phase(), v1::PHASE_COMPLETED) << end_of("ask").reason();
  EXPECT_NE(on_branch("ask", "seen.txt"), "");
}

TEST_F(Questions, APermissionThatIsRefusedIsNotUsed) {
  FANOUT_NEEDS("claude");
  add_asking();
  start();
  const auto status = answer("ask", permission_asked().id(), false);
  ASSERT_TRUE(status.ok()) << status.error_message();
  watch_to_the_end();
  EXPECT_EQ(end_of("ask").phase(), v1::PHASE_COMPLETED) << end_of("ask").reason();
  EXPECT_NE(repository_.try_git({"show", end_of("ask").branch() + ":seen.txt"}).status, 0);
  EXPECT_EQ(on_branch("ask", "other.txt"), "other");
}

/// Codex is a server where something is to be asked, and its commands come to the policy.
TEST_F(Questions, CodexAsksWhatItMayNotDoUnasked) {
  FANOUT_NEEDS("codex");
  const std::vector<std::string> script{"run echo seen > seen.txt", "run git add . && git commit -qm \"feat: seen\"", "say Done."};
  add("ask", "codex", script, "    approve: edits\n    rules: [{ruling: allow, command: git add}, {ruling: allow, command: git commit}]\n");
  start();
  const auto permission = permission_asked();
  EXPECT_EQ(permission.command(), "echo seen > seen.txt");
  EXPECT_EQ(end_of("ask").agent_level(), "dialogue");
  const auto status = answer("ask", permission.id(), true);
  ASSERT_TRUE(status.ok()) << status.error_message();
  watch_to_the_end();
  EXPECT_EQ(end_of("ask").phase(), v1::PHASE_COMPLETED) << end_of("ask").reason();
  EXPECT_EQ(on_branch("ask", "seen.txt"), "seen");
  EXPECT_EQ(end_of("ask").usage().output_tokens(), 150u);
}

TEST_F(Questions, CodexGoesOnWithoutWhatItWasRefused) {
  FANOUT_NEEDS("codex");
  add("ask", "codex",
      {"run touch seen.txt", "run cp a.txt other.txt", "run git add . && git commit -qm \"feat: other\"", "say Done."},
      "    approve: edits\n    rules: [{ruling: deny, command: touch}, {ruling: allow, command: cp}, {ruling: allow, command: git}]\n");
  run();
  EXPECT_EQ(end_of("ask").phase(), v1::PHASE_COMPLETED) << end_of("ask").reason();
  EXPECT_NE(repository_.try_git({"show", end_of("ask").branch() + ":seen.txt"}).status, 0);
  EXPECT_EQ(on_branch("ask", "other.txt"), "a");
}

}  // namespace
}  // namespace fanout::test
