#include "client/editing_calls.hpp"
#include "client/editing_commands.hpp"
#include "client/render/summary.hpp"
#include "common/exit_code.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kKindColumn = 2, kValueColumn = 13;

std::string finding_line(const v1::Finding& found, const Style& style) {
  const bool command = found.kind() == "setup" || found.kind() == "verify";
  const auto* use = found.active() ? ": a gate now" : command ? ": found anew for every run" : "";
  return Line(style)
      .pad_to(kKindColumn)
      .add(found.kind(), Ink::bold)
      .pad_to(kValueColumn)
      .add(found.value())
      .add("  (" + found.reason() + use + ")", Ink::dim)
      .text();
}

std::string written_line(const std::string& file, v1::InitRepositoryResponse::Outcome outcome, const std::string& more,
                         const std::filesystem::path& folder, const Style& style) {
  const auto shown = shown_path(file, folder);
  if (outcome == v1::InitRepositoryResponse::OUTCOME_KEPT) return Line(style).add(shown + " is there already, and stays as it is" + more).text();
  const auto* what = outcome == v1::InitRepositoryResponse::OUTCOME_REPLACED ? "Wrote anew: " : "Wrote: ";
  return Line(style).add(what, Ink::green).add(shown).text();
}

std::vector<std::string> steps_after_init(const v1::InitRepositoryResponse& answer) {
  std::vector<std::string> steps;
  if (!answer.has_commit()) steps.push_back("git add . && git commit     branches need a commit to start from");
  const bool example = answer.plan() != v1::InitRepositoryResponse::OUTCOME_KEPT;
  steps.push_back(std::string("fanout plan add \"TITLE\"     a task of your own") + (example ? "; the plan begins with an example" : ""));
  steps.push_back("fanout plan show            what would be done");
  steps.push_back("fanout execute              do it; --agent says by whom");
  return steps;
}

std::vector<std::string> init_lines(const v1::InitRepositoryResponse& answer, const Style& style) {
  const auto folder = present_folder();
  std::vector<std::string> lines{Line(style).add("Found in " + shown_path(answer.repository(), folder) + ":").text()};
  for (const auto& one : answer.findings()) lines.push_back(finding_line(one, style));
  if (answer.findings().empty()) lines.push_back(Line(style).pad_to(kKindColumn).add("nothing that tells how to set it up or test it").text());
  lines.push_back(written_line(answer.settings_file(), answer.settings(), " (--force writes it anew)", folder, style));
  lines.push_back(written_line(answer.plan_path(), answer.plan(), "", folder, style));
  return lines;
}

}  // namespace

int init(Session& session, const InitOptions& options) {
  v1::InitRepositoryRequest request;
  request.set_folder(present_folder().string());
  request.set_force(options.force);
  const auto answer = EditingCalls(session).call(request);
  if (session.json()) {
    session.print_json(answer);
    return kExitOk;
  }
  session.print(init_lines(answer, session.out().style()));
  session.print(step_lines(steps_after_init(answer), session.out().style()));
  return kExitOk;
}

}  // namespace fanout::client
