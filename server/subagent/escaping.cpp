// Agents without a sandbox, and what changes beside their worktrees while they are at work.
#include <spdlog/spdlog.h>

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/process/open_files.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kMostNamesTold = 10;

v1::EscapeNoticed::Kind to_wire(git::OutsideChange::Kind kind) {
  switch (kind) {
    case git::OutsideChange::Kind::checkout: return v1::EscapeNoticed::KIND_CHECKOUT;
    case git::OutsideChange::Kind::references: return v1::EscapeNoticed::KIND_REFERENCES;
    case git::OutsideChange::Kind::settings: return v1::EscapeNoticed::KIND_GIT_SETTINGS;
    case git::OutsideChange::Kind::worktree: return v1::EscapeNoticed::KIND_WORKTREE;
  }
  return v1::EscapeNoticed::KIND_UNSPECIFIED;
}

}  // namespace

/// While it waits nobody is at work in its worktree.
void Subagent::mark_at_work(domain::Effect effect) {
  using domain::Effect;
  const bool waits = effect == Effect::take_slot || effect == Effect::await_account || effect == Effect::await_retry;
  if (ended() || waits) at_work_.reset();
  else if (effect != Effect::none && !at_work_) at_work_.emplace(services_.escapes, git::task_key(spec_.run_id(), task_.id()));
}

/// A watch that cannot be kept is told, and keeps nobody from working.
awaitable<void> Subagent::begin_escape_watch() {
  if (*sandbox_level_ != sandbox::Level::off || escapes_) co_return;
  std::set<std::string> own;
  for (const auto& task : spec_.tasks()) own.insert(task.file());  // their status lines are kept current
  std::string trouble;
  try {
    escapes_ = co_await services_.escapes.join(spec_.repository(), std::move(own), attempt_directory() / "quarantine");
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled) throw;
    trouble = error.what();
  }
  if (!trouble.empty()) co_await notice(v1::Notice::SEVERITY_WARNING, "what it does outside its worktree is not watched: " + trouble);
}

awaitable<void> Subagent::look_for_escapes(bool at_work) {
  if (!escapes_) co_return;
  std::vector<Escape> found;
  try {
    found = co_await services_.escapes.look(*escapes_);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::cancelled) throw;
    spdlog::warn("run {}, task {}: cannot look for changes outside its worktree: {}", spec_.run_id(), task_.id(), error.what());
  }
  for (auto& escape : found) co_await tell_escape(std::move(escape), at_work);
  if (at_work) co_await look_for_open_files();
}

/// Of them it is known who writes, wherever else somebody is at work.
awaitable<void> Subagent::look_for_open_files() {
  const auto pid = known()->pid();
  const auto footprint = services_.escapes.known(*escapes_);
  const auto counts = [&](const std::filesystem::path& file) {
    const auto checkout = git::checkout_holding(*footprint, file);
    return !checkout.empty() && checkout != worktree_.path;
  };
  const auto open = co_await services_.workers.run([&](std::stop_token) { return process::files_open_for_writing(pid, counts); });
  std::map<std::filesystem::path, std::vector<std::string>> by_checkout;
  for (const auto& file : open) {
    if (!open_files_told_.insert(file.path.string()).second) continue;  // its children have it too
    const auto checkout = git::checkout_holding(*footprint, file.path);
    by_checkout[checkout].push_back(file.path.lexically_relative(checkout).string() + ", which process " + std::to_string(file.pid) + " (" + file.name +
                                    ") of its agent has open for writing");
  }
  for (auto& [checkout, names] : by_checkout) {
    const auto kind = git::is_main_checkout(*footprint, checkout) ? git::OutsideChange::Kind::checkout : git::OutsideChange::Kind::worktree;
    Escape escape{{kind, checkout, std::move(names)}, {}, std::make_shared<std::set<std::string>>()};
    co_await tell_escape(std::move(escape), true);
  }
}

awaitable<void> Subagent::end_escape_watch() {
  if (!escapes_) co_return;
  co_await look_for_escapes(false);
  escapes_.reset();
}

/// The first of a run tells it, for nobody knows whose it is; but each of those that are to stand still then does.
awaitable<void> Subagent::tell_escape(Escape escape, bool at_work) {
  bool frozen = false;
  if (at_work && task_.sandbox().escape() == "freeze") frozen = co_await freeze();
  if (!escape.told->insert(spec_.run_id()).second && !frozen) co_return;
  v1::Event event;
  auto& told = *event.mutable_escape_noticed();
  told.set_kind(to_wire(escape.change.kind));
  told.set_folder(valid_utf8(escape.change.folder.string()));
  for (const auto& name : escape.change.names) {
    if (told.changes_size() < static_cast<int>(kMostNamesTold)) told.add_changes(valid_utf8(name));
  }
  told.set_change_count(static_cast<std::uint32_t>(escape.change.names.size()));
  told.set_quarantine(escape.quarantine.string());
  told.set_frozen(frozen);
  co_await record(std::move(event));
}

/// Whether it stands still now.
awaitable<bool> Subagent::freeze() {
  try {
    co_await pause(true);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::precondition) throw;
    co_return false;
  }
  co_return true;
}

}  // namespace fanout::subagent
