#include "server/store/database.hpp"

#include <array>

#include "common/error.hpp"
#include "server/domain/run/fold.hpp"
#include "server/store/damaged.hpp"
#include "server/store/sqlite.hpp"

namespace fanout::store {

namespace v1 = fanout::v1;

namespace {

// How the schema came to be: a database of version n takes the steps from n on. Steps are never changed.
// Runs are ordered by rowid: the order in which they were made, whatever the clock said.
constexpr std::array kSchemaSteps{R"sql(
  CREATE TABLE run (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    request_id TEXT UNIQUE,
    spec BLOB NOT NULL,
    snapshot BLOB NOT NULL,
    ended INTEGER NOT NULL DEFAULT 0
  );
  CREATE TABLE event (
    run_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (run_id, sequence)
  ) WITHOUT ROWID;
  CREATE INDEX run_unended ON run(number) WHERE ended = 0;
)sql",
                                  R"sql(
  CREATE TABLE note (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
)sql"};
constexpr std::uint64_t kWorthGivingBack = 32u << 20;  // bytes; less is soon used again
constexpr int kSchemaVersion = static_cast<int>(kSchemaSteps.size());

void bind_blob(SQLite::Statement& statement, int index, const std::string& data) {
  statement.bind(index, data.data(), static_cast<int>(data.size()));
}

template <class Message>
Message parsed(const SQLite::Column& column) {
  Message message;
  if (message.ParseFromArray(column.getBlob(), column.getBytes())) return message;
  throw Damaged(ErrorKind::system, "a record of the event log is damaged");
}

/// A run as lists show it: without what makes it long.
v1::Run listed(v1::Run run) {
  for (auto& agent : *run.mutable_subagents()) {
    agent.clear_report();
    for (auto& gate : *agent.mutable_gates()) gate.clear_output_tail();
  }
  return run;
}

/// Values of LIKE that are wildcards stand for themselves.
std::string prefix_pattern(const std::string& prefix) {
  std::string pattern;
  for (char c : prefix) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + '%';
}

}  // namespace

struct Database::Impl {
  std::string file;
  SQLite::Database db;

  /// What SQLite throws becomes one sentence.
  template <class F>
  auto in_words(F&& work) const {
    return store::in_words(file, std::forward<F>(work));
  }

  explicit Impl(const std::string& path) : file(path), db(open_database(path)) {}

  void prepare() {
    const int version = db.execAndGet("PRAGMA user_version").getInt();
    if (version > kSchemaVersion) {
      throw Error(ErrorKind::system, file + " was written by a newer fanoutd (schema " + std::to_string(version) +
                                         ", this one knows " + std::to_string(kSchemaVersion) +
                                         "): install that version again");
    }
    if (version > 0) check_whole(db, file, "run");
    if (version == kSchemaVersion) return;
    if (version > 0) back_up(version);
    SQLite::Transaction transaction(db);
    for (int step = version; step < kSchemaVersion; ++step) db.exec(kSchemaSteps[static_cast<std::size_t>(step)]);
    db.exec("PRAGMA user_version = " + std::to_string(kSchemaVersion));
    transaction.commit();
  }

  /// Beside it, before it is changed: an older fanoutd can go on with that.
  void back_up(int version) {
    const auto backup = file + ".schema-" + std::to_string(version);
    std::error_code ignored;
    std::filesystem::remove(backup, ignored);
    make_private(backup);  // An empty file is written to.
    SQLite::Statement statement(db, "VACUUM INTO ?");
    statement.bind(1, backup);
    statement.exec();
  }

  void insert(const v1::Event& event) {
    SQLite::Statement statement(db, "INSERT INTO event (run_id, sequence, data) VALUES (?, ?, ?)");
    statement.bind(1, event.run_id());
    statement.bind(2, static_cast<std::int64_t>(event.sequence()));
    bind_blob(statement, 3, event.SerializeAsString());
    statement.exec();
  }

  /// In bytes.
  std::uint64_t pages(const std::string& count) {
    return static_cast<std::uint64_t>(db.execAndGet("PRAGMA " + count).getInt64()) *
           static_cast<std::uint64_t>(db.execAndGet("PRAGMA page_size").getInt64());
  }

  void save_spec(const fanout::internal::v1::RunSpec& spec) {
    SQLite::Statement statement(db, "UPDATE run SET spec = ? WHERE id = ?");
    bind_blob(statement, 1, spec.SerializeAsString());
    statement.bind(2, spec.run_id());
    statement.exec();
  }

  void save_snapshot(const v1::Run& run) {
    SQLite::Statement statement(db, "UPDATE run SET snapshot = ?, ended = ? WHERE id = ?");
    bind_blob(statement, 1, run.SerializeAsString());
    statement.bind(2, run.state() == v1::RUN_STATE_RUNNING ? 0 : 1);
    statement.bind(3, run.id());
    statement.exec();
  }
};

Database::Database(const std::filesystem::path& file) {
  in_words(file.string(), [&] {
    impl_ = std::make_unique<Impl>(file.string());
    impl_->prepare();
  });
}

Database::~Database() = default;

void Database::create_run(const fanout::internal::v1::RunSpec& spec, const v1::Event& first) {
  v1::Run run;
  domain::apply(run, first);
  put_run(spec, {&first}, run);
}

void Database::put_run(const fanout::internal::v1::RunSpec& spec, const std::vector<const v1::Event*>& events,
                       const v1::Run& folded) {
  impl_->in_words([&] {
    SQLite::Transaction transaction(impl_->db);
    SQLite::Statement statement(impl_->db,
                                "INSERT INTO run (id, request_id, spec, snapshot, ended) VALUES (?, ?, ?, ?, ?)");
    statement.bind(1, spec.run_id());
    if (spec.request_id().empty()) {
      statement.bind(2);
    } else {
      statement.bind(2, spec.request_id());
    }
    bind_blob(statement, 3, spec.SerializeAsString());
    bind_blob(statement, 4, folded.SerializeAsString());
    statement.bind(5, folded.state() == v1::RUN_STATE_RUNNING ? 0 : 1);
    statement.exec();
    for (const auto* event : events) impl_->insert(*event);
    transaction.commit();
  });
}

void Database::append(const std::vector<const v1::Event*>& events, const std::vector<const v1::Run*>& snapshots,
                      const std::vector<const fanout::internal::v1::RunSpec*>& specs) {
  impl_->in_words([&] {
    SQLite::Transaction transaction(impl_->db);
    for (const auto* event : events) impl_->insert(*event);
    for (const auto* run : snapshots) impl_->save_snapshot(*run);
    for (const auto* spec : specs) impl_->save_spec(*spec);
    transaction.commit();
  });
}

std::vector<v1::Event> Database::events(const std::string& run_id, std::uint64_t after, std::size_t limit,
                                        std::size_t max_bytes) {
  return impl_->in_words([&] {
    SQLite::Statement query(impl_->db,
                            "SELECT data FROM event WHERE run_id = ? AND sequence > ? ORDER BY sequence LIMIT ?");
    query.bind(1, run_id);
    query.bind(2, static_cast<std::int64_t>(after));
    query.bind(3, static_cast<std::int64_t>(limit));
    std::vector<v1::Event> found;
    std::size_t bytes = 0;
    while (bytes < max_bytes && query.executeStep()) {
      bytes += static_cast<std::size_t>(query.getColumn(0).getBytes());
      found.push_back(parsed<v1::Event>(query.getColumn(0)));
    }
    return found;
  });
}

std::optional<StoredRun> Database::load(const std::string& run_id) {
  auto stored = impl_->in_words([&]() -> std::optional<StoredRun> {
    SQLite::Statement query(impl_->db, "SELECT spec, snapshot FROM run WHERE id = ?");
    query.bind(1, run_id);
    if (!query.executeStep()) return std::nullopt;
    return StoredRun{parsed<fanout::internal::v1::RunSpec>(query.getColumn(0)), parsed<v1::Run>(query.getColumn(1))};
  });
  if (!stored) return stored;
  for (;;) {
    const auto more = events(run_id, stored->run.last_sequence(), 1000);
    if (more.empty()) return stored;
    for (const auto& event : more) domain::apply(stored->run, event);
  }
}

std::vector<v1::Run> Database::list(std::size_t limit) {
  std::vector<v1::Run> runs;
  for (const auto& id : ids("", limit)) {
    if (auto stored = load(id)) runs.push_back(listed(std::move(stored->run)));
  }
  return runs;
}

std::vector<std::string> Database::ids(const std::string& prefix, std::size_t limit) {
  return impl_->in_words([&] {
    SQLite::Statement query(impl_->db, R"(SELECT id FROM run WHERE id LIKE ? ESCAPE '\' ORDER BY number DESC LIMIT ?)");
    query.bind(1, prefix_pattern(prefix));
    query.bind(2, static_cast<std::int64_t>(limit));
    std::vector<std::string> found;
    while (query.executeStep()) found.push_back(query.getColumn(0).getString());
    return found;
  });
}

std::optional<std::string> Database::run_of_request(const std::string& request_id) {
  return impl_->in_words([&]() -> std::optional<std::string> {
    SQLite::Statement query(impl_->db, "SELECT id FROM run WHERE request_id = ?");
    query.bind(1, request_id);
    if (!query.executeStep()) return std::nullopt;
    return query.getColumn(0).getString();
  });
}

std::vector<std::string> Database::unended() {
  return impl_->in_words([&] {
    SQLite::Statement query(impl_->db, "SELECT id FROM run WHERE ended = 0 ORDER BY number");
    std::vector<std::string> found;
    while (query.executeStep()) found.push_back(query.getColumn(0).getString());
    return found;
  });
}

std::vector<EndedRun> Database::ended() {
  return impl_->in_words([&] {
    SQLite::Statement query(impl_->db, "SELECT snapshot FROM run WHERE ended = 1 ORDER BY number");
    std::vector<EndedRun> found;
    while (query.executeStep()) {
      const auto run = parsed<v1::Run>(query.getColumn(0));
      found.push_back({run.id(), run.ended_at().seconds(), run.compacted_until() > 0});
    }
    return found;
  });
}

void Database::compact(const std::string& run_id) {
  auto stored = load(run_id);
  if (!stored || stored->run.state() == v1::RUN_STATE_RUNNING || stored->run.compacted_until() > 0) return;
  v1::Event event;
  event.set_run_id(run_id);
  event.set_sequence(stored->run.last_sequence());
  *event.mutable_time() = stored->run.ended_at();
  event.mutable_run_compacted()->set_events(event.sequence());
  *event.mutable_run_compacted()->mutable_run() = stored->run;
  event.mutable_run_compacted()->mutable_run()->clear_last_sequence();
  v1::Run folded;
  domain::apply(folded, event);
  impl_->in_words([&] {
    SQLite::Transaction transaction(impl_->db);
    SQLite::Statement remove(impl_->db, "DELETE FROM event WHERE run_id = ?");
    remove.bind(1, run_id);
    remove.exec();
    impl_->insert(event);
    impl_->save_snapshot(folded);
    transaction.commit();
  });
}

std::uint64_t Database::size() {
  return impl_->in_words([&] { return impl_->pages("page_count") - impl_->pages("freelist_count"); });
}

void Database::give_back_space() {
  impl_->in_words([&] {
    const auto unused = impl_->pages("freelist_count");
    if (unused < kWorthGivingBack || unused < impl_->pages("page_count") / 2) return;
    impl_->db.exec("VACUUM");
    impl_->db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  });
}

std::optional<std::string> Database::note(const std::string& name) {
  return impl_->in_words([&]() -> std::optional<std::string> {
    SQLite::Statement query(impl_->db, "SELECT value FROM note WHERE name = ?");
    query.bind(1, name);
    if (!query.executeStep()) return std::nullopt;
    return query.getColumn(0).getString();
  });
}

void Database::set_note(const std::string& name, const std::string& value) {
  impl_->in_words([&] {
    SQLite::Statement statement(impl_->db, "INSERT OR REPLACE INTO note (name, value) VALUES (?, ?)");
    statement.bind(1, name);
    statement.bind(2, value);
    statement.exec();
  });
}

}  // namespace fanout::store
