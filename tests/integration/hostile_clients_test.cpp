// What a broken or hostile client of this user does costs its own connection: others are answered all the while.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
using testing::HasSubstr;

/// A connection that speaks in bytes.
class Raw {
 public:
  explicit Raw(const std::filesystem::path& socket) : descriptor_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket.native().copy(address.sun_path, sizeof address.sun_path - 1);
    open_ = ::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  explicit Raw(int port) : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    open_ = ::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  Raw(Raw&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), open_(other.open_) {}
  ~Raw() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  bool open() const { return open_; }
  void say(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// Without ever waiting for a reader: as much as there is room for.
  void pour(std::string_view bytes) const {
    pollfd ready{descriptor_, POLLOUT, 0};
    while (!bytes.empty() && ::poll(&ready, 1, 2000) > 0) {
      const auto sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// All that comes until the other side has ended it; fails a test that waits for a minute.
  std::string hear_out() const {
    std::string heard;
    char bytes[4096];
    pollfd ready{descriptor_, POLLIN, 0};
    while (::poll(&ready, 1, 60'000) > 0) {
      const auto got = ::recv(descriptor_, bytes, sizeof bytes, 0);
      if (got <= 0) return heard;
      heard.append(bytes, static_cast<std::size_t>(got));
    }
    ADD_FAILURE() << "the connection stays open";
    return heard;
  }

 private:
  int descriptor_;
  bool open_ = false;
};

// Of HTTP/2 as much as a hostile client needs (RFC 9113).
const std::string kGreeting = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

std::string frame(char type, char flags, std::uint32_t stream, const std::string& payload) {
  std::string bytes;
  for (const int shift : {16, 8, 0}) bytes += static_cast<char>(payload.size() >> shift);
  bytes += type;
  bytes += flags;
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(stream >> shift);
  return bytes + payload;
}

std::string header(const std::string& name, const std::string& value) {
  return std::string(1, '\0') + static_cast<char>(name.size()) + name + static_cast<char>(value.size()) + value;
}

std::string call(std::uint32_t stream, const std::string& path) {
  const auto headers = header(":method", "POST") + header(":scheme", "http") + header(":path", path) +
                       header(":authority", "x") + header("content-type", "application/grpc") + header("te", "trailers");
  return frame(1, 4, stream, headers);
}

const std::string kSettings = frame(4, 0, 0, "");

class HostileClients : public testing::Test {
 protected:
  HostileClients() { repository_.commit_file("a.txt", "a\n"); }

  /// On a connection of its own, as a new client.
  void expect_that_others_are_answered() {
    grpc::ChannelArguments own;
    own.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto channel = grpc::CreateCustomChannel("unix:" + daemon_.socket().string(), grpc::InsecureChannelCredentials(), own);
    const auto stub = v1::RunService::NewStub(channel);
    v1::GetRunRequest request;
    request.set_run_id(run_);
    v1::GetRunResponse response;
    const auto context = patient();
    const auto status = stub->GetRun(context.get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }

  void run(const std::string& agent) {
    PlanBuilder plan(repository_);
    plan.task("t", agent);
    const auto done = run_to_end(daemon_, plan.write());
    run_ = done.id();
    ASSERT_EQ(task(done, "t").phase(), v1::PHASE_COMPLETED) << task(done, "t").reason();
  }

  GitSandbox repository_;
  Daemon daemon_;
  std::string run_;
};

TEST_F(HostileClients, GarbageEndsItsOwnConnection) {
  run("touch x");
  for (const std::string& garbage : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(100'000, '\xff'), std::string(24, '\0'),
                                     kGreeting + std::string(100'000, 'x'), kGreeting + kSettings + frame(1, 4, 1, "\xff\xff\xff")}) {
    const Raw raw(daemon_.socket());
    raw.pour(garbage);
    raw.hear_out();
    expect_that_others_are_answered();
  }
}

TEST_F(HostileClients, FiveHundredThatSayNothingKeepNobodyOut) {
  run("touch x");
  std::vector<Raw> silent;
  for (int i = 0; i < 500; ++i) {
    silent.emplace_back(daemon_.socket());
    ASSERT_TRUE(silent.back().open());
    if (i % 2 == 0) silent.back().say(kGreeting.substr(0, 10));
  }
  expect_that_others_are_answered();
  silent.front().hear_out();
  EXPECT_THAT(daemon_.log(), testing::Not(HasSubstr("cannot accept")));
}

TEST_F(HostileClients, ConnectionsThatHaveEndedCountNoMore) {
  run("touch x");
  for (int i = 0; i < 300; ++i) {
    const Raw raw(daemon_.socket());
    raw.say(kGreeting + kSettings);
  }
  for (int i = 0; i < 20; ++i) expect_that_others_are_answered();
  EXPECT_THAT(daemon_.log(), testing::Not(HasSubstr("refused a connection")));
}

TEST_F(HostileClients, TenThousandStreamsOnOneConnectionKeepNobodyOut) {
  run("touch x");
  const Raw raw(daemon_.socket());
  std::string all = kGreeting + kSettings;
  for (std::uint32_t i = 0; i < 10'000; ++i) all += call(2 * i + 1, "/fanout.v1.RunService/ListRuns");
  raw.pour(all);
  expect_that_others_are_answered();
}

TEST_F(HostileClients, AMessageThatIsTooLargeIsRefused) {
  run("touch x");
  v1::GetRunRequest request;
  request.set_run_id(std::string(5 << 20, 'x'));
  v1::GetRunResponse response;
  const auto context = patient();
  EXPECT_EQ(daemon_.runs().GetRun(context.get(), request, &response).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  // One that only says that it has a gigabyte.
  const Raw raw(daemon_.socket());
  raw.pour(kGreeting + kSettings + call(1, "/fanout.v1.RunService/GetRun") + frame(0, 0, 1, std::string("\0\x40\0\0\0", 5) + std::string(16'000, 'x')));
  expect_that_others_are_answered();
}

TEST_F(HostileClients, AWatcherThatNeverReadsHoldsNothingUp) {
  const auto log = "seq 1 150000; touch x";
  PlanBuilder plan(repository_);
  plan.task("t", log);
  run_ = execute(daemon_, plan.write());
  v1::WatchRunRequest request;
  request.set_run_id(run_);
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::WatchRunResponse>>> silent;
  for (int i = 0; i < 20; ++i) {
    contexts.push_back(patient());
    silent.push_back(daemon_.runs().WatchRun(contexts.back().get(), request));
  }
  expect_that_others_are_answered();
  EXPECT_EQ(watch(daemon_, run_).back().payload_case(), v1::Event::kRunEnded);
  expect_that_others_are_answered();
  for (const auto& context : contexts) context->TryCancel();
  for (const auto& reader : silent) {
    for (v1::WatchRunResponse response; reader->Read(&response);) continue;
    reader->Finish();
  }
}

TEST(HostileHttp, RequestsThatNeverEndKeepNobodyOut) {
  Daemon daemon("20ms", {}, {"--http", "127.0.0.1:0"});
  const auto context = patient();
  v1::GetInfoResponse info;
  ASSERT_TRUE(daemon.daemon().GetInfo(context.get(), {}, &info).ok());
  const auto address = info.http_address();
  const int port = std::stoi(address.substr(address.rfind(':') + 1));
  std::vector<Raw> slow;
  for (int i = 0; i < 200; ++i) {
    slow.emplace_back(port);
    slow.back().say("GET /metrics HTTP/1.1\r\nHost: " + address + "\r\nX-Slow: ");
  }
  const Raw honest(port);
  honest.say("GET /metrics HTTP/1.1\r\nHost: " + address + "\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(honest.hear_out(), HasSubstr("401 Unauthorized"));
  slow.front().hear_out();
  const Raw large(port);
  large.pour("GET / HTTP/1.1\r\nHost: " + address + "\r\nX-Large: " + std::string(100'000, 'x'));
  EXPECT_THAT(large.hear_out(), HasSubstr("431"));
}

}  // namespace
}  // namespace fanout::test
