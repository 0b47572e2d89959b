#include "client/merging_calls.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <thread>

#include "client/descriptor.hpp"
#include "client/rpc.hpp"
#include "client/signals.hpp"
#include "fanout/v1/merging.grpc.pb.h"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

/// Cancels a call once a descriptor is readable, as long as it lives. Negative: never.
class CancelWhenReadable {
 public:
  CancelWhenReadable(grpc::ClientContext& call, int descriptor) {
    if (descriptor < 0) return;
    done_ = Descriptor(eventfd(0, EFD_CLOEXEC));
    const ThreadsWithoutSignals guard;
    thread_ = std::thread([&call, descriptor, done = done_.get()] {
      pollfd watched[] = {{descriptor, POLLIN, 0}, {done, POLLIN, 0}};
      while (poll(watched, 2, -1) < 0 && errno == EINTR) continue;
      if (watched[0].revents != 0) call.TryCancel();
    });
  }
  ~CancelWhenReadable() {
    if (!thread_.joinable()) return;
    eventfd_write(done_.get(), 1);
    thread_.join();
  }
  CancelWhenReadable(const CancelWhenReadable&) = delete;
  CancelWhenReadable& operator=(const CancelWhenReadable&) = delete;

 private:
  Descriptor done_;
  std::thread thread_;
};

}  // namespace

struct MergingCalls::Stub {
  using Service = v1::MergingService::Stub;

  explicit Stub(const std::shared_ptr<grpc::Channel>& channel) : service(channel) {}

  template <class Request, class Response>
  Response unary(grpc::Status (Service::*method)(grpc::ClientContext*, const Request&, Response*), const Request& request,
                 const std::filesystem::path& socket, std::chrono::milliseconds limit) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + limit);
    Response response;
    const auto status = (service.*method)(&context, request, &response);
    if (!status.ok()) throw to_failure(status, socket);
    return response;
  }

  template <class Request, class Response>
  void stream(std::unique_ptr<grpc::ClientReader<Response>> (Service::*method)(grpc::ClientContext*, const Request&),
              const Request& request, const std::filesystem::path& socket, const std::function<void(const Response&)>& sink, int stop) {
    grpc::ClientContext context;
    const auto reader = (service.*method)(&context, request);
    const CancelWhenReadable stopping(context, stop);
    Response part;
    try {
      while (reader->Read(&part)) sink(part);
    } catch (...) {  // the sink wants no more
      context.TryCancel();
      reader->Finish();
      throw;
    }
    if (const auto status = reader->Finish(); !status.ok()) throw to_failure(status, socket);
  }

  Service service;
};

MergingCalls::MergingCalls(Session& session) : socket_(session.socket()) {
  session.daemon();
  stub_ = std::make_unique<Stub>(open_channel(socket_));
}

MergingCalls::MergingCalls(std::filesystem::path socket)
    : socket_(std::move(socket)), stub_(std::make_unique<Stub>(open_channel(socket_))) {}

MergingCalls::~MergingCalls() = default;

v1::ReviewRunResponse MergingCalls::review(const v1::ReviewRunRequest& request, std::chrono::milliseconds limit) {
  return stub_->unary<v1::ReviewRunRequest, v1::ReviewRunResponse>(&Stub::Service::ReviewRun, request, socket_, limit);
}

v1::ListCollisionsResponse MergingCalls::collisions(const v1::ListCollisionsRequest& request) {
  return stub_->unary<v1::ListCollisionsRequest, v1::ListCollisionsResponse>(&Stub::Service::ListCollisions, request, socket_, kPatience);
}

v1::SolveConflictResponse MergingCalls::solve(const v1::SolveConflictRequest& request) {
  return stub_->unary<v1::SolveConflictRequest, v1::SolveConflictResponse>(&Stub::Service::SolveConflict, request, socket_, kPatience);
}

void MergingCalls::diff(const v1::DiffTaskRequest& request, const std::function<void(const v1::DiffTaskResponse&)>& sink, int stop) {
  stub_->stream<v1::DiffTaskRequest, v1::DiffTaskResponse>(&Stub::Service::DiffTask, request, socket_, sink, stop);
}

void MergingCalls::merge(const v1::MergeRequest& request, const std::function<void(const v1::MergeResponse&)>& sink, int stop) {
  stub_->stream<v1::MergeRequest, v1::MergeResponse>(&Stub::Service::Merge, request, socket_, sink, stop);
}

}  // namespace fanout::client
