#include <sys/socket.h>
#include <zlib.h>

#include <atomic>
#include <future>

#include "tests/unit/http/http_fixture.hpp"

namespace fanout::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string gzipped(const std::string& text) {
  z_stream stream = {};
  deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() + 1000, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(Client, SendsWhatItIsGivenAndBringsTheAnswer) {
  std::promise<HttpRequest> received;
  HttpServer server([&](const HttpRequest& request) {
    received.set_value(request);
    return HttpAnswer{201, {{"ETag", "\"a\""}}, "made"};
  });
  ClientOptions options;
  options.user_agent = "fanout/1";
  auto request = post(server.url() + "/a/b?c=d", "{}");
  request.headers = {{"Accept", "text/plain"}};
  const auto outcome = send_one(request, options);
  ASSERT_TRUE(outcome.response) << outcome.error->what();
  EXPECT_EQ(outcome.response->status, 201u);
  EXPECT_EQ(outcome.response->header("etag"), "\"a\"");
  EXPECT_EQ(outcome.response->body, "made");
  const HttpRequest seen = received.get_future().get();
  EXPECT_EQ(seen.method + " " + seen.target, "POST /a/b?c=d");
  EXPECT_EQ(seen.header("user-agent"), "fanout/1");
  EXPECT_EQ(seen.header("accept"), "text/plain");
  EXPECT_EQ(seen.header("host"), server.url().substr(7));
  EXPECT_EQ(seen.body, "{}");
}

TEST(Client, KeepsAConnectionForTheNextRequest) {
  HttpServer server([](const HttpRequest&) { return HttpAnswer{200, {}, "x"}; });
  send({}, {get(server.url()), post(server.url(), "1"), get(server.url())});
  EXPECT_EQ(server.connections(), 1u);
}

TEST(Client, DoesNotKeepOneThatTheServerCloses) {
  HttpServer server([](const HttpRequest&) { return HttpAnswer{200, {}, "x", Mishap::none, false}; });
  const auto outcomes = send({}, {get(server.url()), get(server.url())});
  EXPECT_TRUE(outcomes[1].response);
  EXPECT_EQ(server.connections(), 2u);
}

awaitable<void> post_after_drop(Client& client, HttpServer& server, Outcome& outcome) {
  co_await outcome_of(client, get(server.url()));
  EXPECT_EQ(client.idle_connections(), 1u);
  server.drop_connections();
  outcome = co_await outcome_of(client, post(server.url(), "body"));
}

TEST(Client, AConnectionThatWasClosedWhileIdleIsReplacedEvenForAPost) {
  HttpServer server([](const HttpRequest& request) { return HttpAnswer{200, {}, request.body}; });
  Outcome outcome;
  test::run_coroutine([&](auto& io) -> awaitable<void> {
    return [](boost::asio::io_context& context, HttpServer& there, Outcome& out) -> awaitable<void> {
      ClientOptions options;
      Client client(context.get_executor(), options);
      co_await post_after_drop(client, there, out);
    }(io, server, outcome);
  });
  ASSERT_TRUE(outcome.response) << outcome.error->what();
  EXPECT_EQ(outcome.response->body, "body");
}

TEST(Client, AnAnswerThatIsLostLeavesTheOutcomeUnknownAndIsNotAskedForAgain) {
  for (const auto mishap : {Mishap::reset, Mishap::close, Mishap::truncate}) {
    std::atomic<int> calls = 0;
    HttpServer server([&](const HttpRequest& request) {
      if (request.method == "GET") return HttpAnswer{};
      ++calls;
      return HttpAnswer{201, {}, "a body", mishap};
    });
    const auto outcomes = send({}, {get(server.url()), post(server.url(), "x")});
    ASSERT_TRUE(outcomes[1].error);
    EXPECT_EQ(outcomes[1].error->stage(), Stage::read);
    EXPECT_TRUE(outcomes[1].error->may_have_been_received());
    EXPECT_EQ(calls, 1);
  }
}

TEST(Client, WhatIsRepeatableIsAskedAgainWhenAKeptConnectionBreaks) {
  std::atomic<int> calls = 0;
  HttpServer server([&](const HttpRequest&) {
    ++calls;
    return HttpAnswer{200, {}, "x", calls == 2 ? Mishap::reset : Mishap::none};
  });
  const auto outcomes = send({}, {get(server.url()), get(server.url())});
  EXPECT_TRUE(outcomes[1].response);
  EXPECT_EQ(calls, 3);
}

TEST(Client, ARefusedConnectionSaysThatNothingWasSent) {
  const int reserved = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(reserved, reinterpret_cast<sockaddr*>(&address), size), 0);
  ::getsockname(reserved, reinterpret_cast<sockaddr*>(&address), &size);
  const auto outcome = send_one(post("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)), "x"));
  ::close(reserved);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->stage(), Stage::connect);
  EXPECT_EQ(outcome.error->kind(), ErrorKind::unavailable);
  EXPECT_FALSE(outcome.error->may_have_been_received());
}

TEST(Client, AHostThatIsNotThereSaysSo) {
  const auto outcome = send_one(post("http://no-such-host.invalid/", "x"));
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->stage(), Stage::resolve);
  EXPECT_THAT(outcome.error->what(), HasSubstr("no-such-host.invalid"));
  EXPECT_FALSE(outcome.error->may_have_been_received());
}

TEST(Client, ADeadlineEndsAServerThatSaysNothingAndOneThatDrips) {
  for (const auto mishap : {Mishap::silence, Mishap::drip}) {
    HttpServer server([&](const HttpRequest&) { return HttpAnswer{200, {}, std::string(5000, 'x'), mishap}; });
    ClientOptions options;
    options.read = 100ms;
    const auto outcome = send_one(get(server.url()), options);
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->kind(), ErrorKind::timed_out);
    EXPECT_EQ(outcome.error->stage(), Stage::read);
    EXPECT_TRUE(outcome.error->may_have_been_received());
  }
}

awaitable<void> note_cancellation(Client& client, std::string url, bool& cancelled) {
  try {
    co_await client.send(get(std::move(url)));
  } catch (const boost::system::system_error& error) {
    cancelled = error.code() == boost::asio::error::operation_aborted;
  }
}

awaitable<void> wait_for(async::Signal& signal, const bool& condition) {
  while (!condition) co_await signal.wait();
}

TEST(Client, CancellationEndsARequestThatIsUnderWay) {
  bool cancelled = false;
  test::run_coroutine([&](auto& io) -> awaitable<void> {
    return [](boost::asio::io_context& context, bool& noted) -> awaitable<void> {
      async::Signal arrived(context.get_executor());
      bool here = false;
      HttpServer server([&](const HttpRequest&) {
        boost::asio::post(context, [&] {
          here = true;
          arrived.notify();
        });
        return HttpAnswer{200, {}, "", Mishap::silence};
      });
      ClientOptions options;
      Client client(context.get_executor(), options);
      async::TaskGroup group(context.get_executor());
      group.spawn(note_cancellation(client, server.url(), noted));
      co_await wait_for(arrived, here);
      group.cancel();
      co_await group.join();
      EXPECT_EQ(client.idle_connections(), 0u);
    }(io, cancelled);
  });
  EXPECT_TRUE(cancelled);
}

TEST(Client, UnpacksGzipAndSaysThatItCan) {
  std::promise<std::string> accepted;
  HttpServer server([&](const HttpRequest& request) {
    accepted.set_value(request.header("accept-encoding"));
    return HttpAnswer{200, {{"Content-Encoding", "gzip"}}, gzipped(std::string(100'000, 'a'))};
  });
  const auto outcome = send_one(get(server.url()));
  ASSERT_TRUE(outcome.response);
  EXPECT_EQ(outcome.response->body, std::string(100'000, 'a'));
  EXPECT_EQ(accepted.get_future().get(), "gzip");
}

TEST(Client, AnAnswerLargerThanAllowedIsRefusedPackedOrNot) {
  for (const bool packed : {false, true}) {
    HttpServer server([&](const HttpRequest&) {
      const std::string text(100'000, 'a');
      if (!packed) return HttpAnswer{200, {}, text};
      return HttpAnswer{200, {{"Content-Encoding", "gzip"}}, gzipped(text)};
    });
    ClientOptions options;
    options.body_limit = 50'000;
    const auto outcome = send_one(get(server.url()), options);
    ASSERT_TRUE(outcome.error);
    EXPECT_THAT(outcome.error->what(), HasSubstr("larger"));
  }
}

TEST(Client, ALargeBodyGoesOutWhole) {
  HttpServer server([](const HttpRequest& request) { return HttpAnswer{200, {}, std::to_string(request.body.size())}; });
  EXPECT_EQ(send_one(post(server.url(), std::string(3'000'000, 'b'))).response->body, "3000000");
}

TEST(Client, ALineBreakInAHeaderIsRefused) {
  auto request = get("http://127.0.0.1:1/");
  request.headers = {{"X", "a\r\nAuthorization: b"}};
  EXPECT_THROW(send_one(request), Error);
}

awaitable<void> send_and_forget(Client& client, Request request) { co_await client.send(std::move(request)); }

TEST(Client, NoMoreConnectionsThanAllowed) {
  HttpServer server([](const HttpRequest&) { return HttpAnswer{}; });
  test::run_coroutine([&](auto& io) -> awaitable<void> {
    return [](boost::asio::io_context& context, HttpServer& there) -> awaitable<void> {
      ClientOptions options;
      options.connections_per_host = 3;
      Client client(context.get_executor(), options);
      async::TaskGroup group(context.get_executor());
      for (int i = 0; i < 20; ++i) group.spawn(send_and_forget(client, get(there.url())));
      co_await group.join();
    }(io, server);
  });
  EXPECT_LE(server.connections(), 3u);
}

}  // namespace
}  // namespace fanout::http
