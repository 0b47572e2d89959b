// Dashboard: has the daemon serve its page, and opens it.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "client/commands.hpp"
#include "common/error.hpp"
#include "common/exit_code.hpp"
#include "common/whole_file.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value && *value != '\0';
}

/// Somebody sits before a screen, and sees what opens there.
bool has_screen(Session& session) {
  return session.out().is_terminal() && (is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") || is_set("BROWSER"));
}

/// A page that leads to the URL, for this user's eyes only: the words of a command line are for everybody's.
std::filesystem::path write_leading_page(const std::filesystem::path& folder, const std::string& url) {
  const auto file = folder / "dashboard.html";
  std::string shown;
  for (const char c : url) shown += c == '&' ? "&amp;" : std::string(1, c);
  const auto page = "<!doctype html><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\">"
                    "<meta http-equiv=\"refresh\" content=\"0;url=" + shown + "\"><title>Fanout</title>\n";
  write_whole(file, page, {.mode = 0600});
  return file;
}

/// By what the desktop has for it; false: it has nothing.
bool open_in_browser(const std::filesystem::path& file) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  }
  std::string program = "xdg-open", argument = file.string();
  char* words[] = {program.data(), argument.data(), nullptr};
  pid_t pid = -1;
  const int failed = posix_spawnp(&pid, program.c_str(), &actions, nullptr, words, environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  return failed == 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

int dashboard(Session& session, const DashboardOptions& options) {
  v1::OpenDashboardRequest request;
  if (!options.run.empty()) request.set_run_id(get_run(session, options.run).id());
  request.set_allow_actions(options.allow_actions);
  const auto answer = session.daemon().call(request);
  if (session.json()) {
    session.print_json(answer);
    return kExitOk;
  }
  session.out().line(answer.url());
  if (options.no_browser || !has_screen(session)) return kExitOk;
  if (!open_in_browser(write_leading_page(session.socket().parent_path(), answer.url()))) {
    say("no browser could be opened (xdg-open did not do it); the page is at the address above");
  }
  return kExitOk;
}

}  // namespace fanout::client
