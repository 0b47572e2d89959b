#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/run.pb.h"

/// What lies in a run's folder, runs/RUN, besides what its programs print: its plan, and in the end its outcome. Both are
/// in the event log too; here they outlive it. All BLOCK and are thread-safe.
namespace fanout::rebuild {

namespace fs = std::filesystem;

/// Atomic, durable, for their owner alone. A plan that is there already stays, unless it has fewer tasks. Error system.
void save_spec(const fs::path& runs, const fanout::internal::v1::RunSpec& spec);
void save_outcome(const fs::path& runs, const fanout::v1::Run& run);

bool has_outcome(const fs::path& runs, const std::string& run);

/// Empty: there is none, or it cannot be read.
std::optional<fanout::internal::v1::RunSpec> load_spec(const fs::path& runs, const std::string& run);
std::optional<fanout::v1::Run> load_outcome(const fs::path& runs, const std::string& run);

/// When the run was begun, in seconds since 1970, about; 0: not known.
std::int64_t began_at(const fs::path& runs, const std::string& run);

/// Ids of runs that have a folder with a plan, sorted.
std::vector<std::string> runs_with_spec(const fs::path& runs);

/// The highest attempt of a task of which there is anything; 0: none.
unsigned last_attempt(const fs::path& runs, const std::string& run, const std::string& task);

/// The machine's boot under which a program of the run was started last; empty: none was.
std::string last_boot(const fs::path& runs, const std::string& run);

/// Bytes that the programs' output and records take up; the plan and the outcome are not counted.
std::uintmax_t archive_size(const fs::path& runs, const std::string& run);

/// Removes what its programs printed and all records of them; the plan and the outcome stay. Cut off at any point and
/// called again, it finishes. How many bytes that were. Error system.
std::uintmax_t remove_archive(const fs::path& runs, const std::string& run);

}  // namespace fanout::rebuild
