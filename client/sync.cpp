#include "client/commands.hpp"
#include "client/render/looks.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

int sync(Session& session, const SyncOptions& options) {
  v1::SyncRunRequest request;
  request.set_run_id(run_reference(options.run));
  const auto answer = session.daemon().call(request);
  if (session.json()) {
    session.print_json(answer);
  } else if (answer.pending() == 0) {
    session.out().line(printable(answer.run_id() + ": all is done at the tracker"));
  } else {
    const auto reason = answer.reason().empty() ? "" : ": " + answer.reason();
    session.out().line(printable(answer.run_id() + ": " + numbered(answer.pending(), "step") + " left" + reason));
  }
  return answer.pending() == 0 ? kExitOk : kExitTasksFailed;
}

}  // namespace fanout::client
