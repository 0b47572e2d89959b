#include "server/http/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "common/error.hpp"
#include "tests/support/coroutine.hpp"

namespace fanout::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using async::awaitable;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kToken = "a-token";

/// A server that runs for as long as a test talks to it, byte by byte.
class ServerTest : public testing::Test {
 protected:
  ServerTest() { options_.token = kToken; }

  using Talk = std::function<awaitable<void>(Server&)>;
  void with_server(Talk talk) {
    test::run_coroutine([&](asio::io_context& io) { return live(io, talk); });
  }

  /// Sends `bytes` and returns all that comes until the server closes the connection.
  awaitable<std::string> say(Server& server, std::string bytes) {
    tcp::socket socket(co_await asio::this_coro::executor);
    co_await socket.async_connect(endpoint(server), asio::use_awaitable);
    boost::system::error_code end;  // of a server that has closed it already, too
    co_await asio::async_write(socket, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, end));
    std::string all;
    co_await asio::async_read(socket, asio::dynamic_buffer(all), asio::redirect_error(asio::use_awaitable, end));
    co_return all;
  }

  static std::string port(const Server& server) { return server.address().substr(server.address().rfind(':') + 1); }
  static tcp::endpoint endpoint(const Server& server) {
    return {asio::ip::make_address("127.0.0.1"), static_cast<std::uint16_t>(std::stoi(port(server)))};
  }

  /// A request that passes all checks, unless `lines` say otherwise.
  static std::string get(const Server& server, const std::string& path, const std::string& lines = {}) {
    const auto host = lines.find("Host:") == std::string::npos ? "Host: " + server.address() + "\r\n" : "";
    const auto token = lines.find("Authorization:") == std::string::npos ? std::string("Authorization: Bearer ") + kToken + "\r\n" : "";
    return "GET " + path + " HTTP/1.1\r\n" + host + token + lines + "Connection: close\r\n\r\n";
  }

  ServerOptions options_;
  bool left_ = false;  ///< A stream was ended by its reader's end.

 private:
  static awaitable<Response> hello(Incoming request) {
    if (request.path == "/fail") throw Error(ErrorKind::not_found, "there is no such run");
    if (request.path == "/break") throw std::runtime_error("broken");
    co_return text_response(200, "hello " + request.query + request.body);
  }

  /// "1", "2" and the end; with "?hold" it then waits for the reader's end.
  awaitable<void> count(Incoming request, Server::Stream& stream) {
    if (request.query == "fail") throw Error(ErrorKind::not_found, "there is no such run");
    co_await stream.begin(text_response(200, ""));
    co_await stream.write("one\n");
    co_await stream.write("two\n");
    if (request.query != "hold") co_return;
    asio::steady_timer never(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
    boost::system::error_code ended;
    co_await never.async_wait(asio::redirect_error(asio::use_awaitable, ended));
    left_ = static_cast<bool>(ended);
  }

  awaitable<void> live(asio::io_context& io, Talk talk) {
    co_await async::checkpoint();
    Server server(io.get_executor(), options_);
    for (const auto* path : {"/hello", "/fail", "/break", "/pages/"}) server.route("GET", path, Server::Door::token, hello);
    server.route("POST", "/hook", Server::Door::own, hello);
    server.route("GET", "/page", Server::Door::page, hello);
    server.stream("/stream", Server::Door::page, [this](Incoming request, Server::Stream& stream) { return count(std::move(request), stream); });
    async::TaskGroup running(io.get_executor());
    running.spawn(server.run());
    std::exception_ptr error;
    try {
      co_await async::with_deadline(talked(talk, server), std::chrono::seconds(60), "the test");
    } catch (...) {
      error = std::current_exception();
    }
    running.cancel();
    co_await running.join();
    if (error) std::rethrow_exception(error);
  }
  static awaitable<int> talked(Talk& talk, Server& server) {
    co_await talk(server);
    co_return 0;
  }
};

TEST_F(ServerTest, AHandlerAnswersWithWhatWasAskedAndNothingIsSharedOrKept) {
  with_server([this](Server& server) -> awaitable<void> {
    const auto answer = co_await say(server, get(server, "/hello?you"));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\n\r\nhello you"));
    EXPECT_THAT(answer, HasSubstr("Content-Security-Policy: default-src 'none'"));
    EXPECT_THAT(answer, HasSubstr("Cross-Origin-Resource-Policy: same-origin"));
    EXPECT_THAT(answer, HasSubstr("Cache-Control: no-store"));
    EXPECT_THAT(answer, Not(HasSubstr("Access-Control")));
  });
}

TEST_F(ServerTest, AFolderOfPathsIsOneRoute) {
  with_server([this](Server& server) -> awaitable<void> {
    EXPECT_THAT(co_await say(server, get(server, "/pages/a/b")), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(co_await say(server, get(server, "/pages")), StartsWith("HTTP/1.1 404"));
    EXPECT_THAT(co_await say(server, get(server, "/hello/more")), StartsWith("HTTP/1.1 404"));
  });
}

TEST_F(ServerTest, WithoutTheTokenNobodyLearnsEvenWhatThereIs) {
  with_server([this](Server& server) -> awaitable<void> {
    for (const std::string path : {"/hello", "/nothing"}) {
      EXPECT_THAT(co_await say(server, get(server, path, "Authorization: Bearer other-t\r\n")), StartsWith("HTTP/1.1 401"));
      EXPECT_THAT(co_await say(server, get(server, path, "Authorization: Bearer \r\n")), StartsWith("HTTP/1.1 401"));
    }
  });
}

TEST_F(ServerTest, AnEmptyTokenLetsNobodyIn) {
  options_.token.clear();
  with_server([this](Server& server) -> awaitable<void> {
    EXPECT_THAT(co_await say(server, get(server, "/hello", "Authorization: Bearer \r\n")), StartsWith("HTTP/1.1 401"));
  });
}

TEST_F(ServerTest, ANameThatSomebodyPointedAtTheLoopbackIsNotOurs) {
  with_server([this](Server& server) -> awaitable<void> {
    EXPECT_THAT(co_await say(server, get(server, "/hello", "Host: evil.example:" + port(server) + "\r\n")), StartsWith("HTTP/1.1 421"));
    EXPECT_THAT(co_await say(server, get(server, "/hello", "Host: 127.0.0.1\r\n")), StartsWith("HTTP/1.1 421"));
    EXPECT_THAT(co_await say(server, get(server, "/hello", "Host: localhost:" + port(server) + "\r\n")), StartsWith("HTTP/1.1 200"));
  });
}

TEST_F(ServerTest, APageOfAnotherOriginGetsNothing) {
  with_server([this](Server& server) -> awaitable<void> {
    EXPECT_THAT(co_await say(server, get(server, "/hello", "Origin: http://evil.example\r\n")), StartsWith("HTTP/1.1 403"));
    EXPECT_THAT(co_await say(server, get(server, "/hello", "Origin: null\r\n")), StartsWith("HTTP/1.1 403"));
    EXPECT_THAT(co_await say(server, get(server, "/hello", "Origin: http://localhost:" + port(server) + "\r\n")), StartsWith("HTTP/1.1 200"));
  });
}

TEST_F(ServerTest, ARouteWithADoorOfItsOwnIsOpenToWhoeverComes) {
  with_server([this](Server& server) -> awaitable<void> {
    const auto answer = co_await say(server, "POST /hook HTTP/1.1\r\nHost: tunnel.example\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody");
    EXPECT_THAT(answer, HasSubstr("\r\n\r\nhello body"));
  });
}

TEST_F(ServerTest, APagesDoorAsksForHostAndOriginButForNoHeader) {
  with_server([this](Server& server) -> awaitable<void> {
    const auto bare = "GET /page?you HTTP/1.1\r\nHost: " + server.address() + "\r\nConnection: close\r\n";
    EXPECT_THAT(co_await say(server, bare + "\r\n"), HasSubstr("hello you"));
    EXPECT_THAT(co_await say(server, bare + "Origin: http://evil.example\r\n\r\n"), StartsWith("HTTP/1.1 403"));
    EXPECT_THAT(co_await say(server, "GET /page HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"), StartsWith("HTTP/1.1 421"));
  });
}

TEST_F(ServerTest, AStreamComesInChunksAndEndsItsConnection) {
  with_server([this](Server& server) -> awaitable<void> {
    const auto answer = co_await say(server, get(server, "/stream"));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(answer, HasSubstr("Transfer-Encoding: chunked"));
    EXPECT_THAT(answer, HasSubstr("4\r\none\n\r\n4\r\ntwo\n\r\n0\r\n\r\n"));
    EXPECT_THAT(co_await say(server, get(server, "/stream?fail")), StartsWith("HTTP/1.1 404"));
  });
}

TEST_F(ServerTest, AStreamIsEndedWhenItsReaderGoesAway) {
  with_server([this](Server& server) -> awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    {
      tcp::socket socket(executor);
      co_await socket.async_connect(endpoint(server), asio::use_awaitable);
      const auto request = get(server, "/stream?hold");
      co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
      std::string all;
      co_await asio::async_read_until(socket, asio::dynamic_buffer(all), "two\n", asio::use_awaitable);
    }
    asio::steady_timer pause(executor);
    while (!left_) {  // with_server() has a deadline
      pause.expires_after(std::chrono::milliseconds(5));
      co_await pause.async_wait(asio::use_awaitable);
    }
  });
}

TEST_F(ServerTest, AQueryIsTakenApartAndDecoded) {
  Incoming request;
  request.query = "a=1&run=a%2Fb+c&bad=%zz&a=2&empty";
  EXPECT_EQ(request.parameter("run"), "a/b c");
  EXPECT_EQ(request.parameter("a"), "1");
  EXPECT_EQ(request.parameter("bad"), "%zz");
  EXPECT_EQ(request.parameter("empty"), "");
}

TEST_F(ServerTest, WhatAHandlerThrowsIsAnAnswer) {
  with_server([this](Server& server) -> awaitable<void> {
    const auto missing = co_await say(server, get(server, "/fail"));
    EXPECT_THAT(missing, StartsWith("HTTP/1.1 404"));
    EXPECT_THAT(missing, HasSubstr("there is no such run"));
    EXPECT_THAT(co_await say(server, get(server, "/break")), StartsWith("HTTP/1.1 500"));
  });
}

TEST_F(ServerTest, AnotherMethodIsRefused) {
  with_server([this](Server& server) -> awaitable<void> {
    auto request = get(server, "/hello");
    request.replace(0, 3, "DELETE");
    EXPECT_THAT(co_await say(server, request), StartsWith("HTTP/1.1 405"));
  });
}

TEST_F(ServerTest, GarbageAndWhatIsTooLargeCostTheirOwnConnectionOnly) {
  options_.body_limit = 1000;
  with_server([this](Server& server) -> awaitable<void> {
    EXPECT_THAT(co_await say(server, "\x16\x03\x01 garbage\r\n\r\n"), StartsWith("HTTP/1.1 400"));
    EXPECT_THAT(co_await say(server, "GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 431"));
    const auto large = "POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n";
    EXPECT_THAT(co_await say(server, large), StartsWith("HTTP/1.1 413"));
    EXPECT_THAT(co_await say(server, get(server, "/hello")), StartsWith("HTTP/1.1 200"));
  });
}

TEST_F(ServerTest, OneThatSaysNothingIsLetGo) {
  options_.read = std::chrono::milliseconds(50);
  with_server([this](Server& server) -> awaitable<void> {
    EXPECT_EQ(co_await say(server, "GET /hello HTTP/1.1\r\nHos"), "");
  });
}

TEST_F(ServerTest, OfTooManyAtOnceTheOneThatHasWaitedLongestMakesRoom) {
  options_.most_connections = 1;
  with_server([this](Server& server) -> awaitable<void> {
    tcp::socket first(co_await asio::this_coro::executor);
    co_await first.async_connect(endpoint(server), asio::use_awaitable);
    co_await asio::async_write(first, asio::buffer("GET /hel", 8), asio::use_awaitable);
    const auto request = get(server, "/hello");
    EXPECT_THAT(co_await say(server, request), StartsWith("HTTP/1.1 200"));
    std::string answer;
    boost::system::error_code end;
    co_await asio::async_read(first, asio::dynamic_buffer(answer), asio::redirect_error(asio::use_awaitable, end));
    EXPECT_EQ(answer, "");
  });
}

TEST_F(ServerTest, SeveralRequestsShareAConnection) {
  with_server([this](Server& server) -> awaitable<void> {
    const auto kept = "GET /hello?1 HTTP/1.1\r\nHost: " + server.address() + "\r\nAuthorization: Bearer a-token\r\n\r\n";
    const auto answer = co_await say(server, kept + get(server, "/hello?2"));
    EXPECT_THAT(answer, HasSubstr("hello 1HTTP/1.1 200 OK"));
    EXPECT_THAT(answer, HasSubstr("hello 2"));
  });
}

TEST(ListeningOn, TakesAddressesOfTheLoopbackApart) {
  EXPECT_EQ(listening_on("127.0.0.1:9464").port, 9464);
  EXPECT_EQ(listening_on(":80").address, "127.0.0.1");
  EXPECT_EQ(listening_on("localhost:80").address, "127.0.0.1");
  EXPECT_EQ(listening_on("[::1]:80").address, "::1");
}

TEST(ListeningOn, RefusesWhatOthersCouldReachAndWhatIsNoPort) {
  for (const auto* text : {"0.0.0.0:80", "10.0.0.1:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:70000", ""}) {
    EXPECT_THROW(listening_on(text), Error) << text;
  }
}

}  // namespace
}  // namespace fanout::http
