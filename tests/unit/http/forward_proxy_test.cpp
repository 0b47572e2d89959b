#include "server/http/forward_proxy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <sys/stat.h>

#include "tests/support/coroutine.hpp"
#include "tests/support/git_sandbox.hpp"
#include "tests/support/http_server/http_server.hpp"

namespace fanout::http {
namespace {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using async::awaitable;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// A proxy, and a web server behind it that tells what it was asked.
class ForwardProxyTest : public testing::Test {
 protected:
  ForwardProxyTest() {
    options_.socket = folder_ / "socket";
    options_.refused = [this](std::string host, std::string why) { refused_.push_back(host + ": " + why); };
  }

  using Talk = std::function<awaitable<void>()>;
  void with_proxy(const std::vector<std::string>& allowed, Talk talk) {
    options_.allowed = HostRules(allowed);
    test::run_coroutine([&](asio::io_context& io) { return live(io, talk); });
  }

  awaitable<stream_protocol::socket> connect() {
    stream_protocol::socket socket(co_await asio::this_coro::executor);
    co_await socket.async_connect(stream_protocol::endpoint(options_.socket.string()), asio::use_awaitable);
    co_return socket;
  }

  /// Sends `bytes` and returns all that comes until the other side closes.
  awaitable<std::string> say(std::string bytes) {
    auto socket = co_await connect();
    boost::system::error_code end;
    co_await asio::async_write(socket, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, end));
    std::string all;
    co_await asio::async_read(socket, asio::dynamic_buffer(all), asio::redirect_error(asio::use_awaitable, end));
    co_return all;
  }

  /// The same, but waits for no more than `until`: not everybody on the way closes when he should.
  awaitable<std::string> say_until(std::string bytes, std::string until) {
    auto socket = co_await connect();
    co_await asio::async_write(socket, asio::buffer(bytes), asio::use_awaitable);
    std::string all;
    co_await asio::async_read_until(socket, asio::dynamic_buffer(all), until, asio::use_awaitable);
    co_return all;
  }

  std::string port() const { return std::to_string(server_.port()); }
  /// What is said to the server through a tunnel.
  std::string through(const std::string& host) const {
    return "CONNECT " + host + " HTTP/1.1\r\nHost: " + host + "\r\n\r\nGET /inner HTTP/1.1\r\nHost: inside\r\nConnection: close\r\n\r\n";
  }

  test::TempDir folder_;
  ForwardOptions options_;
  std::vector<std::string> refused_;
  test::HttpServer server_{[](const test::HttpRequest& request) {
    test::HttpAnswer answer;
    answer.body = request.method + " " + request.target + " of " + request.header("host") + " with " + request.header("proxy-authorization") +
                  request.header("x-hop") + "; " + request.body;
    answer.keep_alive = false;
    return answer;
  }};

 private:
  awaitable<void> live(asio::io_context& io, Talk talk) {
    co_await async::checkpoint();
    ForwardProxy proxy(io.get_executor(), options_);
    async::TaskGroup running(io.get_executor());
    running.spawn(proxy.run());
    std::exception_ptr error;
    try {
      co_await async::with_deadline(talked(talk), std::chrono::seconds(60), "the test");
    } catch (...) {
      error = std::current_exception();
    }
    running.cancel();
    co_await running.join();
    if (error) std::rethrow_exception(error);
  }
  static awaitable<int> talked(Talk& talk) {
    co_await talk();
    co_return 0;
  }
};

TEST_F(ForwardProxyTest, ATunnelLeadsToAListedAddressAndNowhereElse) {
  with_proxy({"127.0.0.1:" + port()}, [this]() -> awaitable<void> {
    const auto answer = co_await say(through("127.0.0.1:" + port()));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200"));
    EXPECT_THAT(answer, HasSubstr("GET /inner of inside"));
    for (const auto& host : {"127.0.0.1:1", "127.0.0.2:80", "example.com:443", "[::1]:443"}) {
      EXPECT_THAT(co_await say(through(host)), StartsWith("HTTP/1.1 403")) << host;
    }
  });
  EXPECT_EQ(server_.connections(), 1u);
  EXPECT_THAT(refused_, ElementsAre(HasSubstr("127.0.0.1:1: "), HasSubstr("127.0.0.2:80: "), "example.com:443: sandbox_network does not list it", HasSubstr("[::1]:443: ")));
}

TEST_F(ForwardProxyTest, ANameThatLeadsIntoAPrivateNetworkNeedsTheAddressToBeListedToo) {
  with_proxy({"localhost:" + port()}, [this]() -> awaitable<void> {
    const auto answer = co_await say(through("localhost:" + port()));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 403"));
    EXPECT_THAT(answer, HasSubstr("not in the public internet"));
  });
  EXPECT_EQ(server_.connections(), 0u);
  ASSERT_EQ(refused_.size(), 1u);
  with_proxy({"localhost:" + port(), "127.0.0.1:" + port()}, [this]() -> awaitable<void> {
    EXPECT_THAT(co_await say(through("LOCALHOST.:" + port())), HasSubstr("GET /inner of inside"));
  });
}

TEST_F(ForwardProxyTest, APlainRequestIsSentToItsHostWithoutWhatIsForProxies) {
  with_proxy({"127.0.0.1:" + port()}, [this]() -> awaitable<void> {
    const auto url = "http://127.0.0.1:" + port();
    const auto answer = co_await say("POST " + url + "/a?b=c HTTP/1.1\r\nHost: elsewhere.example\r\nProxy-Authorization: Basic secret\r\nX-Hop: 1\r\n"
                                     "Connection: keep-alive, x-hop\r\nContent-Length: 4\r\n\r\nbody");
    EXPECT_THAT(answer, HasSubstr("POST /a?b=c of 127.0.0.1:" + port() + " with ; body"));
    EXPECT_THAT(co_await say("GET http://example.com/ HTTP/1.1\r\nHost: 127.0.0.1:" + port() + "\r\n\r\n"), StartsWith("HTTP/1.1 403"));
    EXPECT_THAT(co_await say("GET https://127.0.0.1:" + port() + "/ HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  });
}

TEST_F(ForwardProxyTest, WhatIsNoRequestToAProxyIsAnsweredAndCostsItsOwnConnection) {
  with_proxy({"*"}, [this]() -> awaitable<void> {
    for (const std::string line : {"GET / HTTP/1.1", "CONNECT example.com HTTP/1.1", "CONNECT user@example.com:443 HTTP/1.1", "CONNECT example.com:443/x HTTP/1.1", "CONNECT example.com:0 HTTP/1.1",
                                   "CONNECT 0x7f.1:80 HTTP/1.1", "CONNECT [::1]80:1 HTTP/1.1", "GET ftp://example.com/ HTTP/1.1", "GET http:/// HTTP/1.1"}) {
      const auto answer = co_await say(line + "\r\nHost: x\r\n\r\n");
      EXPECT_THAT(answer, testing::AnyOf(StartsWith("HTTP/1.1 400"), StartsWith("HTTP/1.1 403"))) << line;
    }
    EXPECT_EQ(co_await say("\x16\x03\x01 this is no HTTP\r\n\r\n"), "");
    EXPECT_EQ(co_await say("GET http://example.com/ HTTP/1.1\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n"), "");
    EXPECT_THAT(co_await say(through("127.0.0.1:" + port())), StartsWith("HTTP/1.1 403"));
  });
  EXPECT_EQ(server_.connections(), 0u);
}

TEST_F(ForwardProxyTest, WhoSaysNothingKeepsNobodyElseOut) {
  options_.most_connections = 4;
  with_proxy({"127.0.0.1:" + port()}, [this]() -> awaitable<void> {
    std::vector<stream_protocol::socket> silent;
    for (int i = 0; i < 20; ++i) silent.push_back(co_await connect());
    EXPECT_THAT(co_await say(through("127.0.0.1:" + port())), HasSubstr("GET /inner"));
  });
}

TEST_F(ForwardProxyTest, ItsSocketIsForThisUserAloneAndGoesWithIt) {
  with_proxy({}, [this]() -> awaitable<void> {
    struct stat status {};
    EXPECT_EQ(::stat(options_.socket.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    EXPECT_THAT(co_await say(through("127.0.0.1:" + port())), StartsWith("HTTP/1.1 403"));
  });
  EXPECT_FALSE(std::filesystem::exists(options_.socket));
}

TEST_F(ForwardProxyTest, WhereFanoutItselfNeedsAProxyTheWayLeadsThroughIt) {
  test::ConnectProxy upstream("");
  options_.upstream = proxies_from({{"https_proxy", "http://" + upstream.address()}});
  with_proxy({"127.0.0.1:" + port()}, [this]() -> awaitable<void> {
    EXPECT_THAT(co_await say_until(through("127.0.0.1:" + port()), "GET /inner of inside"), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(co_await say(through("127.0.0.1:1")), StartsWith("HTTP/1.1 403"));
  });
  EXPECT_THAT(upstream.targets(), ElementsAre("127.0.0.1:" + port()));
}

}  // namespace
}  // namespace fanout::http
