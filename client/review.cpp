#include "client/commands.hpp"
#include "client/merging_calls.hpp"
#include "client/merging_commands.hpp"
#include "client/render/branches.hpp"
#include "client/render/summary.hpp"
#include "common/exit_code.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

int review(Session& session, const ReviewOptions& options) {
  const auto run = get_run(session, options.run);
  v1::ReviewRunRequest request;
  request.set_run_id(run.id());
  request.set_into(options.into);
  const auto answer = MergingCalls(session).review(request);
  if (session.json()) {
    session.print_json(answer);
    return kExitOk;
  }
  const auto& style = session.out().style();
  session.print(review_page(run, answer, style, session.out().columns()));
  auto steps = merge_steps(answer);
  std::erase(steps, "fanout review " + run.id());
  if (!steps.empty()) session.out().line("");
  session.print(step_lines(steps, style));
  return kExitOk;
}

}  // namespace fanout::client
