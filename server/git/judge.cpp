#include "server/git/judge.hpp"

#include <cerrno>

#include "common/text.hpp"
#include "server/git/cleanliness.hpp"
#include "server/git/contained.hpp"
#include "server/git/folder.hpp"

namespace fanout::git {

namespace {

constexpr std::size_t kMostDetails = 20;

struct Ref {
  std::string name;  ///< Without refs/heads/ or refs/remotes/.
  git_oid tip;
};

std::optional<git_oid> tip_of(const Repository& bare, const std::string& ref) {
  git_oid id;
  const int code = git_reference_name_to_id(&id, bare.get(), ref.c_str());
  if (code == GIT_ENOTFOUND || code == GIT_EINVALIDSPEC) return std::nullopt;
  check(code, "read " + ref);
  return id;
}

Verdict keep(std::string reason, std::vector<std::string> details = {}) {
  if (details.size() > kMostDetails) details.resize(kMostDetails);
  return {false, std::move(reason), std::move(details), ""};
}

class Judge {
 public:
  Judge(const JudgeRequest& request, const fs::path& common, std::stop_token stop)
      : request_(&request), common_(common), bare_(open_for_comparison(common)), stop_(std::move(stop)) {}

  Verdict run() {
    const auto tip =
        request_->branch.empty() ? std::nullopt : tip_of(bare_, "refs/heads/" + request_->branch);
    if (tip) commits_.push_back(*tip);
    Verdict verdict = judge_all();
    verdict.tip = tip ? text_of(*tip) : "";
    return verdict;
  }

 private:
  /// What cannot be judged is kept.
  Verdict judge_all() {
    try {
      auto verdict = judge_worktree();
      return verdict ? std::move(*verdict) : judge_commits();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::precondition) throw;
      return keep(error.what());
    }
  }

  /// Empty: it does not stand against removal.
  std::optional<Verdict> judge_worktree() {
    if (request_->worktree.empty()) return std::nullopt;
    const std::string name = request_->worktree.string();
    const auto checkout = checkout_at(common_, request_->worktree);
    if (!checkout) return judge_unregistered(name);
    if (checkout->is_main) return keep(name + " is the main checkout");
    if (const auto lock = lock_of(*checkout)) {
      return keep(name + " is locked" + (lock->empty() ? "" : ": " + *lock));
    }
    if (const auto what = unfinished_in(*checkout); !what.empty()) {
      return keep("a " + what + " is unfinished in " + name);
    }
    const Head head = head_of(bare_, *checkout);
    if (head.commit && (commits_.empty() || !git_oid_equal(&commits_[0], &*head.commit))) {
      commits_.push_back(*head.commit);
    }
    const auto folder = Folder::open(checkout->folder);
    if (!folder && errno == ENOENT) return std::nullopt;
    if (!folder) return keep(name + " cannot be read: " + errno_text(errno));
    auto found = uncommitted_in(open_bare(common_), *checkout, head, stop_);
    if (found.reason.empty()) return std::nullopt;
    return keep(found.reason + " in " + name, std::move(found.details));
  }

  static std::optional<Verdict> judge_unregistered(const std::string& name) {
    const auto folder = Folder::open(place(name));
    if (!folder && errno == ENOENT) return std::nullopt;
    const auto names = folder ? folder->names() : std::vector<std::string>{"?"};
    // A removal that was cut off leaves no more than the link to the registration.
    if (names.empty() || (names.size() == 1 && names[0] == ".git")) return std::nullopt;
    return keep(name + " is there, but git does not know it as a worktree");
  }

  Verdict judge_commits() {
    std::string proof = "there is nothing left of it";
    for (const auto& commit : commits_) {
      auto found = proof_of(commit);
      if (!found) return keep_commits(commit);
      proof = std::move(*found);
    }
    return {true, proof, {}, ""};
  }

  std::optional<std::string> proof_of(const git_oid& commit) {
    for (const auto& ref : remote_refs()) {
      if (holds(bare_, ref.tip, commit)) return ref.name + " has its commits";
    }
    std::optional<git_oid> base;
    if (!request_->base.empty()) base = parse_id(request_->base);
    for (const auto& ref : target_refs()) {
      const auto [target, is_new] = targets_.try_emplace(ref.name, bare_, ref.name, ref.tip, stop_);
      if (auto proof = target->second.proof_of(commit, base)) return proof;
    }
    return std::nullopt;
  }

  Verdict keep_commits(const git_oid& commit) const {
    std::vector<std::string> lines;
    Revwalk walk;
    check(git_revwalk_new(walk.out(), bare_.get()), "list the commits");
    check(git_revwalk_push(walk.get(), &commit), "list the commits");
    for (const auto& refs : {target_refs(), remote_refs()}) {
      for (const auto& ref : refs) check(git_revwalk_hide(walk.get(), &ref.tip), "list the commits");
    }
    git_oid id;
    std::size_t count = 0;
    for (; git_revwalk_next(&id, walk.get()) == 0; ++count) {
      if (count >= kMostDetails) continue;
      const char* summary = git_commit_summary(find_commit(bare_, id).get());
      lines.push_back(text_of(id).substr(0, 7) + " " + printable(summary ? summary : ""));
    }
    const std::string verb = count == 1 ? " is" : " are";
    return keep(counted(count, "commit") + verb + " in nothing else: neither on " + places() +
                    ", nor as the same change",
                std::move(lines));
  }

  std::string places() const {
    std::vector<std::string> names = request_->targets;
    if (!request_->remote.empty()) names.push_back(request_->remote);
    return names.empty() ? "any other branch" : join(names, ", ");
  }

  std::vector<Ref> target_refs() const {
    std::vector<Ref> refs;
    for (const auto& target : request_->targets) {
      const auto here = tip_of(bare_, "refs/heads/" + target);
      if (here && target != request_->branch) refs.push_back({target, *here});
      if (request_->remote.empty()) continue;
      const auto there = tip_of(bare_, "refs/remotes/" + request_->remote + "/" + target);
      if (there && counts(target, *there)) refs.push_back({request_->remote + "/" + target, *there});
    }
    return refs;
  }

  std::vector<Ref> remote_refs() const {
    std::vector<Ref> refs;
    if (request_->remote.empty()) return refs;
    const std::string prefix = "refs/remotes/" + request_->remote + "/";
    ReferenceIterator iterator;
    check(git_reference_iterator_glob_new(iterator.out(), bare_.get(), (prefix + "*").c_str()),
          "list the remote's branches");
    const char* name = nullptr;
    int code = 0;
    while ((code = git_reference_next_name(&name, iterator.get())) == 0) {
      const std::string branch = std::string(name).substr(prefix.size());
      const auto tip = tip_of(bare_, name);
      if (tip && branch != "HEAD" && counts(branch, *tip))
        refs.push_back({request_->remote + "/" + branch, *tip});
    }
    if (code != GIT_ITEROVER) check(code, "list the remote's branches");
    return refs;
  }

  /// Whether what we remember of a branch of the remote proves anything.
  bool counts(const std::string& branch, const git_oid& remembered) const {
    if (request_->remote_branch_goes_too && branch == request_->branch) return false;
    if (!request_->live) return true;
    const auto live = request_->live->find(branch);
    if (live == request_->live->end()) return false;
    const git_oid now = parse_id(live->second);
    Commit known;
    return git_commit_lookup(known.out(), bare_.get(), &now) == 0 && holds(bare_, now, remembered);
  }

  const JudgeRequest* request_;
  fs::path common_;
  Repository bare_;
  std::stop_token stop_;
  std::vector<git_oid> commits_;  ///< To be found elsewhere.
  std::map<std::string, Target> targets_;
};

}  // namespace

Verdict judge(const JudgeRequest& request, std::stop_token stop) {
  return Judge(request, common_folder(open_repository(request.repository)), std::move(stop)).run();
}

WorktreeFacts inspect_worktree(const fs::path& repository, const fs::path& path, std::stop_token stop) {
  const fs::path common = common_folder(open_repository(repository));
  const Repository bare = open_bare(common);
  const auto checkout = checkout_at(common, path);
  if (!checkout) return {};
  const Head head = head_of(bare, *checkout);
  WorktreeFacts facts;
  facts.registered = true;
  facts.branch = head.branch;
  facts.head = head.commit ? text_of(*head.commit) : "";
  facts.locked = lock_of(*checkout).has_value();
  const auto folder = Folder::open(checkout->folder);
  if (!folder) return facts;
  std::error_code error;
  const bool has_index = fs::is_regular_file(fs::symlink_status(checkout->admin / "index", error));
  facts.whole = is_linked(*folder, *checkout) && has_index && head.commit.has_value();
  facts.dirty = !unfinished_in(*checkout).empty() ||
                !uncommitted_in(bare, *checkout, head, std::move(stop)).reason.empty();
  return facts;
}

}  // namespace fanout::git
