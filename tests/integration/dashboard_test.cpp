// The dashboard over real HTTP: who gets in, what is told, and that it is told as it comes. What a browser makes of it is
// in tests/counterparts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <regex>

#include "fanout/v1/dashboard.grpc.pb.h"
#include "tests/support/daemon.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {
namespace {

namespace asio = boost::asio;
namespace v1 = fanout::v1;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// One request on a connection of its own, and what comes back, as it comes.
class Exchange {
 public:
  Exchange(const std::string& address, const std::string& request) : socket_(io_) {
    const auto colon = address.rfind(':');
    const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(address.substr(0, colon)),
                                           static_cast<unsigned short>(std::stoi(address.substr(colon + 1))));
    socket_.connect(endpoint);
    const timeval patience{60, 0};
    ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    asio::write(socket_, asio::buffer(request));
  }

  const std::string& read_until(const std::string& text) {
    while (all_.find(text) == std::string::npos) {
      if (!read_some()) throw std::runtime_error("\"" + text + "\" did not come; this did: " + all_);
    }
    return all_;
  }
  const std::string& read_all() {
    while (read_some()) {
    }
    return all_;
  }

 private:
  bool read_some() {
    char buffer[16384];
    boost::system::error_code error;
    const auto length = socket_.read_some(asio::buffer(buffer), error);
    all_.append(buffer, length);
    return !error;
  }

  asio::io_context io_;
  asio::ip::tcp::socket socket_;
  std::string all_;
};

struct Address {
  std::string authority, token;
};

/// "http://AUTHORITY/?token=TOKEN", and perhaps more.
Address parts_of(const std::string& url) {
  static const std::regex form(R"(http://(127\.0\.0\.1:\d+)/\?token=([0-9a-f]{64})(&run=.*)?)");
  std::smatch match;
  if (!std::regex_match(url, match, form)) throw std::runtime_error("not the URL of a dashboard: " + url);
  return {match[1], match[2]};
}

class Dashboard : public testing::Test {
 protected:
  Dashboard() { repository_.commit_file("a.txt", "a\n"); }

  std::string open(bool allow_actions = false, const std::string& run = {}) {
    v1::OpenDashboardRequest request;
    request.set_allow_actions(allow_actions);
    request.set_run_id(run);
    v1::OpenDashboardResponse response;
    const auto status = v1::DashboardService::Stub(daemon_.channel()).OpenDashboard(patient().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.url();
  }

  static std::string request(const Address& at, const std::string& target, const std::string& lines = {},
                             const std::string& method = "GET") {
    const auto host = lines.find("Host:") == std::string::npos ? "Host: " + at.authority + "\r\n" : "";
    return method + " " + target + (target.find('?') == std::string::npos ? "?" : "&") + "token=" + at.token +
           " HTTP/1.1\r\n" + host + lines + (method == "POST" ? "Content-Length: 0\r\n" : "") + "Connection: close\r\n\r\n";
  }
  static std::string ask(const Address& at, const std::string& target, const std::string& lines = {},
                         const std::string& method = "GET") {
    return Exchange(at.authority, request(at, target, lines, method)).read_all();
  }

  std::string wait_for(const std::string& name) const {
    return "until [ -e " + (repository_.outside() / name).string() + " ]; do sleep 0.05; done";
  }
  void let(const std::string& name) { write_file(repository_.outside() / name, ""); }

  /// A run whose one task waits for "go".
  std::string execute_waiting() {
    PlanBuilder plan(repository_);
    plan.task("busy", "echo at it; " + wait_for("go") + "; " + commit_line("busy.txt"));
    return execute(daemon_, plan.write("busy"));
  }

  GitSandbox repository_;
  Daemon daemon_;
};

TEST_F(Dashboard, TellsNothingToWhoeverHasNotItsSecret) {
  const auto at = parts_of(open());
  for (const auto& token : {std::string(), std::string("x"), std::string(64, '0')}) {
    for (const auto* target : {"/", "/api/runs", "/api/events", "/api/timeline", "/api/log", "/nothing"}) {
      const auto answer = ask({at.authority, token}, target);
      EXPECT_THAT(answer, StartsWith("HTTP/1.1 403")) << target;
      EXPECT_THAT(answer, Not(HasSubstr("runs\":"))) << target;
    }
  }
  EXPECT_THAT(ask(at, "/api/runs"), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("\"actions\":false")));
  EXPECT_THAT(ask(at, "/nothing"), StartsWith("HTTP/1.1 404"));
}

TEST_F(Dashboard, AnswersNoOtherNameAndNoOtherOrigin) {
  const auto at = parts_of(open());
  EXPECT_THAT(ask(at, "/api/runs", "Host: evil.example\r\n"), StartsWith("HTTP/1.1 421"));
  EXPECT_THAT(ask(at, "/page.js", "Host: evil.example\r\n"), StartsWith("HTTP/1.1 421"));
  for (const auto* origin : {"https://evil.example", "null", "http://127.0.0.1:1"}) {
    EXPECT_THAT(ask(at, "/api/runs", std::string("Origin: ") + origin + "\r\n"), StartsWith("HTTP/1.1 403")) << origin;
  }
  EXPECT_THAT(ask(at, "/api/runs", "Origin: http://" + at.authority + "\r\n"), StartsWith("HTTP/1.1 200"));
}

TEST_F(Dashboard, MayLoadItsOwnFilesAndNothingElse) {
  const auto at = parts_of(open());
  const auto page = ask(at, "/");
  EXPECT_THAT(page, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(page, HasSubstr("Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'"));
  EXPECT_THAT(page, Not(HasSubstr("unsafe")));
  EXPECT_THAT(page, Not(HasSubstr("Access-Control")));
  EXPECT_THAT(page, HasSubstr("Referrer-Policy: no-referrer"));
  for (const auto* file : {"/page.css", "/page.js", "/icon.svg"}) EXPECT_THAT(ask(at, file), StartsWith("HTTP/1.1 200")) << file;
}

/// The numbers of the events in what a stream sent.
std::vector<unsigned long> sequences_in(const std::string& text) {
  static const std::regex form("\"sequence\":\"(\\d+)\"");
  std::vector<unsigned long> numbers;
  for (std::sregex_iterator it(text.begin(), text.end(), form), end; it != end; ++it) numbers.push_back(std::stoul((*it)[1]));
  return numbers;
}

TEST_F(Dashboard, FollowsARunToItsEndWithoutGapOrRepeat) {
  const auto run = execute_waiting();
  const auto at = parts_of(open(false, run));
  Exchange stream(at.authority, request(at, "/api/events?run=" + run));
  EXPECT_THAT(stream.read_until("\"text\":\"at it\""), HasSubstr("event: state\ndata: {"));
  let("go");
  const auto all = stream.read_until("\"runEnded\"");
  const auto numbers = sequences_in(all);
  ASSERT_FALSE(numbers.empty());
  for (std::size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(numbers[i], i + 1);
  EXPECT_THAT(stream.read_until("RUN_STATE_COMPLETED"), HasSubstr("Content-Type: text/event-stream"));

  // A browser whose connection was lost goes on where it was.
  Exchange again(at.authority, request(at, "/api/events?run=" + run, "Last-Event-ID: 3\r\n"));
  EXPECT_EQ(sequences_in(again.read_until("\"runEnded\"")).front(), 4u);
}

TEST_F(Dashboard, EndsNoRunUnlessItsAddressIsForThat) {
  const auto run = execute_waiting();
  watch(daemon_, run, 0, [](const v1::Event& event) { return event.has_output(); });
  const auto shows = parts_of(open(false)), acts = parts_of(open(true));
  EXPECT_EQ(shows.authority, acts.authority);
  const auto own = "Origin: http://" + shows.authority + "\r\n";
  for (const auto* target : {"/api/cancel", "/api/retry"}) {
    EXPECT_THAT(ask(shows, target + ("?run=" + run), own, "POST"), StartsWith("HTTP/1.1 403"));
    EXPECT_THAT(ask(acts, target + ("?run=" + run), "", "POST"), StartsWith("HTTP/1.1 403")) << "not from a page";
    EXPECT_THAT(ask(acts, target + ("?run=" + run), own), StartsWith("HTTP/1.1 404")) << "a GET changes nothing";
  }
  EXPECT_EQ(get(daemon_, run).state(), v1::RUN_STATE_RUNNING);
  EXPECT_THAT(ask(acts, "/api/cancel?run=" + run, own, "POST"), StartsWith("HTTP/1.1 200"));
  watch(daemon_, run);
  EXPECT_EQ(get(daemon_, run).state(), v1::RUN_STATE_CANCELLED);
  let("go");
  EXPECT_THAT(ask(acts, "/api/retry?run=" + run, own, "POST"), StartsWith("HTTP/1.1 200"));
  watch(daemon_, run);
  EXPECT_EQ(get(daemon_, run).state(), v1::RUN_STATE_COMPLETED);
}

TEST_F(Dashboard, ShowsALogWithoutWhatActsOnATerminalAndGoesOnWhereOneWas) {
  PlanBuilder plan(repository_);
  plan.task("loud", R"(printf 'one\n\033[31mred\033[0m\033]0;title\007\n<b>two</b>\n'; )" + commit_line("loud.txt"));
  const auto run = run_to_end(daemon_, plan.write("loud"));
  const auto at = parts_of(open());
  const auto log = ask(at, "/api/log?run=" + run.id() + "&task=loud");
  EXPECT_THAT(log, HasSubstr("\r\n\r\none\nred\n<b>two</b>\n"));
  EXPECT_THAT(log, HasSubstr("Content-Type: text/plain; charset=utf-8"));
  EXPECT_THAT(log, Not(HasSubstr("\x1b")));
  EXPECT_THAT(ask(at, "/api/log?run=" + run.id() + "&task=loud&offset=4"), HasSubstr("\r\n\r\nred\n"));
  Exchange stream(at.authority, request(at, "/api/events?run=" + run.id()));
  EXPECT_THAT(stream.read_until("\"runEnded\""), AllOf(HasSubstr("\"text\":\"red\""), Not(HasSubstr("u001b"))));
  EXPECT_THAT(ask(at, "/api/log?run=" + run.id() + "&task=loud&log=../../fanout.db"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(ask(at, "/api/timeline?run=" + run.id()), HasSubstr("\"taskId\":\"loud\",\"steps\":[{"));
}

TEST_F(Dashboard, HoldsNobodyUpWhenTheDaemonStopsAndHasANewSecretNextTime) {
  const auto before = open();
  const auto at = parts_of(before);
  const auto run = run_to_end(daemon_, PlanBuilder(repository_).task("a", commit_line("b.txt")).write());
  Exchange silent(at.authority, request(at, "/api/events?run=" + run.id()));
  silent.read_until("\"runEnded\"");
  EXPECT_TRUE(WIFEXITED(daemon_.stop(SIGTERM)));
  silent.read_all();
  daemon_.start();
  EXPECT_NE(parts_of(open()).token, at.token);
  EXPECT_THAT(daemon_.log(), Not(HasSubstr(at.token)));
}

TEST_F(Dashboard, OfARunThatIsNoneSaysSo) {
  v1::OpenDashboardRequest request;
  request.set_run_id("nowhere");
  v1::OpenDashboardResponse response;
  const auto status = v1::DashboardService::Stub(daemon_.channel()).OpenDashboard(patient().get(), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace fanout::test
