#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "server/http/client.hpp"
#include "tests/support/coroutine.hpp"
#include "tests/support/http_server/http_server.hpp"

namespace fanout::http {

using async::awaitable;
using std::chrono::milliseconds;
using test::HttpAnswer;
using test::HttpRequest;
using test::HttpServer;
using test::Mishap;

/// What came of one request.
struct Outcome {
  std::optional<Response> response;
  std::optional<TransportError> error;
};

inline awaitable<Outcome> outcome_of(Client& client, Request request) {
  Outcome outcome;
  try {
    outcome.response = co_await client.send(std::move(request));
  } catch (const TransportError& error) {
    outcome.error = error;
  }
  co_return outcome;
}

inline awaitable<void> send_all(Client& client, std::vector<Request> requests, std::vector<Outcome>& outcomes) {
  for (auto& request : requests) outcomes.push_back(co_await outcome_of(client, std::move(request)));
}

/// Sends these, one after the other, by one client.
inline std::vector<Outcome> send(ClientOptions options, std::vector<Request> requests) {
  std::vector<Outcome> outcomes;
  boost::asio::io_context io(1);
  Client client(io.get_executor(), std::move(options));
  std::exception_ptr error;
  boost::asio::co_spawn(io, send_all(client, std::move(requests), outcomes),
                        [&](std::exception_ptr failed) { error = failed; });
  io.run();
  if (error) std::rethrow_exception(error);
  return outcomes;
}

inline Outcome send_one(Request request, ClientOptions options = {}) {
  return send(std::move(options), {std::move(request)}).at(0);
}

inline Request get(std::string url) { return {"GET", std::move(url), {}, "", true}; }
inline Request post(std::string url, std::string body) { return {"POST", std::move(url), {}, std::move(body), false}; }

/// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string pattern = testing::TempDir() + "fanout-http-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace fanout::http
