#include "server/git/connection.hpp"

#include "common/text.hpp"

namespace fanout::git {

namespace {

constexpr std::size_t kMostServerText = 2048;

/// A path on this machine that is relative, as git tells it apart from host:path and scheme://….
bool is_relative_path(const std::string& url) {
  if (url.empty() || url.starts_with('/') || url.find("://") != url.npos) return false;
  const std::size_t colon = url.find(':');
  return colon == url.npos || url.find('/') < colon;
}

/// The folder that `url` names; empty when it is not on this machine.
fs::path local_path(const std::string& url) {
  constexpr std::string_view kFile = "file://";
  if (url.starts_with(kFile)) return url.substr(kFile.size());
  return url.starts_with('/') ? fs::path(url) : fs::path();
}

void refuse_missing(const std::string& name, const std::string& url) {
  const fs::path path = local_path(url);
  // With a percent sign it may be written in another way; libgit2 will find out.
  if (path.empty() || path.string().find('%') != std::string::npos || fs::exists(fs::status(path))) return;
  throw Error(ErrorKind::not_found, "remote " + name + " names " + path.string() + ", which is not there");
}

/// libgit2 takes relative paths from the folder that this process happens to be in, where git takes them from the root of the
/// checkout.
std::string located(const Repository& repository, std::string url) {
  const char* root = git_repository_workdir(repository.get());
  return root && is_relative_path(url) ? (fs::path(root) / url).lexically_normal().string() : url;
}

RemoteSettings require_remote(const Repository& repository, const std::string& name) {
  if (auto found = find_remote(repository, name)) return std::move(*found);
  throw Error(ErrorKind::not_found, "the repository has no remote " + name);
}

}  // namespace

Connection::Connection(const Repository& repository, std::string name, git_direction direction,
                       std::stop_token stop, const Access& access)
    : name_(std::move(name)), stop_(stop), credentials_(stop, access), settings_(require_remote(repository, name_)) {
  const std::string url = located(repository, direction == GIT_DIRECTION_PUSH ? settings_.push_url : settings_.url);
  git_remote_create_options options = GIT_REMOTE_CREATE_OPTIONS_INIT;
  options.repository = repository.get();
  options.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC;
  git::check(git_remote_create_with_opts(remote_.out(), url.c_str(), &options), "read remote " + name_);
  refuse_missing(name_, url);
  local_folder_ = local_path(url);
}

git_proxy_options Connection::proxy() const {
  git_proxy_options options = GIT_PROXY_OPTIONS_INIT;
  options.type = !settings_.proxy ? GIT_PROXY_AUTO : settings_.proxy->empty() ? GIT_PROXY_NONE : GIT_PROXY_SPECIFIED;
  if (options.type == GIT_PROXY_SPECIFIED) options.url = settings_.proxy->c_str();
  return options;
}

git_push_options Connection::push_options() {
  git_push_options options = GIT_PUSH_OPTIONS_INIT;
  options.callbacks = callbacks();
  options.proxy_opts = proxy();
  options.pb_parallelism = 1;  // Callbacks from several threads at once would need locks.
  return options;
}

void Connection::note_pushed(const Repository& repository, const std::string& ref, const git_oid& tip) const {
  for (const auto& text : settings_.fetch) {
    Refspec spec;
    if (git_refspec_parse(spec.out(), text.c_str(), true) != 0 || !git_refspec_src_matches(spec.get(), ref.c_str())) continue;
    Buffer here;
    check(git_refspec_transform(&here.raw, spec.get(), ref.c_str()), "note the push to " + name_);
    Reference noted;
    check(git_reference_create(noted.out(), repository.get(), here.raw.ptr, &tip, true, "update by push"), "note the push to " + name_);
  }
}

git_remote_callbacks Connection::callbacks() {
  git_remote_callbacks callbacks = GIT_REMOTE_CALLBACKS_INIT;
  callbacks.payload = this;
  callbacks.credentials = [](git_credential** out, const char* url, const char* user, unsigned allowed,
                             void* self) {
    return static_cast<Connection*>(self)->credentials_.offer(out, url ? url : "", user, allowed);
  };
  callbacks.sideband_progress = [](const char* text, int length, void* self) {
    auto& connection = *static_cast<Connection*>(self);
    auto& said = connection.server_says_;
    if (length > 0 && said.size() < kMostServerText) said.append(text, static_cast<std::size_t>(length));
    return connection.proceed();
  };
  callbacks.transfer_progress = [](const git_indexer_progress*, void* self) {
    return static_cast<Connection*>(self)->proceed();
  };
  callbacks.pack_progress = [](int, std::uint32_t, std::uint32_t, void* self) {
    return static_cast<Connection*>(self)->proceed();
  };
  callbacks.push_transfer_progress = [](unsigned, unsigned, std::size_t, void* self) {
    return static_cast<Connection*>(self)->proceed();
  };
  callbacks.push_update_reference = [](const char*, const char* status, void* self) {
    if (status) static_cast<Connection*>(self)->rejection_ = status;
    return 0;
  };
  return callbacks;
}

void Connection::check(int code, const std::string& doing) const {
  if (code >= 0) return;
  if (stop_.stop_requested())
    throw Error(ErrorKind::cancelled, "was told to stop while it tried to " + doing);
  if (code == GIT_ECERTIFICATE) {
    throw Error(ErrorKind::precondition, "cannot " + doing +
                                             ": the server's key is not known or not to be trusted (" +
                                             last_reason() + "); for ssh, connect once by hand to accept it");
  }
  // What goes wrong with a socket has the same class as what goes wrong with a file.
  const git_error* error = git_error_last();
  if (local_folder_.empty() && error && error->klass == GIT_ERROR_OS) {
    throw Error(ErrorKind::unavailable, "cannot " + doing + ": " + last_reason());
  }
  git::check(code, doing);
}

std::optional<std::string> Connection::rejection() const {
  if (!rejection_) return std::nullopt;
  const std::string said = printable(valid_utf8(trimmed(server_says_)));
  return without_secrets(said.empty() ? *rejection_ : *rejection_ + " (" + said + ")");
}

}  // namespace fanout::git
