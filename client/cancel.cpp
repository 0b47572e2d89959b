#include "client/commands.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

int cancel(Session& session, const CancelOptions& options) {
  v1::CancelRunRequest request;
  request.set_run_id(run_reference(options.run));
  request.set_task_id(options.task);
  const auto answer = session.daemon().call(request);
  if (session.json()) {
    session.print_json(answer);
  } else {
    const std::vector<std::string> tasks(answer.task_ids().begin(), answer.task_ids().end());
    session.out().line(printable("cancelling " + join(tasks, ", ") + " of " + answer.run_id()));
  }
  return kExitOk;
}

}  // namespace fanout::client
