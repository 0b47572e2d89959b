// What the next daemon finds: a program that runs, has ended, or whose supervisor was killed.
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <fstream>
#include <thread>

#include "common/error.hpp"
#include "server/process/channel.hpp"
#include "server/process/dialogue.hpp"
#include "server/process/launch.hpp"
#include "server/shim/folder.hpp"
#include "tests/unit/process/process_fixture.hpp"

namespace fanout::process {
namespace {

using test::read_file;
using testing::ElementsAre;

class Resume : public ProcessTest {
 protected:
  /// Supervisors that nobody has collected from do not stay for that.
  ~Resume() override {
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path(), gone)) tell_collected(entry.path());
  }

  async::WorkerPool pool_{1};

  /// Starts a program as a daemon does that dies at once: its supervisor is all there is of it.
  Launched abandon(const Command& command) {
    auto launched = launch(runner(pool_), command);
    char word[64];
    EXPECT_GT(read(launched.ready.get(), word, sizeof word), 0);
    return launched;
  }

  /// Whether the supervisor ends within half a minute.
  bool wait_for_end(const Launched& launched) {
    pollfd watched{launched.pidfd.get(), POLLIN, 0};
    return poll(&watched, 1, 30'000) == 1;
  }

  /// Starts a program, and waits until its end is on record.
  Launched abandon_until_it_has_ended(const Command& command) {
    auto launched = abandon(command);
    for (int i = 0; i < 3000 && !shim::inspect(command.folder).end; ++i) usleep(10'000);
    return launched;
  }

  Seen resume(const Command& command, Told told = {}) {
    Seen seen;
    run_coroutine([&](asio::io_context&) { return go_on(command, told, seen); });
    return seen;
  }

  static awaitable<void> send_some(asio::io_context& io, std::filesystem::path folder, std::string bytes) {
    Dialogue dialogue(io.get_executor());
    const bool talking = co_await dialogue.connect(std::move(folder));
    EXPECT_TRUE(talking);
    dialogue.give_input(0, bytes);
    const auto news = co_await dialogue.news();
    EXPECT_EQ(news.input, bytes.size());
  }

  static awaitable<void> go_on(Command command, Told told, Seen& seen) {
    async::WorkerPool pool(2);
    Listener listener;
    listener.started = [&](int pid) -> awaitable<void> {
      seen.pid = pid;
      return async::checkpoint();
    };
    listener.output = [&](Stream stream, std::vector<Line> lines) -> awaitable<bool> {
      for (auto& line : lines) (stream == Stream::out ? seen.out : seen.err).push_back(line.text);
      return yes();
    };
    seen.exit = co_await run(runner(pool), std::move(command), listener, told);
  }
};

TEST_F(Resume, AProgramThatRunsIsFollowedAndNotStartedAgain) {
  const auto command = shell("echo begun >> begun; echo one; until [ -e go ]; do sleep 0.05; done; echo two; exit 4");
  const auto supervisor = abandon(command);
  test::write_file(folder_ / "go", "");
  const auto seen = resume(command);
  EXPECT_THAT(seen.out, ElementsAre("one", "two"));
  EXPECT_EQ(seen.exit.code, 4);
  EXPECT_EQ(read_file(folder_ / "begun"), "begun\n");
}

TEST_F(Resume, WhatIsWrittenArrivesOnceThoughEachDaemonWritesAllOfIt) {
  auto command = shell("cat > got");
  command.talks = true;
  command.stdin_file.clear();
  const auto supervisor = abandon(command);
  const std::string text(100'000, 'x');
  // A daemon that dies when it has sent a part of it.
  run_coroutine([&](asio::io_context& io) { return send_some(io, command.folder, text.substr(0, 9'000)); });
  Channel channel;
  command.channel = &channel;
  channel.write(text.substr(0, 5'000));
  channel.write(text.substr(5'000));
  channel.write("end");
  channel.close_input();
  const auto seen = resume(command);
  EXPECT_EQ(seen.exit.code, 0);
  EXPECT_EQ(read_file(folder_ / "got"), text + "end");
}

TEST_F(Resume, LinesThatWereToldAreNotToldAgain) {
  const auto command = shell("echo one; echo two; echo three; printf four");
  const auto supervisor = abandon_until_it_has_ended(command);
  Told told;
  told.started = true;
  told.out_line = 4;  // "two"
  const auto seen = resume(command, told);
  EXPECT_EQ(seen.pid, 0) << "its start was told";
  EXPECT_THAT(seen.out, ElementsAre("three", "four"));
}

TEST_F(Resume, ATruncatedLineThatWasToldIsPassedOverToItsEnd) {
  const auto command = shell("head -c 20000 /dev/zero | tr '\\0' x; echo; echo after");
  const auto supervisor = abandon_until_it_has_ended(command);
  Told told;
  told.out_line = 0;
  EXPECT_THAT(resume(command, told).out, ElementsAre("after"));
}

TEST_F(Resume, WhatEndedMeanwhileIsCollectedAsOftenAsOneAsks) {
  const auto command = shell("echo done; exit 3");
  const auto supervisor = abandon_until_it_has_ended(command);
  EXPECT_EQ(resume(command).exit.code, 3);
  const auto again = resume(command);
  EXPECT_EQ(again.exit.code, 3);
  EXPECT_THAT(again.out, ElementsAre("done"));
}

/// What a supervisor says to somebody who comes when all is over.
awaitable<void> ask_for_status(asio::io_context& io, std::filesystem::path folder, int& program, News& news) {
  Dialogue dialogue(io.get_executor());
  const bool talking = co_await dialogue.connect(std::move(folder));
  EXPECT_TRUE(talking);
  program = co_await dialogue.program();
  dialogue.follow(0, 0, 0);
  news = co_await dialogue.news();
  if (!news.ended) news = co_await dialogue.news();
}

TEST_F(Resume, ItsSupervisorStaysUntilTheResultIsCollected) {
  const auto command = shell("echo done; exit 3");
  const auto supervisor = abandon_until_it_has_ended(command);
  for (int i = 0; i < 2; ++i) {  // whoever asks is answered
    int program = -1;
    News news;
    run_coroutine([&](asio::io_context& io) { return ask_for_status(io, command.folder, program, news); });
    EXPECT_EQ(program, 0) << "it has ended";
    EXPECT_TRUE(news.ended);
  }
#if !defined(__SANITIZE_ADDRESS__) && !defined(FANOUT_THREAD_SANITIZER)  // a sanitizer needs more than that for itself
  std::ifstream statm("/proc/" + std::to_string(supervisor.pid) + "/statm");
  std::size_t size = 0, resident = 0;
  statm >> size >> resident;
  EXPECT_LT(resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)), 3u << 20);
#endif
  EXPECT_EQ(resume(command).exit.code, 3);
  EXPECT_TRUE(wait_for_end(supervisor));
}

TEST_F(Resume, WhereNobodyCollectsItTheSupervisorEndsByItself) {
  const auto folder = folder_ / "run";
  std::filesystem::create_directory(folder);
  const auto line = std::string(FANOUT_SHIM) + " --folder " + folder.string() +
                    " --program /bin/true --stdout out --stderr err --linger-ms 100 -- true";
  EXPECT_EQ(std::system(line.c_str()), 0);
  EXPECT_EQ(shim::inspect(folder).kind, shim::Standing::ended);
}

awaitable<void> end_programs(std::filesystem::path parent) {
  async::WorkerPool pool(1);
  co_await end_all(runner(pool), std::move(parent));
}

TEST_F(Resume, WhatNobodyWantsAnyMoreIsEndedAndItsSupervisorsGo) {
  const auto ended = abandon_until_it_has_ended(shell("true"));
  const auto running = abandon(shell("sleep 1000"));
  run_coroutine([&](asio::io_context&) { return end_programs(folder_.path()); });
  EXPECT_TRUE(wait_for_end(ended));
  EXPECT_TRUE(wait_for_end(running));
}

TEST_F(Resume, ASecondSupervisorForTheSameFolderStartsNothing) {
  const auto command = shell("echo begun >> begun; until [ -e go ]; do sleep 0.05; done");
  const auto first = abandon(command);
  const auto second = launch(runner(pool_), command);
  char word[64];
  EXPECT_EQ(read(second.ready.get(), word, sizeof word), 0) << "it ends without a word";
  test::write_file(folder_ / "go", "");
  EXPECT_EQ(resume(command).exit.code, 0);
  EXPECT_EQ(read_file(folder_ / "begun"), "begun\n");
}

TEST_F(Resume, AKilledSupervisorIsLostNeverSuccessAndLeavesNobody) {
  auto command = shell("setsid sh -c 'echo $$ > pid; exec sleep 1000' & until [ -s pid ]; do sleep 0.05; done; echo up; wait");
  command.environment.push_back("FANOUT_PROGRAM=" + (folder_ / "x").string());
  command.mark = command.environment.back();
  const auto supervisor = abandon(command);
  const auto out = folder_ / "out";
  while (read_file(out) != "up\n") usleep(10'000);
  kill(supervisor.pid, SIGKILL);
  wait_for_end(supervisor);
  try {
    resume(command);
    FAIL();
  } catch (const Lost& lost) {
    EXPECT_THAT(lost.what(), testing::HasSubstr("supervisor was killed"));
  }
  EXPECT_TRUE(ends_within(std::stoi(read_file(folder_ / "pid")), 5s));
  EXPECT_THROW(resume(command), Lost) << "and it is never run again";
}

TEST_F(Resume, ASupervisorOfAnEarlierBootIsNotMistakenForOneOfThisBoot) {
  const auto command = shell("true");
  std::filesystem::create_directory(command.folder);
  shim::Birth birth;
  birth.supervisor = {getpid(), 1, "another-boot"};
  test::write_file(command.folder / shim::kBirthFile, to_text(birth));
  try {
    resume(command);
    FAIL();
  } catch (const Lost& lost) {
    EXPECT_THAT(lost.what(), testing::HasSubstr("restarted"));
  }
}

TEST_F(Resume, AHalfWrittenRecordIsNoSuccess) {
  const auto command = shell("true");
  std::filesystem::create_directory(command.folder);
  test::write_file(command.folder / shim::kEndFile, "fanout-shim 1\ncode 0\n");
  EXPECT_THROW(resume(command), Lost);
}

TEST_F(Resume, ARecordOfANewerVersionIsNotGuessedAt) {
  EXPECT_FALSE(shim::parse_end("fanout-shim 99\ncode 0\nduration-ms 1\nend 1\n"));
  EXPECT_FALSE(shim::parse_birth("fanout-shim 99\npid 1\nstart 1\nboot x\n"));
}

/// Plays a supervisor of the first version of the protocol, word for word: what is newer it does not understand.
class OldSupervisor {
 public:
  explicit OldSupervisor(const std::filesystem::path& path)
      : folder_((std::filesystem::create_directories(path), path.string())) {
    EXPECT_TRUE(folder_.lock());
    // Of no process that there is: it is gone when it has said its last word.
    folder_.write(shim::kBirthFile, "fanout-shim 1\npid 1\nstart 1\nboot " + shim::boot_id() +
                                        "\nstdout-from 0\nstderr-from 0\n");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (path / shim::kSocketFile).c_str(), sizeof address.sun_path - 1);
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 4), 0);
    thread_ = std::jthread([this] { serve(); });
  }
  ~OldSupervisor() {
    thread_.join();
    ::close(listener_);
  }
  const std::vector<std::string>& asked() const { return asked_; }

 private:
  void say(int client, const std::string& line) { EXPECT_GT(::send(client, line.data(), line.size(), MSG_NOSIGNAL), 0); }

  void serve() {
    const int client = ::accept(listener_, nullptr, nullptr);
    say(client, "fanout-shim 1 " + std::to_string(::getpid()) + "\n");
    std::string in;
    for (bool followed = false; !followed;) {
      char piece[256];
      const auto size = ::recv(client, piece, sizeof piece, 0);
      if (size <= 0) break;
      in.append(piece, static_cast<std::size_t>(size));
      for (auto end = in.find('\n'); end != in.npos; end = in.find('\n')) {
        const auto line = in.substr(0, end);
        in.erase(0, end + 1);
        asked_.push_back(line);
        if (line == "status") say(client, "status 4242 running\n");
        else if (line.starts_with("follow ")) followed = true;
        else say(client, "unknown\n");
      }
    }
    say(client, "output 6 0\n");
    folder_.write(shim::kEndFile, "fanout-shim 1\ncode 3\nduration-ms 5\nstdout-end 6\nstderr-end 0\ndropped-bytes 0\nend 1\n");
    say(client, "ended\n");
    ::close(client);
  }

  shim::Folder folder_;
  int listener_ = -1;
  std::vector<std::string> asked_;
  std::jthread thread_;
};

TEST_F(Resume, ASupervisorOfAnOlderProtocolIsUnderstood) {
  const auto command = shell("never started: its folder is somebody's");
  test::write_file(command.stdout_log, "hello\n");
  test::write_file(command.stderr_log, "");
  Seen seen;
  {
    OldSupervisor old(command.folder);
    seen = resume(command);
  }
  EXPECT_EQ(seen.pid, 4242);
  EXPECT_THAT(seen.out, ElementsAre("hello"));
  EXPECT_EQ(seen.exit.code, 3);
}

TEST_F(Resume, RecordsComeBackAsTheyWereWritten) {
  shim::End end;
  end.signal = 9;
  end.timed_out = true;
  end.duration = 1234ms;
  end.stdout_end = 5'000'000'000;
  const auto read = shim::parse_end(to_text(end));
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->code);
  EXPECT_EQ(read->signal, 9);
  EXPECT_TRUE(read->timed_out);
  EXPECT_EQ(read->duration, 1234ms);
  EXPECT_EQ(read->stdout_end, 5'000'000'000u);
}

/// Files that the next program's supervisor writes may not be longer: to it that is a disk without room.
struct FullDisk {
  rlimit before{};
  explicit FullDisk(rlim_t room) {
    getrlimit(RLIMIT_FSIZE, &before);
    const rlimit limit{room, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before); }
};

TEST_F(Resume, WithoutRoomOnTheDiskTheProgramWaitsAndNothingIsLost) {
  const auto command = shell("seq 1 20000");
  std::optional<Launched> supervisor;
  rlimit unlimited{};
  {
    const FullDisk disk(5000);
    unlimited = disk.before;
    supervisor = abandon(command);
  }
  while (std::filesystem::file_size(folder_ / "out") < 5000) usleep(10'000);
  ASSERT_EQ(prlimit(supervisor->pid, RLIMIT_FSIZE, &unlimited, nullptr), 0);
  const auto seen = resume(command);
  EXPECT_EQ(seen.exit.code, 0);
  ASSERT_EQ(seen.out.size(), 20'000u);
  EXPECT_EQ(seen.out.back(), "20000");
}

TEST_F(Resume, WithoutRoomOnTheDiskItCanStillBeEnded) {
  const auto command = shell("seq 1 20000; echo rest");
  std::optional<Launched> supervisor;
  {
    const FullDisk disk(5000);
    supervisor = abandon(command);
  }
  EXPECT_THROW(run_it(command, [](const std::string&, async::TaskGroup& group) { group.cancel(); }),
               boost::system::system_error);
  const auto record = shim::inspect(command.folder);
  ASSERT_TRUE(record.end);
  EXPECT_EQ(record.end->stdout_end, 5000u);
  EXPECT_GT(record.end->dropped_bytes, 0u) << "what did not fit is counted";
}

TEST_F(Resume, CancellingAnAdoptedProgramEndsIt) {
  const auto command = shell("trap 'echo tidy; exit 0' TERM; echo $$; while :; do sleep 0.05; done");
  const auto supervisor = abandon(command);
  EXPECT_THROW(run_it(command, [](const std::string&, async::TaskGroup& group) { group.cancel(); }),
               boost::system::system_error);
  EXPECT_THAT(read_file(folder_ / "out"), testing::EndsWith("tidy\n"));
}

}  // namespace
}  // namespace fanout::process
