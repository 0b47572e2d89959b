#pragma once

#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "server/git/blob_reader.hpp"
#include "server/git/checkout_plan.hpp"
#include "server/git/folder.hpp"
#include "server/git/index_file.hpp"
#include "server/git/materialiser.hpp"
#include "server/git/tree_writer.hpp"

namespace fanout::git {

/// One tree of a repository that is being written into any number of worktrees at once. It is cut into parts, which
/// are dealt out in a circle: a worktree that joins begins with the part whose turn it is.
///
/// Not thread-safe: all is called under the owner's lock, but for Work::perform. Private to server/git.
class SharedCheckout {
 public:
  SharedCheckout(fs::path common, std::string tree, unsigned workers);

  void join(EmptyCheckout checkout, std::stop_token stop, Materialiser::Done done);

  /// Something for one worker to do: perform(worker) without the lock, then account() under it.
  struct Work {
    std::function<void(unsigned worker)> perform;
    std::function<void()> account;
  };
  /// Empty: nothing to do, or not before other work is done.
  std::optional<Work> next();

  /// Nobody is left who wants anything of it.
  bool is_over() const { return busy_ == 0 && waiting_.empty() && active_.empty() && written_.empty(); }

 private:
  struct Target {
    EmptyCheckout checkout;
    std::stop_token stop;
    Materialiser::Done done;
    std::optional<Folder> root;
    std::vector<TreeWriter> writers;  ///< One for each worker.
    std::vector<IndexStat> states;    ///< Of the plan's files.
    std::size_t parts_begun = 0, parts_written = 0;
    std::exception_ptr error;
  };
  using TargetPtr = std::shared_ptr<Target>;
  struct Part;

  Work counted(Work work);
  Work plan();
  Work check_out_otherwise(TargetPtr target);
  Work write_part();
  Work finish(TargetPtr target);
  void learn_plan(std::optional<CheckoutPlan> plan, std::exception_ptr error);
  void admit();
  static void refuse_cancelled(const Target& target);
  void prepare(Target& target) const;
  void drop_cancelled();
  void settle();
  void write(unsigned worker, Part& part);
  void write_file(unsigned worker, std::size_t file, Part& part);

  fs::path common_;
  std::string tree_;
  bool planning_ = false;
  std::optional<CheckoutPlan> plan_;
  std::size_t parts_ = 0;  ///< Of the plan.
  std::size_t next_part_ = 0;
  std::size_t most_active_ = 0;  ///< So that file descriptors suffice.
  std::vector<std::unique_ptr<BlobReader>> readers_;  ///< One for each worker.
  std::deque<TargetPtr> waiting_, written_;
  std::vector<TargetPtr> active_;
  std::size_t busy_ = 0;
};

}  // namespace fanout::git
