// Logins at the tracker's hosts.
#include <unistd.h>

#include <iostream>

#include "client/commands.hpp"
#include "client/render/looks.hpp"
#include "client/render/table.hpp"
#include "client/render/times.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

/// From a file or a pipe; typed at a terminal it would be shown.
std::string token_from_input() {
  if (isatty(STDIN_FILENO)) {
    throw Error(ErrorKind::invalid_input, "--with-token reads the token from standard input: fanout auth login --with-token < FILE");
  }
  std::string token;
  std::getline(std::cin, token);
  token = trimmed(token);
  if (token.empty()) throw Error(ErrorKind::invalid_input, "there is no token on standard input");
  return token;
}

std::string joined(const google::protobuf::RepeatedPtrField<std::string>& words) {
  return join(std::vector<std::string>(words.begin(), words.end()), ", ");
}

void print_login(Session& session, const v1::Login& login) {
  Table table({{""}, {""}});
  const auto fact = [&](const char* name, const std::string& value, Ink ink = Ink::plain) {
    if (!value.empty()) table.add({{name, Ink::dim}, {printable(value), ink}});
  };
  fact("host", login.host());
  fact("token", login.source());
  fact("account", login.account());
  fact("app", login.app());
  fact("scopes", joined(login.scopes()));
  fact("lacks", joined(login.missing_scopes()), Ink::yellow);
  if (login.limit() > 0) {
    const auto until = login.has_reset_time() ? ", anew " + in_future(to_time(login.reset_time()), std::chrono::system_clock::now()) : "";
    fact("budget", std::to_string(login.remaining()) + " of " + std::to_string(login.limit()) + " requests left" + until);
  }
  fact("problem", login.problem(), Ink::red);
  session.print(table.lines(session.out().style(), {session.out().columns(), false, 4}));
}

void print_code(Session& session, const v1::DeviceCode& code) {
  session.out().line(printable("Open " + code.verification_uri() + " and type " + code.user_code()));
}

int of(const v1::Login& login) {
  return login.problem().empty() && login.missing_scopes().empty() ? kExitOk : kExitTasksFailed;
}

}  // namespace

int auth_login(Session& session, const AuthOptions& options) {
  v1::LogInRequest request;
  request.set_host(options.host);
  request.set_client_id(options.client_id);
  for (const auto& scope : options.scopes) request.add_scopes(scope);
  if (options.with_token) request.set_token(token_from_input());
  v1::Login login;
  session.daemon().log_in(request, [&](const v1::LogInResponse& step) {
    if (step.has_done()) login = step.done();
    if (session.json()) return session.print_json(step);
    if (step.has_code()) print_code(session, step.code());
  });
  if (session.json()) return of(login);
  session.out().line(printable("Logged in at " + login.host() + " as " + login.account()));
  print_login(session, login);
  return of(login);
}

int auth_status(Session& session, const AuthOptions& options) {
  v1::GetLoginRequest request;
  request.set_host(options.host);
  const auto answer = session.daemon().call(request);
  if (session.json()) {
    session.print_json(answer);
  } else {
    print_login(session, answer.login());
  }
  return of(answer.login());
}

int auth_refresh(Session& session) {
  const auto answer = session.daemon().call(v1::RefreshLoginsRequest());
  int code = kExitOk;
  for (const auto& login : answer.logins()) code = std::max(code, of(login));
  if (session.json()) {
    session.print_json(answer);
    return code;
  }
  if (answer.logins().empty()) session.out().line("No tracker is in use: the login is looked for when a run needs it.");
  for (const auto& login : answer.logins()) print_login(session, login);
  return code;
}

int auth_logout(Session& session, const AuthOptions& options) {
  v1::LogOutRequest request;
  request.set_host(options.host);
  const auto answer = session.daemon().call(request);
  if (session.json()) {
    session.print_json(answer);
  } else {
    session.out().line(printable("Logged out of " + answer.host()));
  }
  return kExitOk;
}

}  // namespace fanout::client
