#include "server/git/shared_checkout.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>

#include "common/error.hpp"
#include "server/git/checkouts.hpp"
#include "server/git/files.hpp"
#include "server/git/git_program.hpp"

namespace fanout::git {

namespace {

constexpr std::size_t kFilesInPart = 64;
constexpr std::size_t kMostActive = 32;

/// Each open checkout takes one descriptor per folder on the way to a file, for each worker. Half of them are for others.
std::size_t most_active(std::size_t depth, std::size_t workers) {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = 1024;
  return std::clamp<std::size_t>(limit.rlim_cur / 2 / (workers * (depth + 2)), 1, kMostActive);
}

/// Before the present second: git takes a file whose time is not before the index's for one that may have been changed
/// in the same moment, and reads it again. And whoever changes a file from now on gives it another time.
timespec time_of_files() {
  timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return {now.tv_sec - 1, 0};
}

void write_index(const EmptyCheckout& checkout, const std::string& content) {
  const fs::path lock = checkout.admin / "index.lock";
  write_new(lock, content);
  if (::rename(lock.c_str(), (checkout.admin / "index").c_str()) == 0) return;
  throw Error(ErrorKind::system, "cannot write the index of " + checkout.folder.string() + ": " + errno_text(errno));
}

/// Over what lies there.
void check_out_by_libgit2(const EmptyCheckout& checkout) {
  const Repository worktree = open_repository(checkout.folder);
  const Commit commit = find_commit(worktree, checkout.commit);
  git_checkout_options options = GIT_CHECKOUT_OPTIONS_INIT;
  options.checkout_strategy = GIT_CHECKOUT_FORCE;
  check(git_checkout_tree(worktree.get(), reinterpret_cast<const git_object*>(commit.get()), &options),
        "check out the worktree " + checkout.folder.string());
}

}  // namespace

/// Some files, and who gets them.
struct SharedCheckout::Part {
  std::size_t first_file, end_file;
  std::vector<TargetPtr> targets;
  std::vector<std::exception_ptr> errors;  ///< One for each target.
};

SharedCheckout::SharedCheckout(fs::path common, std::string tree, unsigned workers)
    : common_(std::move(common)), tree_(std::move(tree)), readers_(workers) {}

void SharedCheckout::join(EmptyCheckout checkout, std::stop_token stop, Materialiser::Done done) {
  auto target = std::make_shared<Target>();
  target->checkout = std::move(checkout);
  target->stop = std::move(stop);
  target->done = std::move(done);
  waiting_.push_back(std::move(target));
}

std::optional<SharedCheckout::Work> SharedCheckout::next() {
  if (!plan_) {
    if (planning_ || waiting_.empty()) return std::nullopt;
    return counted(plan());
  }
  drop_cancelled();
  if (!written_.empty()) {
    auto target = std::move(written_.front());
    written_.pop_front();
    return counted(finish(std::move(target)));
  }
  if (!waiting_.empty() && (!plan_->left_to_git.empty() || waiting_.front()->checkout.may_hold_files)) {
    auto target = std::move(waiting_.front());
    waiting_.pop_front();
    return counted(check_out_otherwise(std::move(target)));
  }
  admit();
  if (!written_.empty()) return next();
  const bool all_begun = std::all_of(active_.begin(), active_.end(), [&](const TargetPtr& t) { return t->parts_begun == parts_; });
  if (all_begun) return std::nullopt;
  return counted(write_part());
}

SharedCheckout::Work SharedCheckout::counted(Work work) {
  ++busy_;
  return {std::move(work.perform), [this, account = std::move(work.account)] {
            --busy_;
            if (account) account();
          }};
}

SharedCheckout::Work SharedCheckout::plan() {
  struct Result {
    std::optional<CheckoutPlan> plan;
    std::exception_ptr error;
  };
  planning_ = true;
  const auto result = std::make_shared<Result>();
  const auto perform = [this, result](unsigned) {
    try {
      result->plan = plan_checkout(open_bare(common_), tree_);
    } catch (...) {
      result->error = std::current_exception();
    }
  };
  return {perform, [this, result] { learn_plan(std::move(result->plan), result->error); }};
}

void SharedCheckout::learn_plan(std::optional<CheckoutPlan> plan, std::exception_ptr error) {
  planning_ = false;
  plan_ = plan ? std::move(plan) : CheckoutPlan();
  parts_ = (plan_->files.size() + kFilesInPart - 1) / kFilesInPart;
  most_active_ = most_active(plan_->depth, readers_.size());
  if (!error) return;
  for (const auto& target : waiting_) {
    target->error = error;
    written_.push_back(target);
  }
  waiting_.clear();
}

SharedCheckout::Work SharedCheckout::check_out_otherwise(TargetPtr target) {
  const auto perform = [this, target = std::move(target)](unsigned) {
    std::exception_ptr error;
    try {
      const auto& checkout = target->checkout;
      if (plan_->left_to_git.empty()) {
        check_out_by_libgit2(checkout);
      } else if (checkout.git_may_do_it) {
        check_out_by_git(checkout, target->stop);
      }
    } catch (...) {
      error = std::current_exception();
    }
    target->done(error, plan_->left_to_git);
  };
  return {perform, {}};
}

void SharedCheckout::admit() {
  while (!waiting_.empty() && active_.size() < most_active_ && !waiting_.front()->checkout.may_hold_files) {
    auto target = std::move(waiting_.front());
    waiting_.pop_front();
    try {
      refuse_cancelled(*target);
      prepare(*target);
    } catch (...) {
      target->error = std::current_exception();
    }
    (target->error || parts_ == 0 ? written_.push_back(target) : active_.push_back(target));
  }
}

void SharedCheckout::refuse_cancelled(const Target& target) {
  if (target.stop.stop_requested()) throw Error(ErrorKind::cancelled, "was told to stop while files were checked out");
}

void SharedCheckout::prepare(Target& target) const {
  target.root = Folder::open(target.checkout.folder);
  if (!target.root) {
    throw Error(ErrorKind::system, "cannot look into the new worktree " + target.checkout.folder.string() + ": " + errno_text(errno));
  }
  const timespec time = time_of_files();
  for (std::size_t i = 0; i < readers_.size(); ++i) target.writers.emplace_back(*target.root, time);
  target.states.resize(plan_->files.size());
}

void SharedCheckout::drop_cancelled() {
  for (const auto& target : active_) {
    try {
      if (!target->error) refuse_cancelled(*target);
    } catch (const Error&) {
      target->error = std::current_exception();
    }
  }
  settle();
}

/// Who has all its files, or gets no more, is no longer dealt to.
void SharedCheckout::settle() {
  std::erase_if(active_, [&](const TargetPtr& target) {
    const bool wants_no_more = target->error || target->parts_begun == parts_;
    const bool is_over = wants_no_more && target->parts_written == target->parts_begun;
    if (is_over) written_.push_back(target);
    return is_over;
  });
}

SharedCheckout::Work SharedCheckout::write_part() {
  const auto part = std::make_shared<Part>();
  const std::size_t number = next_part_++ % parts_;
  part->first_file = number * kFilesInPart;
  part->end_file = std::min(part->first_file + kFilesInPart, plan_->files.size());
  for (const auto& target : active_) {
    if (target->error || target->parts_begun == parts_) continue;
    ++target->parts_begun;
    part->targets.push_back(target);
  }
  part->errors.resize(part->targets.size());
  return {[this, part](unsigned worker) { write(worker, *part); },
          [this, part] {
            for (std::size_t i = 0; i < part->targets.size(); ++i) {
              ++part->targets[i]->parts_written;
              if (part->errors[i]) part->targets[i]->error = part->errors[i];
            }
            settle();
          }};
}

void SharedCheckout::write(unsigned worker, Part& part) {
  try {
    if (!readers_[worker]) readers_[worker] = std::make_unique<BlobReader>(common_);
    for (std::size_t file = part.first_file; file < part.end_file; ++file) write_file(worker, file, part);
  } catch (...) {
    for (auto& error : part.errors) error = std::current_exception();
  }
}

/// What fails in one worktree concerns no other.
template <typename Write>
void for_each_target(auto& part, unsigned worker, std::size_t file, Write write) {
  for (std::size_t i = 0; i < part.targets.size(); ++i) {
    if (part.errors[i]) continue;
    try {
      part.targets[i]->states[file] = write(part.targets[i]->writers[worker]);
    } catch (...) {
      part.errors[i] = std::current_exception();
    }
  }
}

void SharedCheckout::write_file(unsigned worker, std::size_t number, Part& part) {
  const PlannedFile& file = plan_->files[number];
  if (file.mode == GIT_FILEMODE_COMMIT) {
    return for_each_target(part, worker, number, [&](TreeWriter& writer) { return writer.make_submodule_folder(file); });
  }
  const ReadBlob blob = readers_[worker]->read(file.id, file.path);
  if (file.mode == GIT_FILEMODE_LINK && plan_->symlinks) {
    const std::string target(blob.content());
    return for_each_target(part, worker, number, [&](TreeWriter& writer) { return writer.write_link(file, target); });
  }
  const auto changed = converted(file, blob.content());
  const std::string_view content = changed ? std::string_view(*changed) : blob.content();
  int original = -1;
  for_each_target(part, worker, number, [&](TreeWriter& writer) {
    const IndexStat state = writer.write(file, content, original);
    if (original < 0) original = writer.last();
    return state;
  });
}

SharedCheckout::Work SharedCheckout::finish(TargetPtr target) {
  const auto perform = [this, target = std::move(target)](unsigned) {
    std::exception_ptr error = target->error;
    target->writers.clear();
    try {
      if (!error) write_index(target->checkout, index_of(*plan_, target->states));
    } catch (...) {
      error = std::current_exception();
    }
    target->done(error, "");
  };
  return {perform, {}};
}

}  // namespace fanout::git
