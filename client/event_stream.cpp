#include <sys/eventfd.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "client/descriptor.hpp"
#include "client/rpc.hpp"
#include "client/signals.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kMostBytes = 8 << 20;  // read ahead; beyond that gRPC holds the daemon back

class GrpcEventStream final : public EventStream {
 public:
  GrpcEventStream(v1::RunService::Stub& runs, const v1::WatchRunRequest& request,
                  std::filesystem::path socket)
      : socket_(std::move(socket)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!wake_) throw Error(ErrorKind::system, "no eventfd: " + errno_text(errno));
    const ThreadsWithoutSignals guard;
    call_ = runs.WatchRun(&context_, request);
    thread_ = std::thread([this] { read(); });
  }

  ~GrpcEventStream() override {
    context_.TryCancel();
    {
      const std::lock_guard lock(mutex_);
      abandoned_ = true;
    }
    taken_.notify_one();
    thread_.join();
  }

  int descriptor() const override { return wake_.get(); }

  News take() override {
    const std::lock_guard lock(mutex_);
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(wake_.get(), &count, sizeof count);
    bytes_ = 0;
    taken_.notify_one();
    return std::exchange(news_, News{{}, {}, news_.ended, news_.failure});
  }

 private:
  void read() {
    v1::WatchRunResponse response;
    while (call_->Read(&response)) {
      if (!put(response)) break;
    }
    const auto status = call_->Finish();
    const std::lock_guard lock(mutex_);
    news_.ended = true;
    if (!status.ok()) news_.failure = to_failure(status, socket_);
    wake();
  }

  /// False: nobody wants more.
  bool put(v1::WatchRunResponse& response) {
    std::unique_lock lock(mutex_);
    taken_.wait(lock, [&] { return abandoned_ || bytes_ < kMostBytes; });
    if (abandoned_) return false;
    bytes_ += response.ByteSizeLong();
    for (auto& event : *response.mutable_events()) news_.events.push_back(std::move(event));
    if (response.events_size() > 0) news_.speech.clear();  // of before them
    for (auto& speech : *response.mutable_speech()) news_.speech.push_back(std::move(speech));
    wake();
    return true;
  }

  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wake_.get(), &one, sizeof one);
  }

  const std::filesystem::path socket_;
  const Descriptor wake_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchRunResponse>> call_;  // the thread's, once it runs
  std::mutex mutex_;
  std::condition_variable taken_;
  News news_;               // under mutex_
  std::size_t bytes_ = 0;   // of news_; under mutex_
  bool abandoned_ = false;  // under mutex_
  std::thread thread_;
};

}  // namespace

std::unique_ptr<EventStream> open_event_stream(v1::RunService::Stub& runs, const v1::WatchRunRequest& request,
                                               const std::filesystem::path& socket) {
  return std::make_unique<GrpcEventStream>(runs, request, socket);
}

}  // namespace fanout::client
