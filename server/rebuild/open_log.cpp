#include "server/rebuild/open_log.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "common/text.hpp"
#include "server/rebuild/rebuild.hpp"
#include "server/rebuild/run_folder.hpp"
#include "server/shim/identity.hpp"
#include "server/store/damaged.hpp"
#include "server/store/set_aside.hpp"

namespace fanout::rebuild {

namespace v1 = fanout::v1;

namespace {

constexpr const char* kNoticeNote = "notice";
constexpr std::int64_t kNoticeSeconds = 7 * 24 * 3600;  // so long a person is told

/// What was kept, for a person.
struct Account {
  std::size_t whole = 0, outcomes = 0, under_way = 0, lost = 0;
};

std::string text_of(const Account& kept, const fs::path& folder) {
  std::vector<std::string> parts;
  const auto add = [&](std::size_t count, const std::string& what) {
    if (count > 0) parts.push_back(counted(count, "run") + " " + what);
  };
  add(kept.whole, "kept whole");
  add(kept.outcomes, "kept with the outcome alone");
  add(kept.under_way, "taken up again from the supervisors' records and git");
  add(kept.lost, "lost but for its folder");
  return "the event log was damaged and is set aside in " + folder.string() + "; " +
         (parts.empty() ? std::string("no run was in it that could be read") : join(parts, ", "));
}

bool is_empty_file(const fs::path& file) {
  std::error_code error;
  return fs::is_regular_file(file, error) && fs::file_size(file, error) == 0;
}

Known known_of(store::Salvage& salvage, const fs::path& runs, const std::string& id) {
  Known known;
  known.remains = salvage.run(id);
  auto spec = known.remains.spec, beside = load_spec(runs, id);
  if (!spec || (beside && beside->tasks_size() > spec->tasks_size())) spec = std::move(beside);
  if (spec) known.spec = std::move(*spec);
  known.outcome = load_outcome(runs, id);
  known.began = began_at(runs, id);
  for (const auto& task : known.spec.tasks()) known.attempts[task.id()] = last_attempt(runs, id, task.id());
  return known;
}

std::vector<std::string> all_ids(store::Salvage& salvage, const fs::path& runs) {
  auto ids = salvage.ids();
  auto more = runs_with_spec(runs);
  std::erase_if(more, [&](const std::string& id) { return std::find(ids.begin(), ids.end(), id) != ids.end(); });
  std::sort(more.begin(), more.end(), [&](const auto& a, const auto& b) { return began_at(runs, a) < began_at(runs, b); });
  ids.insert(ids.end(), more.begin(), more.end());
  return ids;
}

void put(store::Database& database, const fanout::internal::v1::RunSpec& spec, const Rebuilt& rebuilt) {
  std::vector<const v1::Event*> events;
  for (const auto& event : rebuilt.events) events.push_back(&event);
  database.put_run(spec, events, rebuilt.state);
}

/// The boot under which programs were started last: what ran then and does not now was ended by the machine.
std::string boot_of(store::Salvage& salvage, const fs::path& runs, const std::vector<std::string>& under_way) {
  if (const auto noted = salvage.note(kBootNote)) return *noted;
  for (auto id = under_way.rbegin(); id != under_way.rend(); ++id) {
    if (auto boot = last_boot(runs, *id); !boot.empty()) return boot;
  }
  return shim::boot_id();
}

Account fill(store::Database& database, store::Salvage& salvage, const fs::path& runs) {
  Account account;
  std::vector<std::string> under_way;
  for (const auto& id : all_ids(salvage, runs)) {
    auto known = known_of(salvage, runs, id);
    if (known.spec.run_id() != id) {
      ++account.lost;
      continue;
    }
    const auto spec = known.spec;
    const auto rebuilt = rebuild(std::move(known));
    put(database, spec, rebuilt);
    const bool runs_on = rebuilt.state.state() == v1::RUN_STATE_RUNNING;
    if (runs_on) under_way.push_back(id);
    ++(runs_on ? account.under_way : rebuilt.whole ? account.whole : account.outcomes);
  }
  database.set_note(kBootNote, boot_of(salvage, runs, under_way));
  return account;
}

fs::path draft_of(const fs::path& file) { return file.string() + ".rebuilt"; }

void remove_draft(const fs::path& file) {
  std::error_code ignored;
  for (const char* part : {"", "-wal", "-shm"}) fs::remove(draft_of(file).string() + part, ignored);
}

/// The new log is complete before the damaged one is moved: until then this begins anew, from then on it goes on.
void exchange(const fs::path& file, const fs::path& folder) {
  store::set_aside(file, folder);
  std::error_code failed;
  fs::rename(draft_of(file), file, failed);
  if (failed) throw Error(ErrorKind::system, "cannot put " + draft_of(file).string() + " in its place: " + failed.message());
  store::unmark_damaged(file);
}

void rebuild_log(const fs::path& file, const fs::path& runs) {
  const auto folder = store::place_for_damaged(file);
  remove_draft(file);
  {
    store::Salvage salvage(file);
    store::Database database(draft_of(file));
    const auto account = fill(database, salvage, runs);
    const auto text = text_of(account, folder);
    database.set_note(kNoticeNote, std::to_string(std::time(nullptr)) + " " + text);
    spdlog::error("{}", text);
  }
  exchange(file, folder);
}

std::vector<std::string> notices_in(store::Database& database) {
  const auto note = database.note(kNoticeNote);
  if (!note) return {};
  const auto space = note->find(' ');
  const auto age = std::time(nullptr) - std::atoll(note->c_str());
  if (space == note->npos || age > kNoticeSeconds) return {};
  return {note->substr(space + 1)};
}

std::unique_ptr<store::Database> open_whole(const fs::path& file) {
  if (store::is_marked_damaged(file) || is_empty_file(file)) return nullptr;
  try {
    return std::make_unique<store::Database>(file);
  } catch (const store::Damaged& error) {
    spdlog::error("{}", error.what());
    return nullptr;
  }
}

}  // namespace

OpenedLog open_log(const fs::path& file, const fs::path& runs) {
  std::error_code error;
  const bool interrupted = !fs::exists(file, error) && fs::exists(draft_of(file), error);
  if (interrupted) exchange(file, store::place_for_damaged(file));
  OpenedLog opened;
  opened.database = open_whole(file);
  if (!opened.database) {
    rebuild_log(file, runs);
    opened.database = std::make_unique<store::Database>(file);
  }
  opened.notices = notices_in(*opened.database);
  return opened;
}

}  // namespace fanout::rebuild
