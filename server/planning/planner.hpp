#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/error.hpp"
#include "fanout/internal/v1/spec.pb.h"
#include "fanout/v1/plan.pb.h"
#include "server/domain/plan/github_config.hpp"
#include "server/domain/plan/load.hpp"
#include "server/domain/plan/plan.hpp"
#include "server/planning/plan_files.hpp"

/// From a plan's path to a plan that can be run: reads plan, task files, `.fanout.yaml`, the user's
/// configuration and the prompt template, and finds the repository. All functions BLOCK.
namespace fanout::planning {

struct Request {
  std::filesystem::path plan_path;
  fanout::v1::Overrides overrides;
  std::filesystem::path working_directory;
  std::string search_path;  ///< PATH that agents are looked up in.
  PlanFiles::Overlays overlays{};  ///< Texts that are not saved, in place of files.
  /// Set: the plan is still being written, and this is what there is of it; plan_path only says where it comes from, and
  /// paths are relative to working_directory.
  std::optional<domain::OpenPlanText> open{};
};

/// A plan, or one task of a plan that is still being written.
struct Prepared {
  domain::LoadedPlan loaded;
  fanout::internal::v1::RunSpec spec;  ///< Meaningful when loaded.ok(); base_commit is set when for_run.
};

/// Loads, checks and resolves. With `for_run` also what only a run needs: a repository with a commit to
/// start from, and an agent that exists. Faults are diagnostics, never exceptions; overlays that cannot be are Errors.
Prepared prepare(const Request& request, const std::filesystem::path& user_config, bool for_run);

/// What the user's configuration says of GitHub's hosts; nothing where it has faults, which a plan is told of.
domain::GithubConfig github_config(const std::filesystem::path& user_config);

/// The settings that hold in a repository where there is no plan; the spec has no task. The repository is the one that
/// the overrides name, else the one around the working directory. Throws PlanFaultsError.
fanout::internal::v1::RunSpec settings_alone(const Request& request, const std::filesystem::path& user_config);

/// What `plan show` prints of a plan without errors, commands that are found out from the tree included.
fanout::v1::PlanDescription describe(const Prepared& prepared);

std::vector<fanout::v1::Diagnostic> to_wire(const std::vector<domain::Diagnostic>& diagnostics);

inline constexpr const char* kNothingStarted = "the plan has faults: nothing was started";
inline constexpr const char* kNothingChanged = "the plan has faults: nothing was changed";

/// A plan with faults, as an error.
class PlanFaultsError : public Error {
 public:
  explicit PlanFaultsError(std::vector<domain::Diagnostic> found, const char* message = kNothingStarted);
  const std::vector<domain::Diagnostic> diagnostics;
};

}  // namespace fanout::planning
