#include "server/rebuild/open_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "server/domain/run/fold.hpp"
#include "server/rebuild/initial_state.hpp"
#include "server/rebuild/run_folder.hpp"
#include "server/store/set_aside.hpp"
#include "server/store/sqlite.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout::rebuild {
namespace {

namespace v1 = fanout::v1;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class OpenLog : public testing::Test {
 protected:
  fs::path file() const { return folder_ / "fanout.db"; }
  fs::path runs() const { return folder_ / "runs"; }

  fanout::internal::v1::RunSpec spec(const std::string& id) {
    fanout::internal::v1::RunSpec spec;
    spec.set_run_id(id);
    spec.add_tasks()->set_id("t");
    return spec;
  }

  /// A run in the log, and in its folder.
  void add_run(store::Database& database, const std::string& id, bool ended) {
    v1::Event first;
    first.set_run_id(id);
    first.set_sequence(1);
    *first.mutable_run_started()->mutable_run() = initial_state(spec(id));
    first.mutable_run_started()->mutable_run()->set_name(std::string(6000, 'n'));  // pages of its own
    database.create_run(spec(id), first);
    save_spec(runs(), spec(id));
    if (!ended) return;
    v1::Event end;
    end.set_run_id(id);
    end.set_sequence(2);
    end.mutable_run_ended()->set_state(v1::RUN_STATE_COMPLETED);
    auto run = database.load(id)->run;
    domain::apply(run, end);
    database.append({&end}, {&run});
    save_outcome(runs(), run);
  }

  void make_log(int count) {
    store::Database database(file());
    for (int i = 0; i < count; ++i) add_run(database, "run-" + std::to_string(i), true);
    add_run(database, "under-way", false);
    database.set_note(kBootNote, "the boot");
  }

  void damage(std::uintmax_t from, std::size_t count) {
    std::fstream bytes(file(), std::ios::binary | std::ios::in | std::ios::out);
    bytes.seekp(static_cast<std::streamoff>(from));
    bytes << std::string(count, '\xa5');
  }

  std::vector<fs::path> set_aside() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      if (entry.path().filename().string().starts_with("fanout.db.damaged-")) found.push_back(entry.path());
    }
    return found;
  }

  void expect_all_runs(store::Database& database, int count) {
    EXPECT_THAT(database.ids("", 100), SizeIs(static_cast<std::size_t>(count) + 1));
    for (int i = 0; i < count; ++i) {
      const auto stored = database.load("run-" + std::to_string(i));
      ASSERT_TRUE(stored) << i;
      EXPECT_EQ(stored->run.state(), v1::RUN_STATE_COMPLETED) << i;
    }
    EXPECT_THAT(database.unended(), ElementsAre("under-way"));
  }

  test::TempDir folder_;
};

TEST_F(OpenLog, OneThatIsWholeIsOpenedAndNothingIsSaid) {
  make_log(3);
  const auto opened = open_log(file(), runs());
  EXPECT_THAT(opened.notices, IsEmpty());
  EXPECT_THAT(set_aside(), IsEmpty());
  expect_all_runs(*opened.database, 3);
}

TEST_F(OpenLog, OneWithADamagedPageIsSetAsideWholeAndItsRunsAreKept) {
  make_log(20);
  damage(fs::file_size(file()) / 2 / 4096 * 4096, 3 * 4096);
  const auto damaged = test::read_file(file());
  const auto opened = open_log(file(), runs());
  ASSERT_THAT(set_aside(), SizeIs(1));
  EXPECT_EQ(test::read_file(set_aside()[0] / "fanout.db"), damaged) << "byte for byte";
  expect_all_runs(*opened.database, 20);
  EXPECT_EQ(opened.database->note(kBootNote), "the boot");
  ASSERT_THAT(opened.notices, SizeIs(1));
  EXPECT_THAT(opened.notices[0], testing::AllOf(HasSubstr("was damaged"), HasSubstr(set_aside()[0].string()), HasSubstr("taken up again")));
}

TEST_F(OpenLog, OneOfWhichNothingCanBeReadIsRebuiltFromTheFoldersOfItsRuns) {
  make_log(4);
  damage(0, fs::file_size(file()));
  const auto opened = open_log(file(), runs());
  expect_all_runs(*opened.database, 4);
  EXPECT_THAT(opened.notices[0], HasSubstr("4 runs kept with the outcome alone"));
}

TEST_F(OpenLog, TasksThatCameLaterAreKeptByTheRunsFolderAlone) {
  auto grown = spec("open");
  grown.mutable_open_plan()->set_head("{}");
  {
    store::Database database(file());
    v1::Event first;
    first.set_run_id("open");
    first.set_sequence(1);
    *first.mutable_run_started()->mutable_run() = initial_state(grown);
    database.create_run(grown, first);
    save_spec(runs(), grown);
  }
  const auto began = began_at(runs(), "open");
  grown.add_tasks()->set_id("later");
  save_spec(runs(), grown);  // and then the daemon was killed, before it told anybody
  EXPECT_EQ(began_at(runs(), "open"), began);
  store::mark_damaged(file());
  const auto stored = open_log(file(), runs()).database->load("open");
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->spec.tasks_size(), 2);
  EXPECT_TRUE(domain::find_subagent(stored->run, "later"));
  EXPECT_TRUE(stored->run.open());
}

TEST_F(OpenLog, OneThatIsEmptyIsNoNewOne) {
  make_log(2);
  fs::resize_file(file(), 0);
  fs::remove(file().string() + "-wal");
  expect_all_runs(*open_log(file(), runs()).database, 2);
}

TEST_F(OpenLog, WhereTheCheckFindsNothingTheMarkCounts) {
  make_log(2);
  store::mark_damaged(file());
  expect_all_runs(*open_log(file(), runs()).database, 2);
  EXPECT_THAT(set_aside(), SizeIs(1));
  EXPECT_FALSE(store::is_marked_damaged(file()));
}

TEST_F(OpenLog, ThePersonIsToldByTheNextDaemonToo) {
  make_log(1);
  store::mark_damaged(file());
  const auto first = open_log(file(), runs()).notices;
  EXPECT_THAT(first, SizeIs(1));
  EXPECT_EQ(open_log(file(), runs()).notices, first);
}

TEST_F(OpenLog, CutOffWhileItWasRebuiltItBeginsAnewAndLosesNothing) {
  make_log(3);
  store::mark_damaged(file());
  std::ofstream(file().string() + ".rebuilt") << "half of it";
  expect_all_runs(*open_log(file(), runs()).database, 3);
}

TEST_F(OpenLog, CutOffWhileTheTwoWereExchangedItGoesOn) {
  make_log(3);
  // The damaged one has gone, all but its log; the new one is complete.
  fs::copy_file(file(), file().string() + ".rebuilt");
  fs::rename(file(), folder_ / "elsewhere.db");
  std::ofstream(file().string() + "-wal") << "of the damaged one";
  expect_all_runs(*open_log(file(), runs()).database, 3);
  ASSERT_THAT(set_aside(), SizeIs(1));
  EXPECT_EQ(test::read_file(set_aside()[0] / "fanout.db-wal"), "of the damaged one");
}

TEST_F(OpenLog, ANewerOneIsRefusedAndStays) {
  make_log(1);
  store::open_database(file().string()).exec("PRAGMA user_version = 99");
  EXPECT_THROW(open_log(file(), runs()), Error);
  EXPECT_THAT(set_aside(), IsEmpty());
  EXPECT_TRUE(fs::exists(file()));
}

TEST_F(OpenLog, WithoutOneANewOneIsMade) {
  const auto opened = open_log(file(), runs());
  EXPECT_THAT(opened.database->ids("", 9), IsEmpty());
  EXPECT_THAT(opened.notices, IsEmpty());
}

}  // namespace
}  // namespace fanout::rebuild
