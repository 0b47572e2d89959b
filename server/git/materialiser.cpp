#include "server/git/materialiser.hpp"

#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "common/idle_priority.hpp"
#include "server/git/shared_checkout.hpp"

namespace fanout::git {

class Materialiser::Impl {
 public:
  Impl(unsigned threads, Priority priority) : workers_(threads) {
    for (unsigned worker = 0; worker < threads; ++worker) {
      threads_.emplace_back([this, worker, priority] {
        if (priority == Priority::background) become_idle();
        work(worker);
      });
    }
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
      paused_ = false;
    }
    changed_.notify_all();
  }

  void pause(bool paused) {
    const std::lock_guard lock(mutex_);
    paused_ = paused;
    changed_.notify_all();
  }

  void check_out(EmptyCheckout checkout, std::stop_token stop, Done done) {
    const std::lock_guard lock(mutex_);
    auto& shared = checkouts_[{checkout.common.string(), checkout.tree}];
    if (!shared) shared = std::make_unique<SharedCheckout>(checkout.common, checkout.tree, workers_);
    shared->join(std::move(checkout), std::move(stop), std::move(done));
    changed_.notify_all();
  }

 private:
  using Key = std::pair<std::string, std::string>;

  void work(unsigned worker) {
    std::unique_lock lock(mutex_);
    for (;;) {
      auto work = next();
      if (!work) {
        if (ending_ && checkouts_.empty()) return;
        changed_.wait(lock);
        continue;
      }
      lock.unlock();
      work->perform(worker);
      work->perform = {};
      lock.lock();
      work->account();
      changed_.notify_all();
    }
  }

  /// Of each in turn, so that no tree waits for another to be done.
  std::optional<SharedCheckout::Work> next() {
    if (paused_) return std::nullopt;
    std::erase_if(checkouts_, [](const auto& one) { return one.second->is_over(); });
    auto begin = checkouts_.upper_bound(last_);
    for (std::size_t i = 0; i < checkouts_.size(); ++i, ++begin) {
      if (begin == checkouts_.end()) begin = checkouts_.begin();
      if (auto work = begin->second->next()) {
        last_ = begin->first;
        return work;
      }
    }
    return std::nullopt;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Key, std::unique_ptr<SharedCheckout>> checkouts_;
  Key last_;
  unsigned workers_;
  bool ending_ = false, paused_ = false;
  std::vector<std::jthread> threads_;
};

Materialiser::Materialiser(unsigned threads, Priority priority) : impl_(std::make_unique<Impl>(threads, priority)) {}

Materialiser::~Materialiser() = default;

void Materialiser::check_out(EmptyCheckout checkout, std::stop_token stop, Done done) {
  impl_->check_out(std::move(checkout), std::move(stop), std::move(done));
}

std::future<std::string> Materialiser::check_out(EmptyCheckout checkout, std::stop_token stop) {
  const auto promise = std::make_shared<std::promise<std::string>>();
  auto future = promise->get_future();
  check_out(std::move(checkout), std::move(stop), [promise](std::exception_ptr error, std::string by_git) {
    error ? promise->set_exception(error) : promise->set_value(std::move(by_git));
  });
  return future;
}

void Materialiser::pause(bool paused) { impl_->pause(paused); }

}  // namespace fanout::git
