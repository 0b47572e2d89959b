#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <functional>

#include "server/async/async.hpp"

namespace fanout::test {

/// Runs one coroutine on an I/O context of its own until nothing is left to do; rethrows what it throws.
inline void run_coroutine(std::function<async::awaitable<void>(boost::asio::io_context&)> body) {
  boost::asio::io_context io(1);
  std::exception_ptr error;
  bool ended = false;
  boost::asio::co_spawn(io, body(io), [&](std::exception_ptr failed) {
    error = failed;
    ended = true;
  });
  io.run();
  if (error) std::rethrow_exception(error);
  if (!ended) throw std::logic_error("the coroutine waits for something that nobody will do");
}

}  // namespace fanout::test
