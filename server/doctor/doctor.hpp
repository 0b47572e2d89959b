#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "fanout/v1/doctor.pb.h"
#include "fanout/v1/tracker.pb.h"
#include "server/async/async.hpp"
#include "server/async/worker_pool.hpp"

/// What `fanout doctor` looks at. A further check is a further function in the list that app.cpp makes.
namespace fanout::doctor {

using async::awaitable;
using fanout::v1::Check;

/// What is looked at.
struct Question {
  std::filesystem::path repository;  ///< A folder in it; empty: none.
  bool offline = false;              ///< Nobody is asked over the network.
};

using Checks = std::vector<Check>;
/// Looks at one thing, or at a few that belong together. An Error that escapes is told as what could not be looked at.
struct Examination {
  std::string id, title;  ///< As Check's; for when it fails.
  std::function<awaitable<Checks>(Question)> look;
};

/// One that BLOCKS: it runs on `pool`, which outlives it.
Examination blocking(std::string id, std::string title, async::WorkerPool& pool,
                     std::function<Checks(const Question&)> look);

/// Makes all examinations at once and answers in their order. One that takes longer than `limit` could not be made.
/// Lifetime: outlives examine().
class Doctor {
 public:
  Doctor(async::Executor executor, std::vector<Examination> examinations,
         std::chrono::milliseconds limit = std::chrono::seconds(25))
      : executor_(executor), examinations_(std::move(examinations)), limit_(limit) {}

  awaitable<fanout::v1::ExamineResponse> examine(Question question);

 private:
  awaitable<void> make(const Examination& examination, Question question, Checks& found);

  async::Executor executor_;
  std::vector<Examination> examinations_;
  std::chrono::milliseconds limit_;
};

/// A check in words.
Check good(std::string id, std::string title, std::string found);
Check absent(std::string id, std::string title, std::string found, std::string fix = {});
Check warning(std::string id, std::string title, std::string found, std::string fix);
Check broken(std::string id, std::string title, std::string found, std::string fix);
Check unknown(std::string id, std::string title, std::string found);

/// A login at a tracker's host: where it was found, whose it is, what it may do and how much of its limit is left.
Check check_login(const fanout::v1::Login& login);

}  // namespace fanout::doctor
