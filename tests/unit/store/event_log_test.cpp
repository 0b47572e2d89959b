#include "server/store/event_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "common/error.hpp"
#include "server/domain/run/fold.hpp"
#include "server/store/damaged.hpp"
#include "server/store/sqlite.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/git_sandbox.hpp"

namespace fanout::store {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using async::awaitable;
using async::TaskGroup;
using fanout::internal::v1::RunSpec;
using test::run_coroutine;

class EventLogTest : public testing::Test {
 protected:
  fs::path file() const { return directory_ / "fanout.db"; }

  test::TempDir directory_;
};

RunSpec spec(const std::string& id) {
  RunSpec spec;
  spec.set_run_id(id);
  spec.set_request_id("request of " + id);
  return spec;
}

v1::Event started(const std::string& id) {
  v1::Event event;
  auto& run = *event.mutable_run_started()->mutable_run();
  run.set_id(id);
  for (const char* task : {"a", "b"}) {
    auto& agent = *run.add_subagents();
    agent.set_task_id(task);
    agent.set_attempt(1);
    agent.set_phase(v1::PHASE_PENDING);
  }
  return event;
}

v1::Event phase(const std::string& run, const std::string& task, v1::Phase from, v1::Phase to) {
  v1::Event event;
  event.set_run_id(run);
  event.set_task_id(task);
  event.set_phase(to);
  event.mutable_phase_changed()->set_from(from);
  event.mutable_phase_changed()->set_to(to);
  return event;
}

v1::Event note(const std::string& run, const std::string& text) {
  v1::Event event;
  event.set_run_id(run);
  event.set_task_id("a");
  event.mutable_notice()->set_text(text);
  return event;
}

v1::Event ended(const std::string& run, v1::RunState state) {
  v1::Event event;
  event.set_run_id(run);
  event.mutable_run_ended()->set_state(state);
  return event;
}

awaitable<void> append_notes(EventLog& log, std::string run, std::string who, int count) {
  for (int i = 0; i < count; ++i) co_await log.append(note(run, who + std::to_string(i)));
}

/// Follows a run to its end, as a client does.
awaitable<void> follow(EventLog& log, std::string run, std::uint64_t cursor, std::vector<v1::Event>& seen) {
  for (;;) {
    auto events = co_await log.read(run, cursor);
    if (events.empty()) {
      const auto* open = log.open(run);
      if (!open || open->state() != v1::RUN_STATE_RUNNING) co_return;
      co_await log.wait_for_more(run, cursor);
      continue;
    }
    cursor = events.back().sequence();
    for (auto& event : events) seen.push_back(std::move(event));
  }
}

awaitable<void> with_log(asio::io_context& io, fs::path file, std::function<awaitable<void>(EventLog&)> body) {
  EventLog log(io.get_executor(), std::make_unique<Database>(file));
  TaskGroup writer(io.get_executor());
  writer.spawn(log.run());
  std::exception_ptr error;
  try {
    co_await body(log);
  } catch (...) {
    error = std::current_exception();
  }
  log.close();
  co_await writer.join();
  if (error) std::rethrow_exception(error);
}

awaitable<void> many_writers_and_readers(EventLog& log, asio::io_context& io) {
  co_await log.create_run(spec("r"), started("r"));
  std::vector<v1::Event> early, late;
  TaskGroup writers(io.get_executor()), readers(io.get_executor());
  readers.spawn(follow(log, "r", 0, early));
  for (int w = 0; w < 8; ++w) writers.spawn(append_notes(log, "r", std::string(1, static_cast<char>('A' + w)), 400));
  readers.spawn(follow(log, "r", 1, late));
  co_await writers.join();
  co_await log.append(ended("r", v1::RUN_STATE_COMPLETED));
  co_await readers.join();
  EXPECT_EQ(early.size(), 8u * 400u + 2u);
  EXPECT_EQ(late.size(), early.size() - 1);
  for (std::size_t i = 0; i < early.size(); ++i) EXPECT_EQ(early[i].sequence(), i + 1);
  for (std::size_t i = 0; i < late.size(); ++i) EXPECT_EQ(late[i].sequence(), i + 2);
}

TEST_F(EventLogTest, ReadersSeeEveryEventOnceInOrderWhenManyWriteAtOnce) {
  run_coroutine([&](auto& io) {
    return with_log(io, file(), [&io](EventLog& log) { return many_writers_and_readers(log, io); });
  });
}

awaitable<void> complete_one_of_two(EventLog& log) {
  co_await log.create_run(spec("first"), started("first"));
  co_await log.append(phase("first", "a", v1::PHASE_PENDING, v1::PHASE_SETTING_UP));
  co_await log.append(phase("first", "a", v1::PHASE_SETTING_UP, v1::PHASE_FAILED));
  co_await log.append(phase("first", "b", v1::PHASE_PENDING, v1::PHASE_BLOCKED));
  co_await log.append(ended("first", v1::RUN_STATE_FAILED));
  co_await log.create_run(spec("second"), started("second"));
  co_await log.append(phase("second", "a", v1::PHASE_PENDING, v1::PHASE_SETTING_UP));
}

awaitable<void> find_them_again(EventLog& log) {
  const auto first = co_await log.query([](Database& db) { return db.load("first"); });
  const auto second = co_await log.query([](Database& db) { return db.load("second"); });
  EXPECT_EQ(first->run.state(), v1::RUN_STATE_FAILED);
  EXPECT_EQ(first->run.last_sequence(), 5u);
  EXPECT_EQ(second->run.state(), v1::RUN_STATE_RUNNING);
  EXPECT_EQ(second->run.subagents(0).phase(), v1::PHASE_SETTING_UP);
  EXPECT_THAT(co_await log.query([](Database& db) { return db.unended(); }), testing::ElementsAre("second"));
  EXPECT_THAT(co_await log.query([](Database& db) { return db.ids("", 9); }),
              testing::ElementsAre("second", "first"));
  EXPECT_EQ(co_await log.query([](Database& db) { return db.run_of_request("request of first"); }), "first");
  // Numbers go on where they were.
  log.open_run(second->run);
  co_await log.append(note("second", "again"));
  EXPECT_EQ((co_await log.read("second", 2)).front().sequence(), 3u);
}

TEST_F(EventLogTest, WhatWasRecordedIsThereAfterARestart) {
  run_coroutine([&](auto& io) { return with_log(io, file(), complete_one_of_two); });
  run_coroutine([&](auto& io) { return with_log(io, file(), find_them_again); });
}

TEST_F(EventLogTest, TheLiveStateEqualsTheFoldOfTheStoredEvents) {
  run_coroutine([&](auto& io) {
    return with_log(io, file(), [](EventLog& log) -> awaitable<void> {
      return [](EventLog& events) -> awaitable<void> {
        co_await complete_one_of_two(events);
        v1::Run folded;
        for (const auto& event : co_await events.query([](Database& db) { return db.events("second", 0, 99); })) {
          domain::apply(folded, event);
        }
        EXPECT_EQ(folded.SerializeAsString(), events.open("second")->SerializeAsString());
      }(log);
    });
  });
}

TEST_F(EventLogTest, TheFileIsForItsOwnerAlone) {
  Database database(file());
  struct stat status {};
  ASSERT_EQ(stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(EventLogTest, AnOlderFileIsCopiedForItsOwnerAloneBeforeItIsChanged) {
  {
    Database database(file());
    auto first = started("r");
    first.set_run_id("r");
    first.set_sequence(1);
    database.create_run(spec("r"), first);
  }
  {
    auto db = open_database(file().string());
    db.exec("DROP TABLE note; PRAGMA user_version = 1");
  }
  Database database(file());
  EXPECT_TRUE(database.load("r"));
  const auto copy = file().string() + ".schema-1";
  struct stat status {};
  ASSERT_EQ(stat(copy.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  auto older = open_database(copy);
  EXPECT_EQ(older.execAndGet("PRAGMA user_version").getInt(), 1);
  EXPECT_EQ(older.execAndGet("SELECT count(*) FROM run").getInt(), 1);
}

TEST_F(EventLogTest, AFileThatIsNoDatabaseIsRefusedAndLeftAsItIs) {
  std::ofstream(file()) << std::string(8192, 'x');
  try {
    Database database(file());
    FAIL() << "opened";
  } catch (const Damaged& error) {
    EXPECT_THAT(std::string(error.what()), testing::HasSubstr("is damaged"));
  }
  EXPECT_EQ(fs::file_size(file()), 8192u);
}

TEST_F(EventLogTest, AFileOfANewerFanoutIsRefusedInWordsAndLeftAsItIs) {
  { Database database(file()); }
  open_database(file().string()).exec("PRAGMA user_version = 99");
  try {
    Database database(file());
    FAIL() << "opened";
  } catch (const Error& error) {
    EXPECT_THAT(std::string(error.what()), testing::AllOf(testing::HasSubstr("newer fanoutd"), testing::HasSubstr("schema 99")));
  }
  EXPECT_EQ(open_database(file().string()).execAndGet("PRAGMA user_version").getInt(), 99);
}

TEST_F(EventLogTest, ADamagedPageIsFoundWhenTheFileIsOpened) {
  {
    Database database(file());
    for (int i = 0; i < 50; ++i) {
      const auto id = "r" + std::to_string(i);
      auto first = started(id);
      first.set_run_id(id);
      first.set_sequence(1);
      first.mutable_run_started()->mutable_run()->set_name(std::string(3000, 'n'));
      database.create_run(spec(id), first);
    }
  }
  std::fstream bytes(file(), std::ios::binary | std::ios::in | std::ios::out);
  bytes.seekp(static_cast<std::streamoff>(fs::file_size(file()) / 2 / 4096 * 4096));
  bytes << std::string(8192, '\xa5');
  bytes.close();
  EXPECT_THROW(Database database(file()), Damaged);
}

/// Transactions in a write-ahead log: frames that end one say how large the database is after it.
std::size_t count_commits(const fs::path& wal) {
  const auto bytes = test::read_file(wal);
  const auto number_at = [&](std::size_t at) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<unsigned char>(bytes[at + i]);
    return number;
  };
  constexpr std::size_t kHeader = 32, kFrameHeader = 24;
  std::size_t commits = 0;
  if (bytes.size() < kHeader) return commits;
  const std::size_t page = number_at(8);
  for (std::size_t at = kHeader; at + kFrameHeader + page <= bytes.size(); at += kFrameHeader + page) {
    commits += number_at(at + 4) > 0 ? 1 : 0;
  }
  return commits;
}

awaitable<void> append_all_at_once(EventLog& log, asio::io_context& io, int writers, int each) {
  TaskGroup group(io.get_executor());
  for (int i = 0; i < writers; ++i) group.spawn(append_notes(log, "r", std::to_string(i), each));
  co_await group.join();
}

awaitable<void> count_commits_of_many(EventLog& log, asio::io_context& io, fs::path wal) {
  co_await log.create_run(spec("r"), started("r"));
  const auto before = count_commits(wal);
  co_await append_all_at_once(log, io, 300, 1);
  const auto commits = count_commits(wal) - before;
  EXPECT_GE(commits, 1u);
  EXPECT_LT(commits, 30u) << "for 300 events";
}

awaitable<void> append_if_not_cancelled(EventLog& log, v1::Event event, bool& cancelled) {
  try {
    co_await log.append(std::move(event));
  } catch (const boost::system::system_error& error) {
    cancelled = error.code() == asio::error::operation_aborted;
  }
}

/// The last word of who is cancelled is on its way while its run is let go of, and taken up again.
awaitable<void> release_with_an_event_on_its_way(EventLog& log, asio::io_context& io) {
  co_await log.create_run(spec("r"), started("r"));
  co_await log.create_run(spec("other"), started("other"));
  TaskGroup writers(io.get_executor());
  bool cancelled = false;
  writers.spawn(append_if_not_cancelled(log, note("r", "first"), cancelled));
  co_await asio::post(io, asio::use_awaitable);
  writers.cancel();
  log.release_run("r");
  log.open_run(*log.open("r"));
  co_await writers.join();
  EXPECT_TRUE(cancelled);
  co_await log.append(note("r", "second"));
  EXPECT_EQ(log.open("r")->last_sequence(), 3u);
  log.release_run("r");
  EXPECT_EQ(log.open("r"), nullptr);
  EXPECT_THROW(co_await log.append(note("r", "third")), Error);
  co_await log.append(note("other", "goes on"));
  EXPECT_EQ((co_await log.read("r", 0)).size(), 3u);
}

TEST_F(EventLogTest, AnEventOnItsWayIsRecordedThoughItsRunIsLetGoOf) {
  run_coroutine([&](auto& io) {
    return with_log(io, file(), [&](EventLog& log) { return release_with_an_event_on_its_way(log, io); });
  });
}

TEST_F(EventLogTest, EventsThatComeAtOnceShareACommit) {
  run_coroutine([&](auto& io) {
    return with_log(io, file(), [&](EventLog& log) { return count_commits_of_many(log, io, file().string() + "-wal"); });
  });
}

awaitable<void> measure(EventLog& log, asio::io_context& io) {
  constexpr int kWriters = 20, kEach = 250;
  co_await log.create_run(spec("r"), started("r"));
  const auto began = std::chrono::steady_clock::now();
  co_await append_all_at_once(log, io, kWriters, kEach);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::cout << "event log: " << kWriters * kEach << " events of " << kWriters << " writers in " << took.count() << " s, "
            << static_cast<long>(kWriters * kEach / took.count()) << " events/s, each synced before its writer goes on" << std::endl;
  EXPECT_EQ(log.open("r")->last_sequence(), 1u + kWriters * kEach);
}

/// How fast is printed; the issue wants 1,000 a second to be no strain.
TEST_F(EventLogTest, TwentyWritersAreMeasured) {
  run_coroutine([&](auto& io) { return with_log(io, file(), [&](EventLog& log) { return measure(log, io); }); });
}

TEST_F(EventLogTest, OfACompactedRunTheStateStaysAndOneEventStandsForAll) {
  run_coroutine([&](auto& io) { return with_log(io, file(), complete_one_of_two); });
  Database database(file());
  database.compact("second");
  EXPECT_EQ(database.events("second", 0, 99).size(), 2u) << "it is under way";
  ASSERT_EQ(database.ended().size(), 1u);
  EXPECT_FALSE(database.ended()[0].compacted);
  const auto before = database.load("first")->run;
  database.compact("first");
  const auto events = database.events("first", 0, 99);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].sequence(), 5u);
  EXPECT_EQ(events[0].run_compacted().events(), 5u);
  v1::Run folded;
  domain::apply(folded, events[0]);
  auto after = database.load("first")->run;
  EXPECT_EQ(folded.SerializeAsString(), after.SerializeAsString());
  EXPECT_EQ(after.compacted_until(), 5u);
  after.clear_compacted_until();
  EXPECT_EQ(after.SerializeAsString(), before.SerializeAsString()) << "but for that it is as it was";
  EXPECT_TRUE(database.ended()[0].compacted);
  database.compact("first");
  EXPECT_EQ(database.events("first", 0, 99).size(), 1u);
}

TEST_F(EventLogTest, WhatACompactionFreesIsUsedAgainOrGivenBack) {
  Database database(file());
  for (const char* id : {"a", "b"}) {
    auto first = started(id);
    first.set_run_id(id);
    first.set_sequence(1);
    database.create_run(spec(id), first);
  }
  auto run = database.load("a")->run;
  for (std::uint64_t i = 2; i < 12; ++i) {
    auto large = note("a", std::string(8 << 20, 'x'));
    large.set_sequence(i);
    database.append({&large}, {});
  }
  auto end = ended("a", v1::RUN_STATE_COMPLETED);
  end.set_sequence(12);
  domain::apply(run, end);
  database.append({&end}, {&run});
  EXPECT_GT(database.size(), 80u << 20);
  database.compact("a");
  EXPECT_LT(database.size(), 1u << 20);
  EXPECT_GT(fs::file_size(file()), 80u << 20);
  database.give_back_space();
  EXPECT_LT(fs::file_size(file()), 1u << 20);
  EXPECT_EQ(database.load("a")->run.state(), v1::RUN_STATE_COMPLETED);
}

TEST_F(EventLogTest, PrefixesAreTakenToTheLetter) {
  Database database(file());
  for (const char* id : {"demo-1", "demo-2", "d%-3"}) {
    auto first = started(id);
    first.set_run_id(id);
    first.set_sequence(1);
    database.create_run(spec(id), first);
  }
  EXPECT_THAT(database.ids("d%", 9), testing::ElementsAre("d%-3"));
  EXPECT_THAT(database.ids("demo", 9), testing::ElementsAre("demo-2", "demo-1"));
}

/// A small file system of its own; skips the test where we may not make one.
class FullDiskTest : public EventLogTest {
 protected:
  void SetUp() override {
    if (mount("fanout-test", directory_.path().c_str(), "tmpfs", 0, "size=400k") != 0) {
      GTEST_SKIP() << "a small disk cannot be made here: " << errno_text(errno);
    }
    mounted_ = true;
  }
  void TearDown() override {
    if (mounted_) umount2(directory_.path().c_str(), MNT_DETACH);
  }
  bool mounted_ = false;
};

awaitable<void> fill_and_free(asio::io_context& io, fs::path file, std::string& trouble, std::vector<v1::Event>& events) {
  EventLog log(io.get_executor(), std::make_unique<Database>(file));
  TaskGroup writer(io.get_executor()), appender(io.get_executor());
  writer.spawn(log.run());
  co_await log.create_run(spec("r"), started("r"));
  const auto ballast = file.parent_path() / "ballast";
  {
    std::ofstream out(ballast, std::ios::binary);
    const std::string piece(4096, 'x');
    while (out.write(piece.data(), static_cast<std::streamsize>(piece.size())).flush()) {
    }
  }
  appender.spawn([](EventLog& to) -> awaitable<void> {
    for (int i = 0; i < 20; ++i) {
      auto event = phase("r", "a", v1::PHASE_PENDING, v1::PHASE_SETTING_UP);
      event.mutable_phase_changed()->set_reason(std::string(3000, 'r'));
      co_await to.append(std::move(event));
    }
  }(log));
  asio::steady_timer moment(io);
  while (log.trouble().empty()) {
    moment.expires_after(std::chrono::milliseconds(5));
    co_await moment.async_wait(asio::use_awaitable);
  }
  trouble = log.trouble();
  fs::remove(ballast);
  co_await appender.join();
  EXPECT_EQ(log.trouble(), "");
  events = co_await log.query([](Database& database) { return database.events("r", 0, 1000); });
  log.close();
  co_await writer.join();
}

TEST_F(FullDiskTest, AFullDiskIsWaitedForAndNothingIsLostOrDoubled) {
  std::string trouble;
  std::vector<v1::Event> events;
  run_coroutine([&](asio::io_context& io) { return fill_and_free(io, file(), trouble, events); });
  EXPECT_THAT(trouble, testing::HasSubstr("is full"));
  ASSERT_EQ(events.size(), 21u);
  for (std::size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].sequence(), i + 1);
}

}  // namespace
}  // namespace fanout::store
