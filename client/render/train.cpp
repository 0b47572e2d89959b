#include "client/render/train.hpp"

#include <algorithm>

#include "client/render/branches.hpp"
#include "client/render/looks.hpp"
#include "client/render/table.hpp"
#include "client/render/times.hpp"
#include "common/duration.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kTailLines = 8, kSentenceLines = 6;

std::string list(const google::protobuf::RepeatedPtrField<std::string>& ids) {
  return join(std::vector<std::string>(ids.begin(), ids.end()), ", ");
}

const char* word_for(v1::MergeMethod method) {
  switch (method) {
    case v1::MERGE_METHOD_SQUASH: return "squashed";
    case v1::MERGE_METHOD_REBASE: return "rebased";
    default: return "merged";
  }
}

/// A sentence that goes on below itself instead of being cut. `sign` has one column; empty: none.
std::vector<std::string> sentence(const std::string& sign, Ink of_sign, const std::string& text, Ink ink, const Style& style, std::size_t columns) {
  std::vector<std::string> lines;
  const auto room = columns == kUnlimited ? columns : columns - 2;
  for (const auto& piece : wrapped(printable(text), room, kSentenceLines)) {
    Line line(style, columns);
    if (lines.empty()) line.add(sign, of_sign);
    lines.push_back(line.pad_to(2).add(piece, ink).text());
  }
  return lines;
}

std::vector<std::string> lines_of(const v1::MergePlanned& plan, const Style& style, std::size_t columns) {
  Line title(style, columns);
  title.add(plan.run_id(), Ink::bold).add(" into " + plan.into() + "@" + short_commit(plan.into_commit()));
  if (!plan.repository_path().empty()) title.add(" of " + shown_repository(plan.repository(), plan.repository_path()), Ink::bold);
  if (plan.task_ids().empty()) {
    title.add(plan.merged_before().empty() ? ": nothing to merge" : ": all is there already");
    return {title.text()};
  }
  std::vector<std::string> lines{title.text()};
  const auto add = [&](const std::string& text, Ink ink) {
    for (auto& line : sentence("", ink, text, ink, style, columns)) lines.push_back(std::move(line));
  };
  add(std::string(word_for(plan.method())) + " in this order: " + list(plan.task_ids()), Ink::plain);
  if (!plan.merged_before().empty()) add("there already: " + list(plan.merged_before()), Ink::dim);
  add(plan.gates().empty() ? "no gates: what merges is moved to" : "gates: " + list(plan.gates()), Ink::dim);
  return lines;
}

std::vector<std::string> lines_of(const v1::MergeCommand& command, const Style& style, std::size_t columns) {
  if (!command.has_result()) return {};
  const auto& result = command.result();
  Line line(style, columns);
  line.pad_to(2).add(result.passed() ? "✓ " : "✗ ", result.passed() ? Ink::green : Ink::red);
  line.add(command.role() + " " + command.name() + (result.passed() ? " passed" : " failed"));
  if (result.has_exit_code() && !result.passed()) line.add(" with exit code " + std::to_string(result.exit_code()));
  line.add(" in " + format_duration(to_milliseconds(result.duration())), Ink::dim);
  return {line.text()};
}

/// The end of what a gate printed.
std::vector<std::string> tail_lines(const std::string& text, const Style& style, std::size_t columns) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    lines.push_back(Line(style, columns).pad_to(4).add(text.substr(at, end - at), Ink::dim).text());
    at = end + 1;
  }
  if (lines.size() > kTailLines) lines.erase(lines.begin(), lines.end() - kTailLines);
  return lines;
}

std::vector<std::string> lines_of(const v1::MergeLeftOut& left, const Style& style, std::size_t columns) {
  std::vector<std::string> lines;
  lines.push_back(Line(style, kUnlimited).add("✗ ", Ink::red).add(left.task_id(), Ink::bold).add(" is left out: " + left.reason()).text());
  for (auto& line : conflict_lines(left.conflicts(), style, columns, 4)) lines.push_back(std::move(line));
  for (auto& line : tail_lines(left.gate().output_tail(), style, columns)) lines.push_back(std::move(line));
  return lines;
}

std::vector<std::string> lines_of(const v1::MergeLanded& landed, const Style& style, std::size_t columns) {
  auto text = list(landed.task_ids()) + (landed.task_ids_size() == 1 ? " has" : " have") + " landed, " + short_commit(landed.before()) + " → " +
              short_commit(landed.commit());
  if (landed.files_updated()) text += ", with the files of the main checkout";
  return sentence("✓", Ink::green, text, Ink::plain, style, columns);
}

std::vector<std::string> lines_of(const v1::MergeEnded& ended, const Style& style, std::size_t columns) {
  Line line(style, columns);
  line.add(std::to_string(ended.landed_size()) + " in, " + std::to_string(ended.left_out_size()) + " left out", Ink::bold);
  line.add(" in " + format_duration(to_milliseconds(ended.duration())), Ink::dim);
  return {"", line.text()};
}

}  // namespace

std::vector<std::string> train_lines(const v1::MergeResponse& step, const Style& style, std::size_t columns) {
  switch (step.step_case()) {
    case v1::MergeResponse::kPlanned: return lines_of(step.planned(), style, columns);
    case v1::MergeResponse::kTried:
      return sentence("·", Ink::dim, "trying " + list(step.tried().task_ids()) + " (" + numbered(step.tried().file_count(), "file") + ")", Ink::dim, style, columns);
    case v1::MergeResponse::kCommand: return lines_of(step.command(), style, columns);
    case v1::MergeResponse::kLanded: return lines_of(step.landed(), style, columns);
    case v1::MergeResponse::kLeftOut: return lines_of(step.left_out(), style, columns);
    case v1::MergeResponse::kEnded: return lines_of(step.ended(), style, columns);
    case v1::MergeResponse::kWaiting:
      if (step.waiting().text().empty()) return {};
      return {Line(style, columns).pad_to(2).add(step.waiting().text(), Ink::yellow).text()};
    case v1::MergeResponse::STEP_NOT_SET: return {};  // of a newer daemon
  }
  return {};
}

std::vector<std::string> steps_after(const std::string& run, const std::string& into, const std::vector<v1::MergeLeftOut>& left_out,
                                     const v1::MergeEnded& ended) {
  std::vector<std::string> steps;
  const auto where = into.empty() ? std::string() : " --into " + into;
  for (const auto& left : left_out) {
    const bool by_target = left.cause() == v1::MergeLeftOut::CAUSE_CONFLICT;
    if (by_target) steps.push_back("fanout retry " + run + " " + left.task_id() + " --with-conflict" + where);
  }
  if (!left_out.empty()) steps.push_back("fanout merge " + run + where);
  if (left_out.empty() && ended.landed_size() > 0) steps.push_back("fanout cleanup " + run);
  return steps;
}

}  // namespace fanout::client
