#include "client/commands.hpp"
#include "client/render/looks.hpp"
#include "client/render/table.hpp"
#include "client/render/times.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

std::string since(const v1::Reason& reason, Time now) { return ago(to_time(reason.since()), now); }

/// "in 3m05s", or that it is due.
std::string until(const v1::Reason& reason, Time now) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(to_time(reason.until()) - now);
  return left.count() <= 0 ? "now" : "in " + ticking(left);
}

std::vector<std::string> reason_table(const v1::ExplainTaskResponse& answer, Time now, const Style& style,
                                      std::size_t columns) {
  Table table({{""}, {""}});
  for (const auto& reason : answer.reasons()) {
    table.add({{"why", Ink::dim}, {reason.text()}});
    if (reason.has_since()) table.add({{"since", Ink::dim}, {since(reason, now), Ink::dim}});
    if (!reason.release().empty()) table.add({{"until", Ink::dim}, {reason.release()}});
    if (reason.has_until()) table.add({{"", Ink::dim}, {until(reason, now), Ink::dim}});
  }
  return table.lines(style, {columns, false, 2});
}

}  // namespace

int why(Session& session, const WhyOptions& options) {
  v1::ExplainTaskRequest request;
  request.set_run_id(run_reference(options.run));
  request.set_task_id(options.task);
  const auto answer = session.daemon().call(request);
  if (session.json()) {
    session.print_json(answer);
    return kExitOk;
  }
  const auto now = std::chrono::system_clock::now();
  const auto& style = session.out().style();
  const auto columns = session.out().columns();
  const auto look = look_of(answer.subagent().phase());
  Line title(style, columns);
  title.add(std::string(look.glyph) + " " + domain::phase_name(answer.subagent().phase()), look.ink).add("  ");
  title.add(printable(answer.task_id()), Ink::bold).add("  " + printable(answer.summary()));
  std::vector<std::string> lines{title.text()};
  if (answer.reasons_size() > 0) {
    lines.emplace_back();
    for (auto& line : reason_table(answer, now, style, columns)) lines.push_back(std::move(line));
  }
  if (answer.commands_size() > 0) lines.emplace_back();
  for (const auto& command : answer.commands()) lines.push_back("  " + printable(command));
  session.print(lines);
  return kExitOk;
}

}  // namespace fanout::client
