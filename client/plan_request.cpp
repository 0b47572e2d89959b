#include "client/plan_request.hpp"

#include <algorithm>

#include "client/render/times.hpp"
#include "common/duration.hpp"
#include "common/error.hpp"

namespace fanout::client {

namespace fs = std::filesystem;

namespace {

constexpr const char* kUsualPlaces[] = {".parallel/plans/plan.yaml", "plan.yaml"};

/// Without "." and, where no link can be meant by it, without "..".
fs::path tidy(const fs::path& path) {
  const bool climbs = std::any_of(path.begin(), path.end(), [](const auto& part) { return part == ".."; });
  return climbs ? fs::weakly_canonical(path) : path.lexically_normal();
}

}  // namespace

fs::path find_plan(const std::string& typed, const fs::path& folder) {
  std::error_code error;
  if (!typed.empty()) {
    const auto path = tidy(folder / typed);
    return fs::is_directory(path, error) ? (path / "plan.yaml").lexically_normal() : path;
  }
  for (const auto* place : kUsualPlaces) {
    if (fs::is_regular_file(folder / place, error)) return folder / place;
  }
  throw Error(ErrorKind::invalid_input, std::string("which plan? Here is neither ") + kUsualPlaces[0] +
                                            " nor " + kUsualPlaces[1] + "; name one");
}

fanout::v1::Overrides overrides_of(const PlanOptions& options) {
  fanout::v1::Overrides overrides;
  overrides.set_agent(options.agent);
  overrides.set_base(options.base);
  overrides.set_repository(options.repo);
  overrides.set_remote(options.remote);
  overrides.set_tracker(options.tracker);
  if (options.max_parallel) overrides.set_max_parallel(*options.max_parallel);
  if (options.retries) overrides.set_retries(*options.retries);
  if (options.push) overrides.set_push(*options.push);
  if (options.pull_request) overrides.set_pull_request(*options.pull_request);
  if (options.no_write_status) overrides.set_write_status(false);
  if (!options.timeout.empty()) {
    const auto timeout = parse_duration(options.timeout);
    if (!timeout || timeout->count() == 0) {
      throw Error(ErrorKind::invalid_input,
                  "--timeout must be a time such as 90s, 15m or 1h30m, not \"" + options.timeout + "\"");
    }
    *overrides.mutable_timeout() = to_duration(*timeout);
  }
  return overrides;
}

}  // namespace fanout::client
