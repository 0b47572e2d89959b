#include "client/commands.hpp"
#include "client/merging_calls.hpp"
#include "client/merging_commands.hpp"
#include "client/render/branches.hpp"
#include "client/render/looks.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

int collisions(Session& session, const CollisionsOptions& options) {
  v1::ListCollisionsRequest request;
  request.set_run_id(run_reference(options.run));
  const auto answer = MergingCalls(session).collisions(request);
  if (session.json()) {
    session.print_json(answer);
    return kExitOk;
  }
  const auto lines = collision_lines(answer.collisions(), session.out().style(), session.out().columns());
  session.print(lines);
  const auto compared = numbered(static_cast<std::size_t>(answer.compared_size()), "task");
  if (lines.empty()) session.out().line(printable(answer.run_id() + ": nothing collides, " + compared + " compared"));
  return kExitOk;
}

}  // namespace fanout::client
