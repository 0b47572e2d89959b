#pragma once

#include <grpcpp/grpcpp.h>

#include <boost/asio/post.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "server/async/async.hpp"
#include "server/rpc/status.hpp"

namespace fanout::rpc {

using async::awaitable;

/// Where gRPC's threads meet ours, and the only such place. gRPC calls a method on a thread of its own;
/// the bridge runs the handler as a coroutine on the I/O thread and finishes the call with its outcome.
///
/// Lifetime: outlives the gRPC server. drain() after the server accepts no more calls.
class Bridge {
 public:
  explicit Bridge(async::Executor executor) : executor_(executor), calls_(executor) {}

  /// One request, one answer. A client that goes away does not end the handler: what was asked is done.
  template <class Request, class Response>
  grpc::ServerUnaryReactor* unary(grpc::CallbackServerContext* context, const Request* request, Response* response,
                                  std::function<awaitable<void>(const Request&, Response&)> handler);

  /// What a streaming handler writes to.
  template <class Response>
  class Writer;

  /// One request, a stream of answers. The handler is cancelled when the client goes away.
  template <class Request, class Response>
  grpc::ServerWriteReactor<Response>* stream(
      const Request* request, std::function<awaitable<void>(const Request&, Writer<Response>&)> handler);

  /// How many calls were made, those included that are under way.
  std::uint64_t calls() const { return count_; }

  /// Ends all streams: their clients are told that the daemon is stopping. Returns when no call is left.
  awaitable<void> drain();

 private:
  template <class Request, class Response>
  static awaitable<void> serve(grpc::ServerUnaryReactor* reactor, const Request* request, Response* response,
                               std::function<awaitable<void>(const Request&, Response&)> handler);

  async::Executor executor_;
  async::TaskGroup calls_;
  std::uint64_t count_ = 0;
};

/// One message in flight at a time. Touched by gRPC's threads only where it says so.
template <class Response>
class Bridge::Writer : public grpc::ServerWriteReactor<Response>,
                       public std::enable_shared_from_this<Bridge::Writer<Response>> {
 public:
  explicit Writer(async::Executor executor) : executor_(executor), handler_(executor), done_(executor) {}

  /// Returns when gRPC has taken the message, which is when the client keeps up.
  /// Throws operation_aborted when the client has gone.
  awaitable<void> write(Response message) {
    message_ = std::move(message);
    writing_ = true;
    this->StartWrite(&message_);
    while (writing_) co_await done_.wait();
    if (!alive_) throw boost::system::system_error(boost::asio::error::operation_aborted);
  }

 private:
  friend class Bridge;

  template <class Request>
  static awaitable<void> serve(std::shared_ptr<Writer> self, const Request* request,
                               std::function<awaitable<void>(const Request&, Writer&)> handler) {
    grpc::Status status;
    try {
      co_await async::checkpoint();
      if (!self->alive_) throw boost::system::system_error(boost::asio::error::operation_aborted);
      self->handler_.spawn(handler(*request, *self));
      co_await self->handler_.join();
    } catch (...) {
      status = to_status(std::current_exception());
    }
    self->Finish(status);
  }

  // On gRPC's threads:
  void OnWriteDone(bool ok) override {
    boost::asio::post(executor_, [self = this->shared_from_this(), ok] {
      self->writing_ = false;
      self->alive_ = self->alive_ && ok;
      self->done_.notify();
    });
  }
  void OnCancel() override {
    boost::asio::post(executor_, [self = this->shared_from_this()] {
      self->alive_ = false;
      self->handler_.cancel();
    });
  }
  void OnDone() override {
    boost::asio::post(executor_, [self = this->shared_from_this()] { self->keep_.reset(); });
  }

  async::Executor executor_;
  async::TaskGroup handler_;
  async::Signal done_;
  Response message_;
  bool writing_ = false;
  bool alive_ = true;
  std::shared_ptr<Writer> keep_;  ///< gRPC holds a bare pointer until OnDone.
};

template <class Request, class Response>
grpc::ServerUnaryReactor* Bridge::unary(grpc::CallbackServerContext* context, const Request* request,
                                        Response* response,
                                        std::function<awaitable<void>(const Request&, Response&)> handler) {
  auto* reactor = context->DefaultReactor();
  boost::asio::post(executor_, [=, this, handler = std::move(handler)]() mutable {
    ++count_;
    calls_.spawn(serve(reactor, request, response, std::move(handler)));
  });
  return reactor;
}

template <class Request, class Response>
awaitable<void> Bridge::serve(grpc::ServerUnaryReactor* reactor, const Request* request, Response* response,
                              std::function<awaitable<void>(const Request&, Response&)> handler) {
  grpc::Status status;
  try {
    co_await handler(*request, *response);
  } catch (...) {
    status = to_status(std::current_exception());
  }
  reactor->Finish(status);
}

template <class Request, class Response>
grpc::ServerWriteReactor<Response>* Bridge::stream(
    const Request* request, std::function<awaitable<void>(const Request&, Writer<Response>&)> handler) {
  auto writer = std::make_shared<Writer<Response>>(executor_);
  writer->keep_ = writer;
  boost::asio::post(executor_, [=, this, handler = std::move(handler)]() mutable {
    ++count_;
    calls_.spawn(Writer<Response>::template serve<Request>(writer, request, std::move(handler)));
  });
  return writer.get();
}

}  // namespace fanout::rpc
