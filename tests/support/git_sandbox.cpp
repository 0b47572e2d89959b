#include "tests/support/git_sandbox.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace fanout::test {

namespace fs = std::filesystem;

namespace {

std::string home_folder() {
  const char* home = std::getenv("HOME");
  return home ? home : "/nonexistent";
}

std::vector<std::string> plain_environment() {
  const char* path = std::getenv("PATH");
  std::vector<std::string> variables{std::string("PATH=") + (path ? path : "/usr/bin:/bin"), "HOME=" + home_folder(), "LC_ALL=C",
                                     "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0"};
  for (const char* name : {"ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name)) variables.push_back(std::string(name) + "=" + value);
  }
  return variables;
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  for (const auto& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
    if (count == 0 || (count < 0 && errno != EINTR)) return text;
  }
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

TempDir::TempDir() {
  std::string pattern = (fs::temp_directory_path() / "fanout-test-XXXXXX").string();
  if (!::mkdtemp(pattern.data())) throw std::system_error(errno, std::generic_category(), "mkdtemp");
  path_ = fs::canonical(pattern);
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

IsolatedHome::IsolatedHome() {
  ::setenv("HOME", home_.path().c_str(), 1);
  ::setenv("XDG_CONFIG_HOME", (home_ / ".config").c_str(), 1);
  std::vector<std::string> git_names;
  for (char** entry = environ; *entry; ++entry) {
    const std::string text = *entry;
    if (text.starts_with("GIT_")) git_names.push_back(text.substr(0, text.find('=')));
  }
  for (const auto& name : git_names) ::unsetenv(name.c_str());
}

Output run_in(const fs::path& folder, const std::vector<std::string>& argv) {
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], 1);
  ::posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], 2);
  const auto environment = plain_environment();
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, argv.at(0).c_str(), &actions, nullptr, pointers(argv).data(),
                                    pointers(environment).data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(pipe_ends[1]);
  Output output;
  if (!failed) {
    output.text = read_all(pipe_ends[0]);
    output.status = wait_for(child);
  }
  ::close(pipe_ends[0]);
  if (failed) throw std::system_error(failed, std::generic_category(), "cannot run " + argv[0]);
  return output;
}

std::string git_in(const fs::path& folder, const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {"git"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  Output output = run_in(folder, argv);
  if (output.status != 0) {
    std::string command;
    for (const auto& word : argv) command += word + " ";
    throw std::runtime_error(command + "failed: " + output.text);
  }
  while (!output.text.empty() && output.text.back() == '\n') output.text.pop_back();
  return output.text;
}

void write_file(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

GitSandbox::GitSandbox() : root_(folder_ / "repo") {
  fs::create_directory(root_);
  git({"init", "--quiet", "-b", "main"});
  git({"config", "user.name", "Ada"});
  git({"config", "user.email", "ada@example.org"});
}

Output GitSandbox::try_git(const std::vector<std::string>& arguments) const {
  std::vector<std::string> argv = {"git"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return run_in(root_, argv);
}

std::string GitSandbox::commit_file(const std::string& path, const std::string& content,
                                    const std::string& message) const {
  write_file(root_ / path, content);
  git({"add", "--", path});
  git({"commit", "--quiet", "-m", message, "--", path});
  return git({"rev-parse", "HEAD"});
}

fs::path GitSandbox::add_bare_remote(const std::string& name) const {
  const fs::path bare = outside() / (name + ".git");
  git_in(outside(), {"init", "--quiet", "--bare", "-b", "main", bare.string()});
  git({"remote", "add", name, bare.string()});
  return bare;
}

}  // namespace fanout::test
