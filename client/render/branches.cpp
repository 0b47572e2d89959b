#include "client/render/branches.hpp"

#include <algorithm>
#include <map>

#include "client/render/looks.hpp"
#include "client/render/summary.hpp"
#include "client/render/table.hpp"
#include "client/render/times.hpp"
#include "common/duration.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr int kMostFiles = 12, kMostHunks = 3;
constexpr std::size_t kMostIdColumns = 40, kWordLines = 6, kReasonLines = 3;

Look look_of(const v1::BranchState& state, const std::string& usual) {
  const auto& into = state.into().empty() ? usual : state.into();
  switch (state.readiness()) {
    case v1::BranchState::READINESS_READY: return {"✓", "ready", Ink::green};
    case v1::BranchState::READINESS_MERGED: return {"✓", "merged" + (into.empty() ? "" : " in " + into), Ink::dim};
    case v1::BranchState::READINESS_CONFLICT: return {"✗", "conflict", Ink::red};
    default: return {"·", "not ready", Ink::plain};
  }
}

const char* word_for(v1::BranchState::PushState push) {
  switch (push) {
    case v1::BranchState::PUSH_STATE_PUSHED: return "pushed";
    case v1::BranchState::PUSH_STATE_BEHIND: return "remote is behind";
    default: return "not pushed";
  }
}

const char* word_for(v1::FileConflict::Kind kind) {
  switch (kind) {
    case v1::FileConflict::KIND_CONTENT: return "both changed these lines";
    case v1::FileConflict::KIND_BOTH_ADDED: return "both added it";
    case v1::FileConflict::KIND_CHANGED_AND_DELETED: return "one changed it, the other deleted it";
    case v1::FileConflict::KIND_BINARY: return "both changed it, and it is no text";
    default: return "its type or name differs";
  }
}

const char* sign_of(v1::FileChange::Kind kind) {
  switch (kind) {
    case v1::FileChange::KIND_ADDED: return "A";
    case v1::FileChange::KIND_DELETED: return "D";
    case v1::FileChange::KIND_RENAMED: return "R";
    default: return "M";
  }
}

std::string uncommitted_text(const v1::BranchState& state) {
  return state.uncommitted_count() == 0 ? "" : numbered(state.uncommitted_count(), "file");
}

void append(std::vector<std::string>& lines, std::vector<std::string> more) {
  for (auto& line : more) lines.push_back(std::move(line));
}

/// One line of indented text, cut where the room ends.
std::string indented(const std::string& text, Ink ink, const Style& style, std::size_t columns, std::size_t indent) {
  return Line(style, columns).pad_to(indent).add(text, ink).text();
}

std::vector<std::string> file_lines(const google::protobuf::RepeatedPtrField<v1::FileChange>& files, std::uint32_t count,
                                    const Style& style, std::size_t columns) {
  std::vector<std::string> lines;
  for (int i = 0; i < std::min(files.size(), kMostFiles); ++i) {
    Line line(style, columns);
    line.pad_to(4).add(sign_of(files[i].kind()), Ink::dim).add(" ").add(files[i].path());
    if (files[i].has_added()) line.add("  +" + std::to_string(files[i].added()), Ink::green);
    if (files[i].has_deleted()) line.add(" -" + std::to_string(files[i].deleted()), Ink::red);
    lines.push_back(line.text());
  }
  const auto more = static_cast<int>(count) - std::min(files.size(), kMostFiles);
  if (more > 0) lines.push_back(indented("and " + std::to_string(more) + " more", Ink::dim, style, columns, 4));
  return lines;
}

std::string gate_text(const v1::GateResult& gate) {
  return gate.name() + (gate.passed() ? " passed" : " failed") + " in " + format_duration(to_milliseconds(gate.duration()));
}

std::vector<std::string> words_of(const v1::Subagent& agent, const Style& style, std::size_t columns) {
  const auto words = trimmed(agent.report().summary());
  if (words.empty()) return {};
  std::vector<std::string> lines;
  const auto room = columns == kUnlimited ? columns : columns - 4;
  for (const auto& line : wrapped(printable(words), room, kWordLines)) lines.push_back(indented(line, Ink::dim, style, columns, 4));
  return lines;
}

std::vector<std::string> task_lines(const v1::Subagent& agent, const v1::BranchState& state, const std::string& into,
                                    const Style& style, std::size_t columns) {
  const auto look = look_of(state, into);
  Line title(style, columns);
  title.add(std::string(look.glyph) + " ", look.ink).add(agent.task_id(), Ink::bold).add("  " + look.word, look.ink);
  if (!agent.repository().empty()) title.add("  " + agent.repository(), Ink::bold);
  if (!state.branch().empty()) {
    title.add("  " + state.branch() + ", " + numbered(state.commit_count(), "commit") + ", " + word_for(state.push()), Ink::dim);
  }
  std::vector<std::string> lines{title.text()};
  const bool says_more = state.readiness() != v1::BranchState::READINESS_READY && !state.reason().empty();
  if (says_more) lines.push_back(indented(state.reason(), Ink::plain, style, columns, 2));
  append(lines, conflict_lines(state.conflicts(), style, columns, 4));
  if (state.file_count() > 0) lines.push_back(indented(change_text(state), Ink::plain, style, columns, 2));
  append(lines, file_lines(state.files(), state.file_count(), style, columns));
  if (state.uncommitted_count() > 0) {
    lines.push_back(indented(uncommitted_text(state) + " not committed", Ink::yellow, style, columns, 2));
    append(lines, file_lines(state.uncommitted(), state.uncommitted_count(), style, columns));
  }
  for (const auto& gate : agent.gates()) {
    lines.push_back(indented(gate_text(gate), gate.passed() ? Ink::green : Ink::red, style, columns, 2));
  }
  append(lines, words_of(agent, style, columns));
  return lines;
}

}  // namespace

std::string change_text(const v1::BranchState& state) {
  return "+" + std::to_string(state.added()) + " -" + std::to_string(state.deleted()) + " in " + numbered(state.file_count(), "file");
}

std::vector<std::string> branch_table(const v1::Run& run, const v1::ReviewRunResponse& review, const Style& style,
                                      std::size_t columns) {
  std::map<std::string, const v1::BranchState*> states;
  for (const auto& state : review.tasks()) states[state.task_id()] = &state;
  RepositoryTitles repositories(run);
  std::vector<Column> titles;
  if (repositories.several()) titles.push_back({"REPOSITORY", false, 0, kMostIdColumns});
  titles.insert(titles.end(), {{""}, {"TASK", false, 0, kMostIdColumns}, {"AHEAD", true}, {"REMOTE"}, {"UNCOMMITTED"}, {"MERGE"}});
  Table table(std::move(titles));
  bool any = false;
  for (const auto* agent : by_repository(run)) {
    const auto found = states.find(agent->task_id());
    if (found == states.end() || found->second->branch().empty()) continue;
    any = true;
    const auto& state = *found->second;
    const auto look = look_of(state, review.into());
    const bool says_more = state.readiness() == v1::BranchState::READINESS_CONFLICT || state.readiness() == v1::BranchState::READINESS_NOT_READY;
    std::vector<Cell> row;
    if (repositories.several()) row.push_back({repositories.of(agent->repository()), Ink::bold});
    row.insert(row.end(), {{look.glyph, look.ink},
                           {state.task_id()},
                           {std::to_string(state.commit_count()), Ink::dim},
                           {word_for(state.push()), Ink::dim},
                           {uncommitted_text(state), Ink::yellow},
                           {says_more ? look.word + ": " + state.reason() : look.word, look.ink}});
    table.add(std::move(row));
  }
  return any ? table.lines(style, {columns, true, kReasonLines}) : std::vector<std::string>{};
}

std::vector<std::string> review_page(const v1::Run& run, const v1::ReviewRunResponse& review, const Style& style,
                                     std::size_t columns) {
  Line title(style, columns);
  title.add(run.name().empty() ? run.id() : run.name(), Ink::bold).add("  " + run.id(), Ink::dim);
  if (!review.into().empty() && run.repositories_size() < 2) title.add("  into " + review.into() + "@" + short_commit(review.into_commit()), Ink::dim);
  std::vector<std::string> lines{title.text()};
  for (const auto& state : review.tasks()) {
    const auto* agent = domain::find_subagent(run, state.task_id());
    if (!agent) continue;
    lines.emplace_back();
    append(lines, task_lines(*agent, state, review.into(), style, columns));
  }
  const auto collisions = collision_lines(review.collisions(), style, columns);
  if (!collisions.empty()) lines.emplace_back();
  append(lines, collisions);
  return lines;
}

std::vector<std::string> collision_lines(const google::protobuf::RepeatedPtrField<v1::Collision>& collisions, const Style& style,
                                         std::size_t columns) {
  std::vector<std::string> lines;
  for (const auto& collision : collisions) {
    Line line(style, columns);
    line.add("! ", Ink::yellow).add(collision.first() + " and " + collision.second() + " collide", Ink::yellow);
    lines.push_back(line.text());
    append(lines, conflict_lines(collision.files(), style, columns, 4));
  }
  return lines;
}

std::vector<std::string> conflict_lines(const google::protobuf::RepeatedPtrField<v1::FileConflict>& conflicts, const Style& style,
                                        std::size_t columns, std::size_t indent) {
  std::vector<std::string> lines;
  for (const auto& conflict : conflicts) {
    std::string where;
    for (int i = 0; i < std::min(conflict.hunks_size(), kMostHunks); ++i) {
      where += (i == 0 ? ":" : ", ") + std::to_string(conflict.hunks(i).our_line());
    }
    if (static_cast<int>(conflict.hunk_count()) > kMostHunks) where += ", …";
    lines.push_back(Line(style, columns).pad_to(indent).add(conflict.path() + where).add("  " + std::string(word_for(conflict.kind())), Ink::dim).text());
  }
  return lines;
}

std::vector<std::string> merge_steps(const v1::ReviewRunResponse& review) {
  const auto has = [&](v1::BranchState::Readiness readiness) {
    return std::find_if(review.tasks().begin(), review.tasks().end(), [&](const auto& state) { return state.readiness() == readiness; });
  };
  std::vector<std::string> steps;
  if (has(v1::BranchState::READINESS_READY) != review.tasks().end()) {
    steps.insert(steps.end(), {"fanout review " + review.run_id(), "fanout merge " + review.run_id()});
  }
  const auto conflict = has(v1::BranchState::READINESS_CONFLICT);
  if (conflict != review.tasks().end()) {
    steps.push_back("fanout retry " + review.run_id() + " " + conflict->task_id() + " --with-conflict");
  }
  const bool all_in = !review.tasks().empty() && std::all_of(review.tasks().begin(), review.tasks().end(), [](const auto& state) {
    return state.readiness() == v1::BranchState::READINESS_MERGED;
  });
  if (all_in) steps.push_back("fanout cleanup " + review.run_id());
  return steps;
}

std::vector<std::string> next_steps(const v1::Run& run, const v1::ReviewRunResponse& review) {
  auto steps = next_steps(run);
  if (review.tasks().empty()) return steps;
  std::erase_if(steps, [](const auto& step) {
    return step.starts_with("fanout review ") || step.starts_with("fanout merge ") || step.starts_with("fanout status ");
  });
  append(steps, merge_steps(review));
  return steps;
}

}  // namespace fanout::client
