#include "server/github/describe.hpp"

#include <algorithm>

#include "common/duration.hpp"
#include "common/redact.hpp"
#include "common/text.hpp"

namespace fanout::github {

namespace {

constexpr std::size_t kMostOutput = 8'000;
constexpr std::size_t kMostItems = 100;

/// One line within a table or a list.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : fit(printable(redacted(text)), 300)) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string code(std::string_view text) {
  std::string plain = cell(text);
  std::replace(plain.begin(), plain.end(), '`', '\'');
  return plain.empty() ? "" : "`" + plain + "`";
}

void add_list(std::string& body, const std::string& title, const std::vector<std::string>& items,
              const std::string& bullet, bool as_code) {
  if (items.empty()) return;
  body += "\n### " + title + "\n\n";
  for (std::size_t i = 0; i < std::min(items.size(), kMostItems); ++i) {
    body += bullet + (as_code ? code(items[i]) : cell(items[i])) + "\n";
  }
  if (items.size() > kMostItems) body += "- … and " + counted(items.size() - kMostItems, "more") + "\n";
}

void add_row(std::string& body, const std::string& name, const std::string& value) {
  if (!value.empty()) body += "| " + name + " | " + value + " |\n";
}

std::string line_of(const GateLine& gate) {
  return (gate.passed ? "✅ " : "❌ ") + code(gate.name) + " " + format_duration(gate.duration);
}

std::string gates_in_a_line(const std::vector<GateLine>& gates) {
  std::vector<std::string> lines;
  for (const auto& gate : gates) lines.push_back(line_of(gate));
  return join(lines, " · ");
}

/// Cut so that the marker fits behind it; bytes are never fewer than GitHub's characters.
std::string finished(std::string body, const Marker& marker) {
  const std::string end = "\n\n" + marker_text(marker) + "\n";
  constexpr std::string_view kCut = "\n\n*… cut here: it is longer than GitHub takes.*";
  constexpr std::size_t kMost = kMostBody - 64;  // A line may be put before it: see closing().
  if (body.size() + end.size() > kMost) body = head(body, kMost - end.size() - kCut.size()) + std::string(kCut);
  return body + end;
}

/// Redacted before it is cut, so that no half of a secret is left.
std::string folded(const std::string& title, std::string_view text) {
  const auto output = tail(redacted(valid_utf8(text)), kMostOutput);
  return "\n<details><summary>" + cell(title) + "</summary>\n\n" + fenced(output) + "\n</details>\n";
}

/// The user's own Markdown, which is not to end what stands after it.
std::string description_of(const TaskInfo& task) {
  constexpr std::size_t kMost = 50'000;
  const auto text = redacted(valid_utf8(task.description));
  return text.size() <= kMost ? text : head(text, kMost) + "\n\n*… cut here: it is longer than GitHub takes.*";
}

}  // namespace

std::string fenced(std::string_view text) {
  std::size_t longest = 2, run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(longest + 1, '`');
  return fence + "text\n" + std::string(text) + (text.ends_with('\n') ? "" : "\n") + fence + "\n";
}

std::string title_of(std::string_view text) {
  const auto line = printable(redacted(text));
  std::size_t units = 0, end = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const auto byte = static_cast<unsigned char>(line[i]);
    if ((byte & 0xc0) == 0x80) continue;
    // In UTF-16, as GitHub may count: two for what lies outside of the basic plane. One is kept for "…".
    if (units < kMostTitle) end = i;
    units += byte >= 0xf0 ? 2 : 1;
  }
  if (units <= kMostTitle) return line.empty() ? "(no title)" : line;
  return line.substr(0, end) + "…";
}

std::vector<std::string> labels_of(const TaskInfo& task) {
  std::vector<std::string> labels(std::begin(kOwnLabels), std::end(kOwnLabels));
  for (const auto& label : task.labels) {
    const auto name = fit(printable(trimmed(label)), 50);
    if (!name.empty() && std::find(labels.begin(), labels.end(), name) == labels.end()) labels.push_back(name);
  }
  return labels;
}

std::string templated_body(const std::string& text, const Marker& marker) {
  return finished(redacted(valid_utf8(text)), marker);
}

std::string issue_body(const TaskInfo& task, const Marker& marker) {
  if (!task.body.empty()) return templated_body(task.body, marker);
  std::string body = description_of(task) + "\n";
  add_list(body, "Files", task.files, "- ", true);
  add_list(body, "Tests", task.tests, "- ", false);
  add_list(body, "Success criteria", task.criteria, "- [ ] ", false);
  body += "\n### Where\n\n| | |\n|---|---|\n";
  add_row(body, "Plan", code(task.plan));
  add_row(body, "Run", cell(task.run_name) + " " + code(task.run_id));
  add_row(body, "Task", code(task.task_id));
  add_row(body, "Worktree", code(task.worktree));
  add_row(body, "Branch", code(task.branch));
  body += "\nMade by Fanout when it began to work on the task; its comment below is kept up to date.";
  return finished(std::move(body), marker);
}

std::string progress_body(const TaskInfo& task, const Progress& progress, const Marker& marker) {
  std::string body = progress.closing.empty() ? "" : cell(progress.closing) + "\n\n";
  body += "**" + cell(progress.phase) + "**\n\n| | |\n|---|---|\n";
  add_row(body, "Agent", cell(progress.agent));
  if (progress.attempt > 1) add_row(body, "Attempt", std::to_string(progress.attempt));
  add_row(body, "Branch", code(task.branch));
  add_row(body, "Gates", gates_in_a_line(progress.gates));
  if (!progress.commit.empty()) add_row(body, "Last commit", progress.commit.substr(0, 12) + " " + cell(progress.commit_summary));
  add_row(body, "Pull request", cell(progress.pull_request_url));
  if (!progress.problem.empty()) body += "\n" + cell(progress.problem) + "\n";
  add_list(body, "Files changed", progress.files, "- ", true);
  if (!progress.summary.empty()) body += folded("What the agent says", progress.summary);
  if (!progress.output_tail.empty()) {
    body += folded("The end of its output: " + progress.output_name, progress.output_tail);
  }
  return finished(std::move(body), marker);
}

std::string part_of(std::uint64_t issue, const std::string& body) {
  return "Part of #" + std::to_string(issue) + "\n\n" + body;
}

std::string closing(std::uint64_t issue, const std::string& body) {
  return "Closes #" + std::to_string(issue) + "\n\n" + body;
}

std::string pull_request_body(const TaskInfo& task, const Evidence& evidence, const Marker& marker) {
  // Where the run's issue is the one that the request is part of, nothing else would close it.
  const std::string closes = task.part_of_run && task.existing_issue > 0 ? closing(task.existing_issue, "") : std::string();
  if (!evidence.text.empty()) return templated_body(closes + evidence.text, marker);
  std::string body = closes + "## What was asked\n\n" + description_of(task) + "\n";
  std::vector<std::string> commits, gates;
  for (const auto& commit : evidence.commits) commits.push_back(commit.id.substr(0, 12) + " " + commit.summary);
  add_list(body, "Commits", commits, "- ", false);
  if (!evidence.gates.empty()) body += "\n### Gates\n\n";
  for (const auto& gate : evidence.gates) body += "- " + line_of(gate) + "\n";
  add_list(body, "Success criteria", task.criteria, "- [ ] ", false);
  body += "\n### Who\n\n| | |\n|---|---|\n";
  add_row(body, "Agent", cell(evidence.agent));
  if (evidence.duration.count() > 0) add_row(body, "Time", format_duration(evidence.duration));
  add_row(body, "Cost", cell(evidence.cost));
  add_row(body, "Task", code(task.task_id) + " of " + code(task.run_id));
  return finished(std::move(body), marker);
}

}  // namespace fanout::github
