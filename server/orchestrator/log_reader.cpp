#include "server/orchestrator/log_reader.hpp"

#include <algorithm>
#include <fstream>
#include <vector>

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/run/fold.hpp"

namespace fanout::orchestrator {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kChunk = 64 << 10;

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

/// The latest of which there is anything: one that waits for its time has nothing yet, and the one before has why.
unsigned latest_attempt(const fs::path& folder, unsigned newest) {
  for (auto number = newest; number > 0; --number) {
    if (fs::exists(folder / std::to_string(number))) return number;
  }
  return newest;
}

}  // namespace

fs::path find_log(const fs::path& runs_directory, const fanout::v1::Run& run, const std::string& task_id,
                  unsigned attempt, const std::string& log) {
  const auto* agent = domain::find_subagent(run, task_id);
  if (!agent) throw Error(ErrorKind::not_found, "run " + run.id() + " has no task \"" + task_id + "\"");
  const auto name = log.empty() ? "agent.stdout" : log;
  if (name.find('/') != std::string::npos || name.starts_with('.')) {
    throw Error(ErrorKind::invalid_input, "\"" + name + "\" is not the name of a log");
  }
  const auto attempts = runs_directory / run.id() / task_id;
  const auto number = attempt == 0 ? latest_attempt(attempts, agent->attempt()) : attempt;
  const auto folder = attempts / std::to_string(number);
  const auto file = folder / name;
  if (fs::exists(file)) return file;
  const auto names = names_in(folder);
  throw Error(ErrorKind::not_found, "task " + task_id + " has no log " + name + " in attempt " +
                                        std::to_string(number) +
                                        (names.empty() ? ": nothing has run yet" : "; there are: " + join(names, ", ")));
}

std::string read_log(const fs::path& file, std::uint64_t offset) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw Error(ErrorKind::system, "cannot read " + file.string());
  in.seekg(static_cast<std::streamoff>(offset));
  std::string data(kChunk, '\0');
  in.read(data.data(), static_cast<std::streamsize>(data.size()));
  data.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  return data;
}

}  // namespace fanout::orchestrator
