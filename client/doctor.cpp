#include "client/commands.hpp"
#include "client/reach.hpp"
#include "client/render/table.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

struct Mark {
  const char* glyph;
  Ink ink;
};

Mark mark_of(v1::Check::Verdict verdict) {
  switch (verdict) {
    case v1::Check::VERDICT_GOOD: return {"✓", Ink::green};
    case v1::Check::VERDICT_ABSENT: return {"·", Ink::dim};
    case v1::Check::VERDICT_WARNING: return {"!", Ink::yellow};
    case v1::Check::VERDICT_BROKEN: return {"✗", Ink::red};
    default: return {"?", Ink::yellow};
  }
}

std::vector<std::string> check_lines(const v1::ExamineResponse& answer, const Style& style, std::size_t columns) {
  Table table({{""}, {""}, {""}});
  for (const auto& check : answer.checks()) {
    const auto mark = mark_of(check.verdict());
    table.add({{mark.glyph, mark.ink}, {check.title()}, {check.found(), check.verdict() == v1::Check::VERDICT_ABSENT ? Ink::dim : Ink::plain}});
    if (!check.fix().empty()) table.add({{""}, {""}, {"→ " + check.fix(), mark.ink}});
  }
  return table.lines(style, {columns, false, 6});
}

std::size_t count(const v1::ExamineResponse& answer, v1::Check::Verdict verdict) {
  std::size_t found = 0;
  for (const auto& check : answer.checks()) found += check.verdict() == verdict;
  return found;
}

std::string summary(const v1::ExamineResponse& answer) {
  const auto broken = count(answer, v1::Check::VERDICT_BROKEN);
  const auto warnings = count(answer, v1::Check::VERDICT_WARNING);
  if (broken > 0) return counted(broken, "check") + " failed: runs will, too";
  if (warnings > 0) return "all that is needed works; " + counted(warnings, "check") + " could be better";
  return "all is well";
}

/// What the daemon cannot see: where we are and how we reach it.
v1::ExamineRequest request_here(bool offline) {
  v1::ExamineRequest request;
  request.set_repository(present_folder().string());
  request.set_offline(offline);
  return request;
}

}  // namespace

int doctor(Session& session, const DoctorOptions& options) {
  const auto answer = session.daemon().call(request_here(options.offline));
  if (session.json()) {
    session.print_json(answer);
  } else {
    session.print(check_lines(answer, session.out().style(), session.out().columns()));
    session.out().line("");
    session.out().line(summary(answer));
  }
  return count(answer, v1::Check::VERDICT_BROKEN) > 0 ? kExitTasksFailed : kExitOk;
}

}  // namespace fanout::client
