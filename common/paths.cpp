#include "common/paths.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "common/error.hpp"

namespace fanout {

namespace fs = std::filesystem;

namespace {

/// The value of an environment variable that holds an absolute path; others count as unset, as XDG says.
fs::path absolute_variable(const char* name) {
  const char* value = std::getenv(name);
  return value && value[0] == '/' ? fs::path(value) : fs::path();
}

/// A path that the user chose for us; a relative one counts from the present folder.
fs::path own_variable(const char* name) {
  const char* value = std::getenv(name);
  return value && value[0] != '\0' ? fs::absolute(value) : fs::path();
}

fs::path under_home(const char* xdg, const char* beneath_home) {
  if (auto folder = absolute_variable(xdg); !folder.empty()) return folder / "fanout";
  if (auto home = absolute_variable("HOME"); !home.empty()) return home / beneath_home / "fanout";
  throw Error(ErrorKind::precondition,
              std::string("neither ") + xdg + " nor HOME is set to an absolute path");
}

}  // namespace

fs::path default_socket() {
  if (auto own = own_variable("FANOUT_SOCKET"); !own.empty()) return own;
  const auto runtime = absolute_variable("XDG_RUNTIME_DIR");
  const auto folder =
      runtime.empty() ? fs::path("/tmp/fanout-" + std::to_string(geteuid())) : runtime / "fanout";
  return folder / "fanoutd.sock";
}

fs::path state_directory() {
  if (auto own = own_variable("FANOUT_STATE"); !own.empty()) return own;
  return under_home("XDG_STATE_HOME", ".local/state");
}

fs::path user_config_file() {
  if (auto own = own_variable("FANOUT_CONFIG"); !own.empty()) return own;
  return under_home("XDG_CONFIG_HOME", ".config") / "config.toml";
}

void make_private_directory(const fs::path& path) {
  // With a "/" at its end the folder would be its own parent, and be made like one: open to others.
  const auto directory = path.has_filename() ? path : path.parent_path();
  std::error_code error;
  fs::create_directories(directory.parent_path(), error);
  if (mkdir(directory.c_str(), 0700) == 0) return;
  const int reason = errno;
  struct stat status {};
  if (reason != EEXIST || stat(directory.c_str(), &status) != 0) {
    throw Error(ErrorKind::system,
                "cannot make the folder " + directory.string() + ": " + errno_text(reason));
  }
  if (!S_ISDIR(status.st_mode)) throw Error(ErrorKind::system, directory.string() + " is not a folder");
  if (status.st_uid != geteuid() && status.st_uid != 0) {
    throw Error(ErrorKind::system, directory.string() + " belongs to another user: choose another place");
  }
  if ((status.st_mode & 022) != 0 && (status.st_mode & S_ISVTX) == 0) {
    throw Error(ErrorKind::system,
                "others may write into " + directory.string() + ": chmod go-w it, or choose another place");
  }
}

}  // namespace fanout
