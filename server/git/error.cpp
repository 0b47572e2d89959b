#include <algorithm>

#include "server/git/handle.hpp"

namespace fanout::git {

namespace {

/// A user name alone is a token as often as not with https, and never a secret with ssh.
bool is_secret(std::string_view scheme, std::string_view user_info) {
  return scheme.ends_with("http") || scheme.ends_with("https") || user_info.find(':') != user_info.npos;
}

ErrorKind kind_of_class(int error_class) {
  switch (error_class) {
    case GIT_ERROR_NET:
    case GIT_ERROR_SSL:
    case GIT_ERROR_SSH:
    case GIT_ERROR_HTTP:
      return ErrorKind::unavailable;
    default:  // The classes name parts of libgit2, most of them of no interest to a caller.
      return ErrorKind::system;
  }
}

ErrorKind kind_of(int code, int error_class) {
  switch (code) {
    case GIT_ENOTFOUND:
      // A host that does not resolve or a branch that is not there: the class tells them apart.
      return kind_of_class(error_class) == ErrorKind::unavailable ? ErrorKind::unavailable
                                                                  : ErrorKind::not_found;
    case GIT_EEXISTS:
      return ErrorKind::already_there;
    case GIT_EINVALIDSPEC:
    case GIT_EAMBIGUOUS:
    case GIT_EINVALID:
      return ErrorKind::invalid_input;
    case GIT_ELOCKED:
    case GIT_EMODIFIED:
    case GIT_ECONFLICT:
    case GIT_EUNCOMMITTED:
    case GIT_EUNMERGED:
    case GIT_EUNBORNBRANCH:
    case GIT_EBAREREPO:
    case GIT_EOWNER:
    case GIT_EAUTH:
    case GIT_ECERTIFICATE:
      return ErrorKind::precondition;
    default:  // GIT_ERROR and the rest say nothing more than the class does.
      return kind_of_class(error_class);
  }
}

}  // namespace

std::string without_secrets(std::string_view text) {
  std::string clean;
  while (true) {
    const std::size_t mark = text.find("://");
    if (mark == text.npos) return clean.append(text);
    const std::size_t begin = mark + 3;
    const std::size_t end = std::min(text.find_first_of("/ \t\r\n'\"", begin), text.size());
    const std::size_t at = text.substr(begin, end - begin).rfind('@');
    clean.append(text.substr(0, begin));
    if (at != text.npos && is_secret(text.substr(0, mark), text.substr(begin, at))) {
      clean.append("***");
      text.remove_prefix(begin + at);
    } else {
      text.remove_prefix(begin);
    }
  }
}

std::string last_reason() {
  const git_error* error = git_error_last();
  return error && error->message ? without_secrets(error->message) : "libgit2 gives no reason";
}

bool is_file_error() {
  const git_error* error = git_error_last();
  return error && error->klass == GIT_ERROR_OS;
}

void check(int code, std::string_view doing) {
  if (code >= 0) return;
  const git_error* error = git_error_last();
  const ErrorKind kind = kind_of(code, error ? error->klass : GIT_ERROR_NONE);
  throw Error(kind, "cannot " + without_secrets(doing) + ": " + last_reason());
}

}  // namespace fanout::git
