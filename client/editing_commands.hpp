#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client/session.hpp"

/// The commands that write plans and settings. Each returns the exit code; failures are Errors.
namespace fanout::client {

struct InitOptions {
  bool force = false;
};

struct NewPlanOptions {
  std::string name;  ///< Empty: the repository's.
  std::string file;  ///< Empty: .parallel/plans/plan.yaml.
};

struct AddTaskOptions {
  std::string title, id;
  std::vector<std::string> files, depends;
  std::string priority;
  std::string prompt;  ///< "-": standard input.
  std::string plan;    ///< As for other commands.
};

struct FromIssuesOptions {
  std::string label;
  std::uint32_t limit = 0;  ///< 0: as the daemon has it.
  std::string plan;
};

struct DraftPlanOptions {
  std::string goal;  ///< "-": standard input.
  std::string file;  ///< Empty: as the daemon has it.
  std::string agent;
  std::vector<std::string> roles;
  bool detach = false;
};

struct AdoptDraftOptions {
  std::string run;
};

int init(Session& session, const InitOptions& options);
int new_plan(Session& session, const NewPlanOptions& options);
/// These end with 2, and all faults told, where the plan would have some.
int add_plan_task(Session& session, const AddTaskOptions& options);
int add_from_issues(Session& session, const FromIssuesOptions& options);
/// Begins a planning run, watches it and takes what came of it; ends with 1 where nothing did.
int draft_plan(Session& session, const DraftPlanOptions& options);
/// Takes what came of a planning run that was left alone.
int adopt_draft(Session& session, const AdoptDraftOptions& options);

}  // namespace fanout::client
