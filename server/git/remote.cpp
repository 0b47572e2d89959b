#include <array>

#include "server/git/connection.hpp"
#include "server/git/git.hpp"
#include "server/git/remote_settings.hpp"
#include "server/git/repository.hpp"

namespace fanout::git {

namespace {

/// One string in the form that libgit2 wants lists in.
struct OneString {
  explicit OneString(std::string text) : text_(std::move(text)), pointer_(text_.data()) {}
  OneString(const OneString&) = delete;
  OneString& operator=(const OneString&) = delete;
  git_strarray array() { return {&pointer_, 1}; }

 private:
  std::string text_;
  char* pointer_;
};

/// What servers say when the branch has moved on: before they look at the commits, or in the last moment.
bool means_non_fast_forward(const std::string& reason) {
  constexpr std::array<std::string_view, 4> kWords = {"non-fast-forward", "fetch first", "but expected",
                                                      "reference already exists"};
  for (const auto word : kWords) {
    if (reason.find(word) != reason.npos) return true;
  }
  return false;
}

/// The tip of the branch at the connected remote, by its list of references.
std::optional<git_oid> advertised(const Connection& connection, const std::string& branch,
                                  const std::string& doing) {
  const git_remote_head** heads = nullptr;
  std::size_t count = 0;
  connection.check(git_remote_ls(&heads, &count, connection.remote()), doing);
  for (std::size_t i = 0; i < count; ++i) {
    if (heads[i]->name == "refs/heads/" + branch) return heads[i]->oid;
  }
  return std::nullopt;
}

/// Whether the connected remote's branch is where we left it, so that it may be replaced.
bool is_still_at(Connection& connection, const std::string& branch, const std::string& commit,
                 git_push_options& options) {
  if (commit.empty()) return false;
  const std::string doing = "ask where " + branch + " is";
  connection.check(git_remote_connect(connection.remote(), GIT_DIRECTION_PUSH, &options.callbacks,
                                      &options.proxy_opts, nullptr),
                   doing);
  const auto there = advertised(connection, branch, doing);
  return there && text_of(*there) == commit;
}

}  // namespace

std::string remote_url(const fs::path& path, const std::string& name) {
  const auto remote = find_remote(open_repository(path), name);
  if (!remote) throw Error(ErrorKind::not_found, "the repository " + path.string() + " has no remote \"" + name + "\"");
  return remote->url;
}

bool has_remote(const fs::path& path, const std::string& remote) { return find_remote(open_repository(path), remote).has_value(); }

std::variant<std::string, PushRejected> push(const fs::path& path, const std::string& remote,
                                             const std::string& branch, std::stop_token stop,
                                             const std::string& replaces, const Access& access) {
  const Repository repository = open_repository(path);
  const git_oid tip = find_branch(repository, branch);
  Connection connection(repository, remote, GIT_DIRECTION_PUSH, std::move(stop), access);
  git_push_options options = connection.push_options();
  const std::string ref = "refs/heads/" + branch;
  // The server compares with what it has advertised on this connection: nobody's push in between is lost.
  const bool may_replace = is_still_at(connection, branch, replaces, options);
  OneString spec((may_replace ? "+" : "") + ref + ":" + ref);
  const git_strarray specs = spec.array();
  const int code = git_remote_push(connection.remote(), &specs, &options);
  if (code == GIT_ENONFASTFORWARD) return PushRejected{true, last_reason()};
  if (auto reason = connection.rejection()) return PushRejected{means_non_fast_forward(*reason), *reason};
  connection.check(code, "push " + branch + " to " + remote);
  connection.accepted();
  connection.note_pushed(repository, ref, tip);
  return text_of(tip);
}

std::optional<std::string> fetch(const fs::path& path, const std::string& remote, const std::string& branch,
                                 std::stop_token stop, const Access& access) {
  const Repository repository = open_repository(path);
  const std::string doing = "fetch " + branch + " from " + remote;
  Connection connection(repository, remote, GIT_DIRECTION_FETCH, std::move(stop), access);
  git_fetch_options options = GIT_FETCH_OPTIONS_INIT;
  options.callbacks = connection.callbacks();
  options.proxy_opts = connection.proxy();
  options.update_fetchhead = 0;  // One file that callers at the same time would fight for.
  options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
  options.prune = GIT_FETCH_NO_PRUNE;
  connection.check(git_remote_connect(connection.remote(), GIT_DIRECTION_FETCH, &options.callbacks,
                                      &options.proxy_opts, nullptr),
                   doing);
  const auto tip = advertised(connection, branch, doing);
  if (!tip) return std::nullopt;
  OneString spec("+refs/heads/" + branch + ":refs/remotes/" + remote + "/" + branch);
  const git_strarray specs = spec.array();
  connection.check(git_remote_fetch(connection.remote(), &specs, &options, nullptr), doing);
  connection.accepted();
  return text_of(*git_commit_id(find_commit(repository, *tip).get()));
}

}  // namespace fanout::git
