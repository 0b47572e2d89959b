#include "client/session.hpp"

#include <unistd.h>

#include "client/reach.hpp"
#include "client/render/json.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace {

/// Standard error may lead elsewhere than standard output, whose style the terminal knows.
Style error_style(const Terminal& out) { return {out.style().colour && isatty(STDERR_FILENO) == 1}; }

}  // namespace

Session::Session(const Globals& globals)
    : globals_(globals), out_(globals.no_color), socket_(choose_socket(globals.socket)) {}

Connection& Session::daemon() {
  if (!connection_) {
    ensure_daemon(socket_, !globals_.no_start);
    connection_ = std::make_unique<Connection>(socket_);
  }
  return *connection_;
}

Connection& Session::daemon_again() {
  connection_.reset();
  return daemon();
}

void Session::revive() {
  if (!globals_.no_start) ensure_daemon(socket_, true);
}

void Session::print(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  out_.write(text);
}

void Session::print_json(const google::protobuf::Message& message) { out_.line(to_json(message)); }

void Session::print_diagnostics(const Diagnostics& diagnostics) {
  const auto folder = present_folder();
  for (const auto& one : diagnostics) print_error_line(diagnostic_line(one, folder, error_style(out_)));
}

void Session::print_faults(const Diagnostics& diagnostics, const char* outcome) {
  print_diagnostics(diagnostics);
  say(count_diagnostics(diagnostics) + "; " + outcome);
}

void Session::print_warnings(const Diagnostics& diagnostics) {
  for (const auto& one : diagnostics) {
    if (one.severity() != fanout::v1::Diagnostic::SEVERITY_WARNING) continue;
    print_error_line(diagnostic_line(one, present_folder(), error_style(out_)));
  }
}

std::filesystem::path present_folder() {
  std::error_code error;
  auto folder = std::filesystem::current_path(error);
  if (error) throw Error(ErrorKind::system, "the present folder is not there: " + error.message());
  return folder;
}

}  // namespace fanout::client
