#include "server/store/outbox.hpp"

#include "common/error.hpp"
#include "server/store/damaged.hpp"
#include "server/store/set_aside.hpp"
#include "server/store/sqlite.hpp"

namespace fanout::store {

using github::Step;
using github::StepKind;
using github::StepState;
using github::Time;

namespace {

constexpr int kSchemaVersion = 1;

constexpr const char* kSchema = R"sql(
  CREATE TABLE outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL,
    task TEXT NOT NULL,
    kind INTEGER NOT NULL,
    uuid TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    payload TEXT NOT NULL,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    attempted_at INTEGER NOT NULL,
    sweep_at INTEGER NOT NULL,
    result TEXT NOT NULL,
    reason TEXT NOT NULL,
    failure INTEGER NOT NULL,
    UNIQUE (run, task, kind)
  );
  CREATE INDEX outbox_open ON outbox(number) WHERE state = 0 OR sweep_at <> 0;
  CREATE TABLE outbox_limiter (key TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
)sql";

// Came later. An older daemon does not look at it, so that it is no schema of its own.
constexpr const char* kGapTable =
    "CREATE TABLE IF NOT EXISTS outbox_gap (run TEXT PRIMARY KEY, since INTEGER NOT NULL) WITHOUT ROWID";

constexpr const char* kColumns =
    "run, task, kind, uuid, host, owner, name, payload, state, attempts, attempted_at, sweep_at, result, reason, failure";

Time time_in(const SQLite::Column& column) { return Time(std::chrono::milliseconds(column.getInt64())); }

Step step_in(SQLite::Statement& row) {
  Step step;
  step.run = row.getColumn(0).getString();
  step.task = row.getColumn(1).getString();
  step.kind = static_cast<StepKind>(row.getColumn(2).getInt());
  step.uuid = row.getColumn(3).getString();
  step.repository = {row.getColumn(4).getString(), row.getColumn(5).getString(), row.getColumn(6).getString()};
  step.payload = row.getColumn(7).getString();
  step.state = static_cast<StepState>(row.getColumn(8).getInt());
  step.attempts = row.getColumn(9).getUInt();
  step.attempted_at = time_in(row.getColumn(10));
  step.sweep_at = time_in(row.getColumn(11));
  step.result = row.getColumn(12).getString();
  step.reason = row.getColumn(13).getString();
  step.failure = row.getColumn(14).getInt();
  return step;
}

void bind(SQLite::Statement& statement, const Step& step) {
  const auto ms = [](Time time) { return static_cast<std::int64_t>(time.time_since_epoch().count()); };
  statement.bind(1, step.run);
  statement.bind(2, step.task);
  statement.bind(3, static_cast<int>(step.kind));
  statement.bind(4, step.uuid);
  statement.bind(5, step.repository.host);
  statement.bind(6, step.repository.owner);
  statement.bind(7, step.repository.name);
  statement.bind(8, step.payload);
  statement.bind(9, static_cast<int>(step.state));
  statement.bind(10, static_cast<std::int64_t>(step.attempts));
  statement.bind(11, ms(step.attempted_at));
  statement.bind(12, ms(step.sweep_at));
  statement.bind(13, step.result);
  statement.bind(14, step.reason);
  statement.bind(15, step.failure);
}

}  // namespace

struct Outbox::Impl {
  std::string file;
  SQLite::Database db;
  std::function<void(const std::string&)> tell_damage;

  /// What SQLite throws becomes one sentence.
  template <class F>
  auto in_words(F&& work) const {
    try {
      return store::in_words(file, std::forward<F>(work));
    } catch (const Damaged& error) {
      if (tell_damage) tell_damage(error.what());
      throw;
    }
  }

  explicit Impl(const std::string& path) : file(path), db(open_database(path)) {}

  int version() {
    db.exec("CREATE TABLE IF NOT EXISTS outbox_schema (version INTEGER NOT NULL)");
    SQLite::Statement query(db, "SELECT max(version) FROM outbox_schema");
    return query.executeStep() && !query.getColumn(0).isNull() ? query.getColumn(0).getInt() : 0;
  }

  void prepare() {
    SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
    const int found = version();
    if (found > kSchemaVersion) {
      throw Error(ErrorKind::system, file + " was written by a newer fanoutd: install that version again");
    }
    if (found > 0) check_whole(db, file, "outbox");
    if (found < kSchemaVersion) {
      db.exec(kSchema);
      db.exec("INSERT INTO outbox_schema (version) VALUES (" + std::to_string(kSchemaVersion) + ")");
    }
    db.exec(kGapTable);
    transaction.commit();
  }
};

Outbox::Outbox(const std::filesystem::path& file) {
  in_words(file.string(), [&] {
    impl_ = std::make_unique<Impl>(file.string());
    impl_->prepare();
  });
}

std::unique_ptr<Outbox> Outbox::open(const std::filesystem::path& file, std::string& notice) {
  try {
    if (!is_marked_damaged(file)) return std::make_unique<Outbox>(file);
  } catch (const Damaged&) {
  }
  const auto folder = place_for_damaged(file);
  set_aside(file, folder);
  unmark_damaged(file);
  notice = "the tracker's outbox was damaged and is set aside in " + folder.string() +
           "; what the runs' events tell of issues and pull requests is kept";
  return std::make_unique<Outbox>(file);
}

void Outbox::on_damage(std::function<void(const std::string& what)> tell) { impl_->tell_damage = std::move(tell); }

Outbox::~Outbox() = default;

void Outbox::put(const std::vector<Step>& steps) {
  impl_->in_words([&] {
    SQLite::Transaction transaction(impl_->db, SQLite::TransactionBehavior::IMMEDIATE);
    SQLite::Statement statement(
        impl_->db, std::string("INSERT INTO outbox (") + kColumns +
                       ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                       " ON CONFLICT (run, task, kind) DO UPDATE SET uuid = excluded.uuid, host = excluded.host,"
                       " owner = excluded.owner, name = excluded.name, payload = excluded.payload,"
                       " state = excluded.state, attempts = excluded.attempts, attempted_at = excluded.attempted_at,"
                       " sweep_at = excluded.sweep_at, result = excluded.result, reason = excluded.reason,"
                       " failure = excluded.failure");
    for (const auto& step : steps) {
      statement.reset();
      bind(statement, step);
      statement.exec();
    }
    transaction.commit();
  });
}

std::optional<Step> Outbox::find(const std::string& run, const std::string& task, StepKind kind) {
  return impl_->in_words([&]() -> std::optional<Step> {
    SQLite::Statement query(impl_->db,
                            std::string("SELECT ") + kColumns + " FROM outbox WHERE run = ? AND task = ? AND kind = ?");
    query.bind(1, run);
    query.bind(2, task);
    query.bind(3, static_cast<int>(kind));
    if (!query.executeStep()) return std::nullopt;
    return step_in(query);
  });
}

std::vector<Step> Outbox::open(const std::string& run) {
  return impl_->in_words([&] {
    SQLite::Statement query(impl_->db, std::string("SELECT ") + kColumns +
                                           " FROM outbox WHERE (state = 0 OR sweep_at <> 0) AND (? = '' OR run = ?)"
                                           " ORDER BY number");
    query.bind(1, run);
    query.bind(2, run);
    std::vector<Step> found;
    while (query.executeStep()) found.push_back(step_in(query));
    return found;
  });
}

std::map<std::string, Time> Outbox::gaps() {
  return impl_->in_words([&] {
    SQLite::Statement query(impl_->db, "SELECT run, since FROM outbox_gap");
    std::map<std::string, Time> found;
    while (query.executeStep()) found.emplace(query.getColumn(0).getString(), time_in(query.getColumn(1)));
    return found;
  });
}

void Outbox::find_gap(const std::string& run, Time began) {
  impl_->in_words([&] {
    SQLite::Statement statement(impl_->db,
                                "INSERT OR IGNORE INTO outbox_gap (run, since)"
                                " SELECT ?1, ?2 WHERE NOT EXISTS (SELECT 1 FROM outbox WHERE run = ?1)");
    statement.bind(1, run);
    statement.bind(2, static_cast<std::int64_t>(began.time_since_epoch().count()));
    statement.exec();
  });
}

std::string Outbox::limiter(const std::string& key) {
  return impl_->in_words([&]() -> std::string {
    SQLite::Statement query(impl_->db, "SELECT state FROM outbox_limiter WHERE key = ?");
    query.bind(1, key);
    return query.executeStep() ? query.getColumn(0).getString() : "";
  });
}

void Outbox::save_limiter(const std::string& key, const std::string& state) {
  impl_->in_words([&] {
    SQLite::Statement statement(impl_->db,
                                "INSERT INTO outbox_limiter (key, state) VALUES (?, ?)"
                                " ON CONFLICT (key) DO UPDATE SET state = excluded.state");
    statement.bind(1, key);
    statement.bind(2, state);
    statement.exec();
  });
}

}  // namespace fanout::store
