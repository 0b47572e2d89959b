#include <algorithm>

#include "client/commands.hpp"
#include "client/plan_request.hpp"
#include "client/render/settings.hpp"
#include "common/exit_code.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

v1::GetConfigRequest config_request(const ConfigOptions& options) {
  const auto folder = present_folder();
  v1::GetConfigRequest request;
  request.set_working_directory(folder.string());
  if (!options.repo.empty()) request.set_repository((folder / options.repo).lexically_normal().string());
  if (!options.plan.empty()) request.set_plan_path(find_plan(options.plan, folder).string());
  return request;
}

}  // namespace

int config(Session& session, const ConfigOptions& options) {
  const auto answer = session.daemon().call(config_request(options));
  const auto is_error = [](const auto& one) { return one.severity() == v1::Diagnostic::SEVERITY_ERROR; };
  const bool faulty = std::any_of(answer.diagnostics().begin(), answer.diagnostics().end(), is_error);
  const int code = faulty ? kExitUsage : kExitOk;
  if (session.json()) {
    session.print_json(answer);
    return code;
  }
  session.print_diagnostics(answer.diagnostics());
  if (faulty) {
    say(count_diagnostics(answer.diagnostics()) + "; what holds can be told when that is mended");
  } else {
    session.print(settings_lines(answer, present_folder(), session.out().style(), session.out().columns()));
  }
  return code;
}

}  // namespace fanout::client
