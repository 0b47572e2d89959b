// What is recorded of an agent at work.
#include "common/text.hpp"
#include "server/git/changes.hpp"
#include "server/git/snapshot.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kMostChanges = 200;

v1::AgentFileChange::Kind change_kind(git::FileDelta::Kind kind) {
  switch (kind) {
    case git::FileDelta::Kind::added: return v1::AgentFileChange::KIND_ADDED;
    case git::FileDelta::Kind::modified: return v1::AgentFileChange::KIND_MODIFIED;
    case git::FileDelta::Kind::deleted: return v1::AgentFileChange::KIND_DELETED;
    case git::FileDelta::Kind::renamed: return v1::AgentFileChange::KIND_RENAMED;
  }
  return v1::AgentFileChange::KIND_UNSPECIFIED;
}

}  // namespace

awaitable<void> Subagent::record_launch(AgentOrder order, std::string level, std::vector<std::string> notes) {
  for (const auto& one : progress_.sessions) {
    if (one.launched.program() == order.program) co_return;
  }
  v1::AgentLaunched launched;
  launched.set_agent(order.agent.kind());
  launched.set_name(valid_utf8(order.agent.name()));
  launched.set_level(level);
  launched.set_model(order.agent.model());
  launched.set_approve(order.agent.approve().empty() ? "safe" : order.agent.approve());
  launched.set_session(order.session);
  launched.set_reason(order.reason);
  launched.set_program(order.program);
  for (auto& note : notes) launched.add_notes(std::move(note));
  v1::Event event;
  *event.mutable_agent_launched() = launched;
  co_await record(std::move(event));
  progress_.sessions.push_back({std::move(launched), {}, 0, 0});
}

/// Words as they come. Helpers of the agent speak to it, and not to people.
void Subagent::overhear(const agent::Activity& activity) {
  if (!activity.within().empty()) return;
  const bool reasoning = activity.has_reasoning();
  const auto& text = reasoning ? activity.reasoning().text() : activity.message().text();
  services_.speech.add(spec_.run_id(), task_.id(), text, reasoning);
}

awaitable<void> Subagent::record_activity(agent::Activity activity) {
  const bool asks = activity.has_permission() || activity.has_question() || activity.has_answer();
  // Usage is told while a message goes on.
  if (activity.within().empty() && !activity.has_usage()) services_.speech.end(spec_.run_id(), task_.id());
  appraise(activity);
  v1::Event event;
  *event.mutable_agent_activity() = std::move(activity);
  co_await record(std::move(event));
  co_await record_condition();
  if (asks) services_.attention.notify();
}

/// What git shows is the truth, whatever the agent has said.
awaitable<std::vector<git::FileDelta>> Subagent::changed_files() {
  return services_.workers.run([this](std::stop_token) {
    const auto now = git::last_snapshot(spec_.repository(), spec_.run_id(), task_.id());
    return now ? git::changes_between(spec_.repository(), base_commit_, now->commit, 0).files
               : std::vector<git::FileDelta>{};
  });
}

awaitable<void> Subagent::record_changes(std::vector<git::FileDelta> files) {
  const auto known_already = progress_.sessions.back().git_changes;
  for (std::size_t i = known_already; i < std::min(files.size(), kMostChanges); ++i) {
    v1::Event event;
    auto& change = *event.mutable_agent_activity()->mutable_file_change();
    change.set_path(valid_utf8(files[i].path));
    change.set_kind(change_kind(files[i].kind));
    change.set_source(v1::AgentFileChange::SOURCE_GIT);
    if (files[i].added) change.set_added(*files[i].added);
    if (files[i].deleted) change.set_deleted(*files[i].deleted);
    co_await record(std::move(event));
  }
}

}  // namespace fanout::subagent
