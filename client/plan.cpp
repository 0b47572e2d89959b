#include "client/render/plan.hpp"

#include "client/plan_request.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

int validate_plan(Session& session, const PlanOptions& options) {
  const auto request = plan_request<v1::ValidatePlanRequest>(options);
  const auto answer = session.daemon().call(request);
  const int code = answer.valid() ? kExitOk : kExitUsage;
  if (session.json()) {
    session.print_json(answer);
    return code;
  }
  const auto folder = present_folder();
  std::vector<std::string> lines;
  for (const auto& one : answer.diagnostics())
    lines.push_back(diagnostic_line(one, folder, session.out().style()));
  const auto plan = shown_path(request.plan_path(), folder);
  const auto tasks = answer.valid() ? counted(answer.task_count(), "task") + ", " : std::string();
  const auto ink = answer.valid() ? Ink::green : Ink::red;
  lines.push_back(Line(session.out().style())
                      .add(plan + ": ")
                      .add(tasks + count_diagnostics(answer.diagnostics()), ink)
                      .text());
  session.print(lines);
  return code;
}

int show_plan(Session& session, const PlanOptions& options) {
  const auto request = plan_request<v1::DescribePlanRequest>(options);
  const auto answer = session.daemon().call(request);
  if (session.json()) {
    session.print_json(answer);
    return kExitOk;
  }
  session.print_warnings(answer.diagnostics());
  session.print(plan_lines(answer.plan(), present_folder(), session.out().style(), session.out().columns()));
  return kExitOk;
}

}  // namespace fanout::client
