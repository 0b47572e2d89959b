#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/daemon.hpp"

namespace fanout::test {

/// Begins a run whose plan is open; `change` completes the request.
inline fanout::v1::Run begin_open(Daemon& daemon, const std::filesystem::path& folder, const std::string& head,
                                  const std::function<void(fanout::v1::ExecutePlanRequest&)>& change = {}) {
  fanout::v1::ExecutePlanRequest request;
  request.set_working_directory(folder.string());
  request.mutable_open()->set_head(head);
  if (change) change(request);
  fanout::v1::ExecutePlanResponse response;
  const auto status = daemon.runs().ExecutePlan(patient().get(), request, &response);
  if (!status.ok()) throw std::runtime_error(status.error_message());
  return response.run();
}

inline fanout::v1::ExtendRunResponse extend(Daemon& daemon, const std::string& run, const std::vector<std::string>& tasks,
                                            bool close = false) {
  fanout::v1::ExtendRunRequest request;
  request.set_run_id(run);
  request.set_close(close);
  for (const auto& task : tasks) request.add_tasks(task);
  fanout::v1::ExtendRunResponse response;
  const auto status = daemon.runs().ExtendRun(patient().get(), request, &response);
  if (!status.ok()) throw std::runtime_error(status.error_message());
  return response;
}

/// One line of such a plan. `agent` is a shell line without double quotes.
inline std::string entry(const std::string& id, const std::string& agent, const std::vector<std::string>& needs = {}) {
  std::string dependencies;
  for (const auto& need : needs) dependencies += (dependencies.empty() ? "\"" : ", \"") + need + "\"";
  return "{\"id\": \"" + id + "\", \"prompt\": \"do it\", \"agent\": \"" + agent + "\", \"dependencies\": [" + dependencies + "]}";
}

/// The real command line, whose standard input is written bit by bit.
class Feeding {
 public:
  Feeding(const std::filesystem::path& folder, const std::vector<std::string>& words) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    input_ = ends[1];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
    posix_spawn_file_actions_adddup2(&actions, ends[0], 0);
    posix_spawn_file_actions_addopen(&actions, 1, (files_ / "out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, 2, (files_ / "err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    std::vector<std::string> all{FANOUT};
    all.insert(all.end(), words.begin(), words.end());
    std::vector<char*> argv;
    for (auto& word : all) argv.push_back(word.data());
    argv.push_back(nullptr);
    const int failed = posix_spawn(&pid_, FANOUT, &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[0]);
    if (failed != 0) throw std::runtime_error("cannot start " FANOUT);
  }
  ~Feeding() {
    end_input();
    if (pid_ > 0) kill(pid_, SIGKILL), waitpid(pid_, nullptr, 0);
  }
  Feeding(const Feeding&) = delete;
  Feeding& operator=(const Feeding&) = delete;

  void write(const std::string& text) {
    if (::write(input_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) throw std::runtime_error("nobody reads");
  }
  void end_input() {
    if (input_ >= 0) close(std::exchange(input_, -1));
  }
  void send(int signal) { kill(pid_, signal); }
  /// Its exit code, or 128 + the signal that ended it.
  int end() {
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  std::string out() const { return read_file(files_ / "out"); }
  std::string err() const { return read_file(files_ / "err"); }

 private:
  TempDir files_;
  pid_t pid_ = -1;
  int input_ = -1;
};

}  // namespace fanout::test
