#include "server/store/salvage.hpp"

#include <SQLiteCpp/SQLiteCpp.h>

#include <algorithm>
#include <set>

namespace fanout::store {

namespace v1 = fanout::v1;

namespace {

template <class Message>
std::optional<Message> readable(const SQLite::Column& column) {
  Message message;
  if (!message.ParseFromArray(column.getBlob(), column.getBytes())) return std::nullopt;
  return message;
}

bool is_first(const v1::Event& event) {
  return event.has_run_compacted() || (event.has_run_started() && event.sequence() == 1);
}

}  // namespace

struct Salvage::Impl {
  /// Runs `query` row by row, up to the first that cannot be read or for which `take` says no.
  template <class Bind, class Take>
  void rows(const char* query, Bind bind, Take take) {
    if (!db) return;
    try {
      SQLite::Statement statement(*db, query);
      bind(statement);
      while (statement.executeStep() && take(statement)) {
      }
    } catch (const SQLite::Exception&) {
      // Damaged from here on.
    }
  }

  std::unique_ptr<SQLite::Database> db;
};

Salvage::Salvage(const std::filesystem::path& file) : impl_(std::make_unique<Impl>()) {
  try {
    // Read-only: what is set aside is to stay as it was found.
    impl_->db = std::make_unique<SQLite::Database>(file.string(), SQLite::OPEN_READONLY | SQLite::OPEN_NOFOLLOW);
  } catch (const SQLite::Exception&) {
    impl_->db.reset();
  }
}

Salvage::~Salvage() = default;

std::vector<std::string> Salvage::ids() {
  const auto none = [](SQLite::Statement&) {};
  std::vector<std::string> oldest, newest;
  impl_->rows("SELECT id FROM run ORDER BY number", none, [&](SQLite::Statement& row) {
    oldest.push_back(row.getColumn(0).getString());
    return true;
  });
  // From the other end too: a page in the middle may be what is missing.
  impl_->rows("SELECT id FROM run ORDER BY number DESC", none, [&](SQLite::Statement& row) {
    newest.push_back(row.getColumn(0).getString());
    return true;
  });
  std::reverse(newest.begin(), newest.end());
  const std::set<std::string> known(oldest.begin(), oldest.end());
  for (auto& id : newest) {
    if (!known.contains(id)) oldest.push_back(std::move(id));
  }
  return oldest;
}

Salvage::Remains Salvage::run(const std::string& id) {
  Remains remains;
  const auto bind = [&](SQLite::Statement& statement) { statement.bind(1, id); };
  impl_->rows("SELECT spec, snapshot FROM run WHERE id = ?", bind, [&](SQLite::Statement& row) {
    remains.spec = readable<fanout::internal::v1::RunSpec>(row.getColumn(0));
    remains.snapshot = readable<v1::Run>(row.getColumn(1));
    return false;
  });
  impl_->rows("SELECT data FROM event WHERE run_id = ? ORDER BY sequence", bind, [&](SQLite::Statement& row) {
    auto event = readable<v1::Event>(row.getColumn(0));
    const auto& known = remains.events;
    const bool follows = event && event->run_id() == id &&
                         (known.empty() ? is_first(*event) : event->sequence() == known.back().sequence() + 1);
    if (follows) remains.events.push_back(std::move(*event));
    return follows;
  });
  return remains;
}

std::optional<std::string> Salvage::note(const std::string& name) {
  std::optional<std::string> value;
  impl_->rows(
      "SELECT value FROM note WHERE name = ?", [&](SQLite::Statement& statement) { statement.bind(1, name); },
      [&](SQLite::Statement& row) {
        value = row.getColumn(0).getString();
        return false;
      });
  return value;
}

}  // namespace fanout::store
