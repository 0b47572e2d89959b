#include "client/commands.hpp"
#include "client/log_lines.hpp"
#include "common/exit_code.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

v1::ReadLogRequest request_of(const LogsOptions& options) {
  v1::ReadLogRequest request;
  request.set_run_id(run_reference(options.run));
  request.set_task_id(options.task);
  request.set_attempt(options.attempt);
  request.set_log(options.log);
  request.set_follow(options.follow);
  return request;
}

}  // namespace

int logs(Session& session, const LogsOptions& options) {
  const auto request = request_of(options);
  auto& out = session.out();
  if (session.json()) {
    session.daemon().read_log(request, [&](const auto& piece) { session.print_json(piece); });
  } else if (out.is_terminal()) {
    LogLines lines;
    session.daemon().read_log(request, [&](const auto& piece) { out.write(lines.add(piece.data())); });
    out.write(lines.finish());
  } else {
    session.daemon().read_log(request, [&](const auto& piece) { out.write(piece.data()); });
  }
  return kExitOk;
}

}  // namespace fanout::client
