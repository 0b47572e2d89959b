// A damaged event log, or outbox, is set aside whole, and the runs go on as far as they are known.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>

#include "server/domain/run/fold.hpp"
#include "server/shim/record.hpp"
#include "server/store/sqlite.hpp"
#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

class Damage : public testing::Test {
 protected:
  Damage() { repository_.commit_file("a.txt", "a\n"); }

  fs::path log_file() const { return daemon_.state() / "fanout.db"; }

  std::string wait_for(const std::string& name) const {
    return "until [ -e " + (repository_.outside() / name).string() + " ]; do sleep 0.05; done";
  }
  void let(const std::string& name) { write_file(repository_.outside() / name, ""); }

  /// From the byte `from` on, to the end.
  void spoil(const fs::path& file, std::uintmax_t from) {
    std::fstream bytes(file, std::ios::binary | std::ios::in | std::ios::out);
    bytes.seekp(static_cast<std::streamoff>(from));
    bytes << std::string(fs::file_size(file) - from, '\xa5');
  }

  std::vector<fs::path> set_aside(const std::string& name) const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(daemon_.state())) {
      if (entry.path().filename().string().starts_with(name + ".damaged-")) found.push_back(entry.path());
    }
    return found;
  }

  v1::GetInfoResponse info() {
    v1::GetInfoResponse response;
    const auto status = daemon_.daemon().GetInfo(patient().get(), {}, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  void wait_until_said(const std::string& run, const std::string& text) {
    watch(daemon_, run, 0, [&](const v1::Event& event) {
      for (const auto& line : event.output().lines()) {
        if (line.text() == text) return true;
      }
      return false;
    });
  }

  /// What must hold of a run that went on after its log was lost.
  void expect_completed_once(const std::string& id) {
    const auto events = watch(daemon_, id);
    v1::Run folded;
    for (std::size_t i = 0; i < events.size(); ++i) {
      EXPECT_EQ(events[i].sequence(), i + 1);
      domain::apply(folded, events[i]);
    }
    const auto run = get(daemon_, id);
    EXPECT_EQ(folded.SerializeAsString(), run.SerializeAsString());
    EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString() << daemon_.log();
    std::ifstream starts(repository_.outside() / "starts");
    std::vector<std::string> started{std::istream_iterator<std::string>(starts), {}};
    std::sort(started.begin(), started.end());
    EXPECT_THAT(started, ElementsAre("left", "t", "w")) << "each agent was started once";
    EXPECT_EQ(repository_.git({"rev-list", "--count", "main..feature/t"}), "2");
    EXPECT_EQ(repository_.git({"show", "feature/left:left.txt"}), "left");
    EXPECT_EQ(repository_.git({"worktree", "list"}).find("-v2"), std::string::npos) << "no second worktree was made";
    EXPECT_EQ(repository_.git({"fsck", "--no-dangling"}), "");
  }

  std::string note_start(const std::string& id) const {
    return "echo " + id + " >> " + (repository_.outside() / "starts").string() + "; ";
  }

  /// One task at work that has committed, one that has written without a commit, one that waits for the first.
  std::string start_run() {
    PlanBuilder plan(repository_);
    plan.task("t", note_start("t") + commit_line("before.txt") + "; echo up; " + wait_for("go") + "; " + commit_line("t.txt"));
    plan.task("left", note_start("left") + "echo left > left.txt; echo up; " + wait_for("go"));
    plan.task("w", note_start("w") + commit_line("w.txt"), {"t"});
    const auto id = execute(daemon_, plan.write());
    for (const char* task : {"t", "left"}) {
      watch(daemon_, id, 0, [&](const v1::Event& event) { return event.task_id() == task && event.has_output(); });
    }
    return id;
  }

  GitSandbox repository_;
  Daemon daemon_;
};

TEST_F(Damage, WhenTheWholeLogIsLostAgentsAtWorkGoOnAndTheirRunEndsAsItShould) {
  PlanBuilder old(repository_);
  old.task("o", commit_line("o.txt"));
  const auto ended = run_to_end(daemon_, old.write("old"));
  const auto id = start_run();
  daemon_.stop(SIGKILL);
  fs::remove(log_file().string() + "-wal");
  spoil(log_file(), 0);
  const auto damaged = read_file(log_file());
  daemon_.start();
  ASSERT_THAT(info().notices(), SizeIs(1));
  EXPECT_THAT(info().notices(0), HasSubstr("damaged"));
  ASSERT_THAT(set_aside("fanout.db"), SizeIs(1));
  EXPECT_EQ(read_file(set_aside("fanout.db")[0] / "fanout.db"), damaged);
  auto outcome = get(daemon_, ended.id());
  EXPECT_EQ(outcome.compacted_until(), ended.last_sequence());
  outcome.clear_compacted_until();
  EXPECT_EQ(outcome.SerializeAsString(), ended.SerializeAsString());
  let("go");
  expect_completed_once(id);
}

TEST_F(Damage, WhenTheLogsTailIsLostTheRunGoesOnFromTheLastReadableEvent) {
  const auto id = start_run();
  daemon_.stop(SIGKILL);
  {  // All into the database itself, then its last quarter is spoilt.
    auto db = store::open_database(log_file().string());
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  spoil(log_file(), fs::file_size(log_file()) * 3 / 4 / 4096 * 4096);
  daemon_.start();
  EXPECT_THAT(info().notices(), SizeIs(1)) << daemon_.log();
  let("go");
  expect_completed_once(id);
}

TEST_F(Damage, FoundInTheMiddleOfUseTheDaemonStartsItselfAnewAndAgentsGoOn) {
  PlanBuilder old(repository_);
  old.task("o", "for i in $(seq 20000); do echo $i; done; " + commit_line("o.txt"));
  const auto ended = run_to_end(daemon_, old.write("old"));
  const auto id = start_run();
  const auto pid = daemon_.pid();
  // The events of the run that has ended are in no cache: whoever asks for them finds the damage.
  ASSERT_EQ(std::system(("sqlite3 " + log_file().string() + " 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null").c_str()), 0);
  spoil(log_file(), 4096 * 8);
  try {
    watch(daemon_, ended.id());
  } catch (const std::exception&) {
  }
  // The same process; its door is shut for a moment.
  for (int i = 0; i < 600; ++i) {
    v1::GetInfoResponse response;
    const bool answered = daemon_.daemon().GetInfo(patient().get(), {}, &response).ok();
    if (answered && response.notices_size() == 1) break;
    usleep(100'000);
  }
  ASSERT_THAT(info().notices(), SizeIs(1)) << daemon_.log();
  EXPECT_EQ(info().pid(), pid);
  EXPECT_EQ(get(daemon_, ended.id()).state(), v1::RUN_STATE_COMPLETED);
  let("go");
  expect_completed_once(id);
}

TEST_F(Damage, ALogOfANewerFanoutIsRefusedInOneLineAndStays) {
  daemon_.stop(SIGTERM);
  store::open_database(log_file().string()).exec("PRAGMA user_version = 99");
  EXPECT_THAT(daemon_.start_second(), testing::AllOf(HasSubstr("newer fanoutd"), HasSubstr("install that version again")));
  EXPECT_THAT(set_aside("fanout.db"), SizeIs(0));
  store::open_database(log_file().string()).exec("PRAGMA user_version = 2");
  daemon_.start();
}

TEST_F(Damage, AfterALostLogAndARestartOfTheMachineWhatRanIsInterrupted) {
  const auto id = start_run();
  const auto supervisors = daemon_.supervisors();
  daemon_.stop(SIGKILL);
  for (const auto& supervisor : supervisors) kill(supervisor.pid, SIGKILL);
  for (const auto& entry : fs::recursive_directory_iterator(daemon_.state() / "runs")) {
    if (entry.path().filename() != shim::kBirthFile) continue;
    auto birth = *shim::parse_birth(read_file(entry.path()));
    birth.supervisor.boot_id = "another-boot";
    write_file(entry.path(), shim::to_text(birth));
  }
  fs::remove(log_file().string() + "-wal");
  spoil(log_file(), 0);
  daemon_.start();
  const auto run = get(daemon_, id);
  EXPECT_EQ(run.state(), v1::RUN_STATE_INTERRUPTED) << run.DebugString();
}

}  // namespace
}  // namespace fanout::test
