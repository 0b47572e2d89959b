// No secret gets where it must not: into events, the database, the daemon's log, what is streamed, other programs'
// environment, or a remote.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

const std::string kToken = "ghp_a8Fk2LxQ0pZr7VtYw3Nc5Mb9Hd4Js6Ge1U";
const std::string kBase64 = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ";
const std::string kValue = "correct-horse-battery-staple";

class Secrets : public testing::Test {
 protected:
  Secrets() { repository_.commit_file("a.txt", "a\n"); }

  static std::string all_events(Daemon& daemon, const std::string& run) {
    std::string all;
    for (const auto& event : watch(daemon, run)) all += event.SerializeAsString();
    return all;
  }

  /// The database and its log of writes, the daemon's log, and what GetRun tells.
  static std::string everything_kept(Daemon& daemon, const std::string& run) {
    std::string all = daemon.log() + get(daemon, run).SerializeAsString();
    for (const auto& entry : fs::directory_iterator(daemon.state())) {
      if (entry.path().filename().string().starts_with("fanout.db")) all += read_file(entry.path());
    }
    return all;
  }

  static std::string log_of(Daemon& daemon, const std::string& run, const std::string& id) {
    v1::ReadLogRequest request;
    request.set_run_id(run);
    request.set_task_id(id);
    const auto context = patient();
    auto reader = daemon.runs().ReadLog(context.get(), request);
    std::string text;
    for (v1::ReadLogResponse response; reader->Read(&response);) text += response.data();
    const auto status = reader->Finish();
    return status.ok() ? text : status.error_message();
  }

  void give_secret(const Daemon& daemon, mode_t mode = 0600) const {
    const auto file = daemon.config().parent_path() / "secrets.toml";
    write_file(file, "DEPLOY = \"" + kValue + "\"\n");
    ASSERT_EQ(::chmod(file.c_str(), mode), 0);
  }

  std::string remote_branches() const { return repository_.git({"ls-remote", "origin"}); }

  GitSandbox repository_;
};

TEST_F(Secrets, OfAnAgentsOutputAreInItsLogFileAlone) {
  Daemon daemon;
  PlanBuilder plan(repository_);
  plan.task("t", "printf 'token " + kToken + "\\n-----BEGIN OPENSSH PRIVATE KEY-----\\n" + kBase64 +
                     "\\n-----END OPENSSH PRIVATE KEY-----\\nthe end\\n'; touch new.txt");
  const auto done = run_to_end(daemon, plan.write());
  ASSERT_EQ(task(done, "t").phase(), v1::PHASE_COMPLETED) << task(done, "t").reason();
  // The plan has the token in the agent's command line, so the database has it with the plan.
  const auto events = all_events(daemon, done.id());
  EXPECT_THAT(events, AllOf(HasSubstr("the end"), HasSubstr("[redacted]"), Not(HasSubstr(kToken)), Not(HasSubstr(kBase64))));
  EXPECT_THAT(log_of(daemon, done.id(), "t"), AllOf(HasSubstr("token [redacted]\n"), HasSubstr("the end"), Not(HasSubstr(kBase64))));
  EXPECT_THAT(read_file(daemon.state() / "runs" / done.id() / "t/1/agent.stdout"), AllOf(HasSubstr(kToken), HasSubstr(kBase64)));
  EXPECT_THAT(get(daemon, done.id()).SerializeAsString() + daemon.log(), Not(HasSubstr(kToken)));
}

TEST_F(Secrets, OfACommandThatFailsAreNotInTheReason) {
  Daemon daemon;
  PlanBuilder plan(repository_, "setup: ['test " + kToken + " = no']\nverify: []\n");
  plan.task("t", "true");
  const auto done = run_to_end(daemon, plan.write());
  EXPECT_THAT(task(done, "t").reason(), AllOf(HasSubstr("setup command \"test [redacted] = no\" ended with exit code 1")));
  EXPECT_THAT(all_events(daemon, done.id()), Not(HasSubstr(kToken)));
}

TEST_F(Secrets, ByNameReachTheProgramAndNothingElse) {
  Daemon daemon;
  give_secret(daemon);
  const auto seen = (repository_.outside() / "seen").string();
  PlanBuilder plan(repository_, "setup: []\nverify: []\nenv: {PLAIN: x, TOKEN: {secret: DEPLOY}}\n");
  plan.task("t", "echo \"$TOKEN\" > " + seen + "; echo it is $TOKEN, half of it is " + kValue.substr(0, 3) + "; touch new.txt",
            {}, "    gates: [{name: g, run: 'echo gate $TOKEN; test -n \"$TOKEN\"'}]\n");
  const auto done = run_to_end(daemon, plan.write());
  ASSERT_EQ(task(done, "t").phase(), v1::PHASE_COMPLETED) << task(done, "t").reason();
  EXPECT_EQ(read_file(seen), kValue + "\n");
  const auto events = all_events(daemon, done.id());
  EXPECT_THAT(events, AllOf(HasSubstr("it is [redacted], half"), HasSubstr("gate [redacted]"), Not(HasSubstr(kValue))));
  EXPECT_THAT(everything_kept(daemon, done.id()), Not(HasSubstr(kValue)));
}

TEST_F(Secrets, ThatAreNotThereAreMissedBeforeTheRunBegins) {
  Daemon daemon;
  PlanBuilder plan(repository_, "setup: []\nverify: []\nenv: {TOKEN: {secret: DEPLOY}}\n");
  plan.task("t", "touch x");
  EXPECT_THAT([&] { execute(daemon, plan.write()); },
              testing::ThrowsMessage<std::runtime_error>(HasSubstr("there is no secret DEPLOY for the variable TOKEN: write")));
  give_secret(daemon, 0644);
  EXPECT_THAT([&] { execute(daemon, plan.write()); },
              testing::ThrowsMessage<std::runtime_error>(HasSubstr("secrets.toml may be read by others, so no secret is taken from it")));
}

TEST_F(Secrets, TheTrackersTokenIsGivenOutByNoName) {
  Daemon daemon("20ms", {"GH_TOKEN=" + kToken});
  PlanBuilder plan(repository_, "setup: []\nverify: []\nenv: {MINE: {secret: GH_TOKEN}}\n");
  plan.task("t", "touch x");
  EXPECT_THAT([&] { execute(daemon, plan.write()); }, testing::ThrowsMessage<std::runtime_error>(HasSubstr("there is no secret GH_TOKEN")));
  PlanBuilder passing(repository_, "setup: []\nverify: []\npass_env: ['GH_*', '*TOKEN']\n");
  passing.task("t", "env > got.txt");
  const auto done = run_to_end(daemon, passing.write("passing"));
  EXPECT_THAT(repository_.git({"show", "feature/t:got.txt"}), Not(HasSubstr("GH_TOKEN")));
}

TEST_F(Secrets, ProgramsSeeTheUsualVariablesAndWhatIsPassedOn) {
  Daemon daemon("20ms", {"ANTHROPIC_API_KEY=model-key", "AWS_PROFILE=mine", "SOME_SETTING=1", "JAVA_HOME=/j", "SSH_AUTH_SOCK=/s",
                         "DBUS_SESSION_BUS_ADDRESS=unix:/d"});
  PlanBuilder plan(repository_);
  const std::string gate = "    gates: [{name: g, run: 'env > ../gate-$FANOUT_TASK_ID'}]\n";
  plan.task("usual", "env > got.txt", {}, gate);
  plan.task("more", "env > got.txt", {}, gate + "    pass_env: ['AWS_*', SSH_AUTH_SOCK]\n");
  const auto done = run_to_end(daemon, plan.write());
  ASSERT_EQ(done.state(), v1::RUN_STATE_COMPLETED) << task(done, "usual").reason();
  const auto agent = repository_.git({"show", "feature/usual:got.txt"});
  EXPECT_THAT(agent, AllOf(HasSubstr("PATH="), HasSubstr("JAVA_HOME=/j"), HasSubstr("ANTHROPIC_API_KEY=model-key")));
  EXPECT_THAT(agent, AllOf(Not(HasSubstr("AWS_")), Not(HasSubstr("SOME_SETTING")), Not(HasSubstr("SSH_AUTH")), Not(HasSubstr("DBUS"))));
  const auto gate_of = [&](const std::string& id) { return read_file(repository_.root() / "worktrees" / ("gate-" + id)); };
  EXPECT_THAT(gate_of("usual"), AllOf(HasSubstr("JAVA_HOME=/j"), Not(HasSubstr("ANTHROPIC"))));
  EXPECT_THAT(gate_of("more"), AllOf(HasSubstr("AWS_PROFILE=mine"), HasSubstr("SSH_AUTH_SOCK=/s"), Not(HasSubstr("SOME_SETTING"))));
}

TEST_F(Secrets, ThatAnAgentCommittedAreNotPushed) {
  repository_.add_bare_remote();
  Daemon daemon;
  PlanBuilder plan(repository_, "setup: []\nverify: []\npush: true\n");
  // Each with a commit of its own: what one has pushed would be nothing new for the next.
  const auto leak = "mkdir -p conf; printf 'one\\ntoken: " + kToken + "\\n' > conf/app.env; git add conf; git commit -qm \"leak of $FANOUT_TASK_ID\"";
  plan.task("leaks", leak);
  plan.task("repents", leak + "; git rm -q conf/app.env; touch b; git add b; git commit -qm 'take it out'");
  plan.task("warned", leak, {}, "    secret_scan: warn\n");
  plan.task("example", "echo ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx > readme; echo postgres://u:p@localhost/ >> readme");
  const auto done = run_to_end(daemon, plan.write());
  for (const char* id : {"leaks", "repents"}) {
    EXPECT_EQ(task(done, id).ended_in(), v1::PHASE_PUSHING);
    EXPECT_THAT(task(done, id).reason(), AllOf(HasSubstr("nothing was pushed: conf/app.env:2 (commit "), HasSubstr(") holds a token of GitHub. Take it"),
                                               Not(HasSubstr("ghp_"))));
  }
  EXPECT_THAT(remote_branches(), AllOf(Not(HasSubstr("feature/leaks")), Not(HasSubstr("feature/repents")), HasSubstr("feature/warned"),
                                       HasSubstr("feature/example")));
  EXPECT_THAT(all_events(daemon, done.id()), AllOf(HasSubstr("it is pushed all the same"), Not(HasSubstr(kToken))));
}

TEST_F(Secrets, GivenByNameAreNotPushedEither) {
  repository_.add_bare_remote();
  Daemon daemon;
  give_secret(daemon);
  PlanBuilder plan(repository_, "setup: []\nverify: []\npush: true\nenv: {TOKEN: {secret: DEPLOY}}\n");
  plan.task("t", "echo \"my $TOKEN\" > notes; git add notes; git commit -qm \"uses $TOKEN\"");
  const auto done = run_to_end(daemon, plan.write());
  EXPECT_THAT(task(done, "t").reason(), AllOf(HasSubstr("the message of commit "), HasSubstr("notes:1 (commit "),
                                              HasSubstr("holds a secret that Fanout was given")));
  EXPECT_THAT(remote_branches(), Not(HasSubstr("feature/t")));
}

TEST_F(Secrets, FilesThatAreTooLargeAreNotPushed) {
  repository_.add_bare_remote();
  Daemon daemon;
  PlanBuilder plan(repository_, "setup: []\nverify: []\npush: true\nmax_file_size: 1MB\n");
  plan.task("large", "head -c 1500000 /dev/zero > blob");
  plan.task("any", "head -c 1500000 /dev/zero > blob", {}, "    max_file_size: off\n");
  const auto done = run_to_end(daemon, plan.write());
  EXPECT_THAT(task(done, "large").reason(), HasSubstr("nothing was pushed: blob (commit "));
  EXPECT_THAT(task(done, "large").reason(), HasSubstr(") has 1.4"));
  EXPECT_THAT(remote_branches(), AllOf(HasSubstr("feature/any"), Not(HasSubstr("feature/large"))));
}

TEST_F(Secrets, TheDaemonsMemoryIsReadByNoProgramOfTheSameUser) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everybody's memory: run this as another user";
  Daemon daemon("20ms", {"GH_TOKEN=" + kToken});
  const auto process = "/proc/" + std::to_string(daemon.pid());
  for (const char* file : {"/environ", "/mem", "/maps"}) EXPECT_NE(::access((process + file).c_str(), R_OK), 0) << file;
}

}  // namespace
}  // namespace fanout::test
