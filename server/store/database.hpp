#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/event.pb.h"
#include "fanout/v1/run.pb.h"
#include "server/store/disk_full.hpp"

namespace fanout::store {

/// What is stored of a run besides its events.
struct StoredRun {
  fanout::internal::v1::RunSpec spec;
  fanout::v1::Run run;  ///< Folded from all its events.
};

/// A run that has ended, as retention looks at it.
struct EndedRun {
  std::string id;
  std::int64_t ended_at = 0;  ///< Seconds since 1970.
  bool compacted = false;
};

/// The SQLite file: specs and events, and a snapshot of each ended run so that listing need not fold.
/// BLOCKS. Not thread-safe: one thread owns it (see EventLog). WAL mode; every commit is synced.
/// Throws Error{system} in words: which file, what is wrong; Damaged and DiskFull where it is that.
class Database {
 public:
  /// Opens or makes `file` (0600). An older schema is brought forward, after a copy beside it was made. A newer one is
  /// refused, and so is a damaged file: see check_whole.
  explicit Database(const std::filesystem::path& file);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Records a new run and its first event in one transaction.
  void create_run(const fanout::internal::v1::RunSpec& spec, const fanout::v1::Event& first);
  /// Records a run that was known before: its events in order, the first a RunStarted or RunCompacted, and what they
  /// come to.
  void put_run(const fanout::internal::v1::RunSpec& spec, const std::vector<const fanout::v1::Event*>& events,
               const fanout::v1::Run& folded);
  /// Appends events (of any runs) in one transaction. `snapshots` replace what `run` lists show, and `specs`, in order,
  /// what their runs go by.
  void append(const std::vector<const fanout::v1::Event*>& events, const std::vector<const fanout::v1::Run*>& snapshots,
              const std::vector<const fanout::internal::v1::RunSpec*>& specs = {});

  /// Events of a run after `sequence`, in order, at most `limit` of them and about `max_bytes`.
  std::vector<fanout::v1::Event> events(const std::string& run_id, std::uint64_t after, std::size_t limit,
                                        std::size_t max_bytes = 4u << 20);
  std::optional<StoredRun> load(const std::string& run_id);
  /// Newest first.
  std::vector<fanout::v1::Run> list(std::size_t limit);
  /// Ids of runs that begin with `prefix`, newest first, at most `limit`.
  std::vector<std::string> ids(const std::string& prefix, std::size_t limit);
  /// The run that was made for this request id.
  std::optional<std::string> run_of_request(const std::string& request_id);
  /// Ids of runs that have not ended, oldest first.
  std::vector<std::string> unended();

  /// Oldest first.
  std::vector<EndedRun> ended();
  /// Puts one event in the place of all events of a run that has ended: its whole state. One that has not ended, or was
  /// compacted, stays as it is.
  void compact(const std::string& run_id);
  /// Bytes that are in use.
  std::uint64_t size();
  /// Makes the file smaller when more than half of it is unused. Takes as long as writing it anew.
  void give_back_space();

  /// Something that one daemon leaves for the next under a name.
  std::optional<std::string> note(const std::string& name);
  void set_note(const std::string& name, const std::string& value);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanout::store
