#include <cstring>
#include <random>

#include "client/plan_request.hpp"
#include "client/watching.hpp"
#include "common/environment.hpp"
#include "common/exit_code.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr int kTries = 3;

/// What the run's programs should see as the caller sees it. No other variable leaves this process: it
/// could hold a secret.
bool is_passed_on(std::string_view name) {
  for (const auto* known : {"PATH", "SHELL", "LANG", "TZ", "SSH_AUTH_SOCK"}) {
    if (name == known) return true;
  }
  return name.starts_with("LC_");
}

void pass_environment_on(v1::ExecutePlanRequest& request) {
  for (const auto& [name, value] : own_environment()) {
    if (is_passed_on(name)) (*request.mutable_environment())[name] = value;
  }
}

std::string random_id() {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::random_device random;
  std::string id;
  for (int i = 0; i < 32; ++i) id += kDigits[random() & 15];
  return id;
}

/// A daemon that was just stopping is replaced, and asked again: the request's id makes that one run.
v1::ExecutePlanResponse start_run(Session& session, const v1::ExecutePlanRequest& request) {
  for (int tries = 1;; ++tries) {
    try {
      return (tries == 1 ? session.daemon() : session.daemon_again()).call(request);
    } catch (const CallFailed& failure) {
      if (failure.kind() != ErrorKind::unavailable || tries == kTries) throw;
    }
  }
}

}  // namespace

int execute(Session& session, const ExecuteOptions& options) {
  auto request = plan_request<v1::ExecutePlanRequest>(options.plan);
  pass_environment_on(request);
  request.set_request_id(random_id());
  auto answer = start_run(session, request);
  session.print_warnings(answer.diagnostics());
  if (!options.detach) return watch_run(session, std::move(*answer.mutable_run()), {0, options.verbose, options.bell});
  if (session.json()) {
    session.print_json(answer.run());
  } else {
    session.out().line(answer.run().id());
  }
  return kExitOk;
}

}  // namespace fanout::client
