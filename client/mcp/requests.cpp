#include "client/mcp/requests.hpp"

#include <atomic>
#include <thread>

namespace fanout::mcp {

namespace {

constexpr std::size_t kMostAtOnce = 32;

}  // namespace

class Requests::Job final : public Call {
 public:
  Job(Requests& requests, json::value id, json::value token) : requests_(requests), id_(std::move(id)) {
    set_progress_token(std::move(token));
  }
  ~Job() override { thread_.join(); }

  void begin(Work work) {
    thread_ = std::thread([this, work = std::move(work)] { run(work); });
  }

  void notify(const char* method, json::object params) override { say(notification_line(method, std::move(params))); }

  /// Nothing is sent for it from here on.
  void cancel() {
    {
      const std::lock_guard lock(requests_.sending_);
      cancelled_ = true;
    }
    stop();
  }

  const json::value& id() const { return id_; }
  bool ended() const { return ended_; }

 private:
  void run(const Work& work) {
    const auto line = answer(work);
    ended_ = true;  // before it is said: whoever hears it may use the id again
    say(line);
  }

  std::string answer(const Work& work) {
    try {
      return result_line(id_, work(*this));
    } catch (const ProtocolError& error) {
      return error_line({id_, error.code(), error.what(), error.data()});
    } catch (const std::exception& unexpected) {
      return error_line({id_, kInternalError, unexpected.what(), nullptr});
    }
  }

  void say(const std::string& line) {
    const std::lock_guard lock(requests_.sending_);
    if (!cancelled_) requests_.send_(line);
  }

  Requests& requests_;
  const json::value id_;
  bool cancelled_ = false;  // under sending_
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

Requests::Requests(Send send) : send_(std::move(send)) {}

Requests::~Requests() { finish(); }

void Requests::start(const json::value& id, json::value progress_token, Work work) {
  join_ended();
  for (const auto& job : jobs_) {
    if (job->id() == id) throw ProtocolError(kInvalidRequest, "request " + id_text(id) + " is under way already");
  }
  if (jobs_.size() >= kMostAtOnce)
    throw ProtocolError(kInternalError,
                        std::to_string(kMostAtOnce) + " requests are under way already; wait for one of them");
  jobs_.push_back(std::make_unique<Job>(*this, id, std::move(progress_token)));
  jobs_.back()->begin(std::move(work));
}

void Requests::cancel(const json::value& id) {
  for (const auto& job : jobs_) {
    if (job->id() == id) job->cancel();
  }
}

void Requests::finish() {
  for (const auto& job : jobs_) job->stop();
  jobs_.clear();
}

void Requests::send(const std::string& line) {
  const std::lock_guard lock(sending_);
  send_(line);
}

void Requests::join_ended() {
  jobs_.remove_if([](const auto& job) { return job->ended(); });
}

}  // namespace fanout::mcp
