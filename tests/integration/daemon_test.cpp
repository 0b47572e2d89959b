// The daemon itself: start, stop, restart, its door.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::HasSubstr;

class DaemonTest : public testing::Test {
 protected:
  DaemonTest() { repository_.commit_file("a.txt", "a\n"); }

  std::string start_long_task() {
    PlanBuilder plan(repository_);
    plan.task("t", "echo $$; sleep 1000").task("w", "true", {"t"});
    const auto id = execute(daemon_, plan.write());
    for (const auto& event : watch(daemon_, id, 0, [](const auto& e) { return e.has_output(); })) {
      if (event.has_output()) agent_ = std::stoi(event.output().lines(0).text());
    }
    return id;
  }

  GitSandbox repository_;
  Daemon daemon_;
  int agent_ = 0;
};

TEST_F(DaemonTest, StoppingEndsTheAgentsAndTheTrueStateIsThereAfterARestart) {
  const auto id = start_long_task();
  const auto status = daemon_.stop(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << daemon_.log();
  EXPECT_NE(kill(agent_, 0), 0) << "the agent was ended";
  EXPECT_THAT(daemon_.log(), HasSubstr("stopping: 2 subagents under way"));
  daemon_.start();
  const auto run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_INTERRUPTED);
  EXPECT_EQ(task(run, "t").phase(), v1::PHASE_INTERRUPTED);
  EXPECT_EQ(task(run, "t").ended_in(), v1::PHASE_IMPLEMENTING);
  EXPECT_EQ(task(run, "t").reason(), "the daemon was stopped");
  EXPECT_EQ(task(run, "w").phase(), v1::PHASE_INTERRUPTED);
}

TEST_F(DaemonTest, ARunThatWasInterruptedGoesOnAfterARestart) {
  PlanBuilder plan(repository_);
  const auto go = (repository_.outside() / "go").string();
  plan.task("t", "echo here; until [ -e " + go + " ]; do sleep 0.05; done; " + commit_line("t.txt"));
  plan.task("w", commit_line("w.txt"), {"t"});
  const auto id = execute(daemon_, plan.write());
  watch(daemon_, id, 0, [](const auto& e) { return e.has_output(); });
  daemon_.stop(SIGTERM);
  write_file(go, "");
  daemon_.start();
  v1::RetryRunRequest request;
  request.set_run_id(id);
  v1::RetryRunResponse response;
  ASSERT_TRUE(daemon_.runs().RetryRun(patient().get(), request, &response).ok());
  watch(daemon_, id);
  const auto run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  EXPECT_EQ(task(run, "t").branch(), "feature/t") << "the same worktree";
}

TEST_F(DaemonTest, ItStopsWithASilentWatcherConnected) {
  start_long_task();
  v1::WatchRunRequest request;
  request.set_keep_open(true);
  const auto context = patient();
  auto silent = daemon_.runs().WatchRun(context.get(), request);
  v1::WatchRunResponse response;
  ASSERT_TRUE(silent->Read(&response));
  const auto status = daemon_.stop(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << daemon_.log();
  while (silent->Read(&response)) {
  }
  EXPECT_EQ(silent->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(DaemonTest, AClientCanAskItToStop) {
  v1::ShutdownResponse response;
  EXPECT_TRUE(daemon_.daemon().Shutdown(patient().get(), {}, &response).ok());
  const auto status = daemon_.stop(0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status << daemon_.log();
  EXPECT_FALSE(std::filesystem::exists(daemon_.socket()));
}

TEST_F(DaemonTest, ASecondOneOnTheSameFoldersSaysWhoIsThereAndEnds) {
  EXPECT_EQ(daemon_.start_second(), "error: fanoutd with pid " + std::to_string(daemon_.pid()) +
                                        " is running already (it holds " +
                                        (daemon_.state() / "fanoutd.lock").string() + ")");
  v1::GetInfoResponse info;
  EXPECT_TRUE(daemon_.daemon().GetInfo(patient().get(), {}, &info).ok()) << "the first goes on";
  EXPECT_EQ(info.pid(), daemon_.pid());
}

TEST_F(DaemonTest, AStaleSocketIsNoObstacle) {
  daemon_.stop(SIGKILL);
  EXPECT_TRUE(std::filesystem::exists(daemon_.socket()));
  daemon_.start();
  v1::GetInfoResponse info;
  EXPECT_TRUE(daemon_.daemon().GetInfo(patient().get(), {}, &info).ok());
}

TEST_F(DaemonTest, TheSocketAndItsFolderAreForTheirOwnerAlone) {
  struct stat socket {}, folder {};
  ASSERT_EQ(stat(daemon_.socket().c_str(), &socket), 0);
  ASSERT_EQ(stat(daemon_.socket().parent_path().c_str(), &folder), 0);
  EXPECT_EQ(socket.st_mode & 0777, 0600u);
  EXPECT_EQ(folder.st_mode & 0777, 0700u);
}

TEST_F(DaemonTest, AnotherUserIsRefusedEvenWhereTheSocketIsOpen) {
  if (geteuid() != 0) GTEST_SKIP() << "becoming another user takes root";
  chmod(daemon_.socket().parent_path().c_str(), 0777);
  chmod(daemon_.socket().parent_path().parent_path().c_str(), 0777);
  chmod(daemon_.socket().c_str(), 0666);
  const pid_t child = fork();
  if (child == 0) {
    if (setuid(65534) != 0) _exit(10);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", daemon_.socket().c_str());
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) _exit(11);
    char byte;
    _exit(read(fd, &byte, 1) <= 0 ? 0 : 12);  // closed without a word
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(DaemonTest, GarbageCostsItsOwnConnectionOnly) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "%s", daemon_.socket().c_str());
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string garbage(100'000, '\xfe');
  (void)!send(fd, garbage.data(), garbage.size(), MSG_NOSIGNAL);
  v1::GetInfoResponse info;
  EXPECT_TRUE(daemon_.daemon().GetInfo(patient().get(), {}, &info).ok());
  close(fd);
}

/// Calls a method by its name, with the bytes of a request; we link no generated code for it.
std::pair<grpc::Status, std::string> call(Daemon& daemon, const std::string& method, const std::string& request) {
  grpc::GenericStub stub(daemon.channel());
  grpc::CompletionQueue queue;
  const grpc::Slice slice(request);
  grpc::ByteBuffer sent(&slice, 1), received;
  const auto context = patient();
  auto rpc = stub.PrepareUnaryCall(context.get(), method, sent, &queue);
  rpc->StartCall();
  grpc::Status status;
  rpc->Finish(&received, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  std::vector<grpc::Slice> slices;
  if (status.ok()) received.Dump(&slices);
  std::string answer;
  for (const auto& piece : slices) answer.append(reinterpret_cast<const char*>(piece.begin()), piece.size());
  return {status, answer};
}

TEST_F(DaemonTest, HealthAndReflectionAnswer) {
  const auto [healthy, serving] = call(daemon_, "/grpc.health.v1.Health/Check", "");
  EXPECT_TRUE(healthy.ok()) << healthy.error_message();
  EXPECT_EQ(serving, "\x08\x01") << "status: SERVING";
  const std::string list_services("\x3a\x00", 2);
  const auto [reflected, services] =
      call(daemon_, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", list_services);
  EXPECT_TRUE(reflected.ok()) << reflected.error_message();
  EXPECT_THAT(services, HasSubstr("fanout.v1.RunService"));
}

TEST_F(DaemonTest, AVariableThatIsNotTheCallersBusinessIsRefused) {
  PlanBuilder plan(repository_);
  plan.task("t", "true");
  try {
    execute(daemon_, plan.write(), [](auto& request) { (*request.mutable_environment())["GH_TOKEN"] = "ghp_x"; });
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(std::string(error.what()), HasSubstr("not GH_TOKEN: put it into env: of the plan"));
  }
}

}  // namespace
}  // namespace fanout::test
