#include "server/editing/draft.hpp"

#include <algorithm>

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/plan/checks.hpp"
#include "server/domain/plan/load.hpp"
#include "server/domain/plan/loading.hpp"
#include "server/domain/plan/template.hpp"
#include "server/editing/draft_roles.hpp"
#include "server/editing/files.hpp"
#include "server/editing/text.hpp"
#include "server/git/git.hpp"
#include "server/planning/plan_files.hpp"

namespace fanout::editing {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;

namespace {

constexpr const char* kTemplates = ".parallel/templates/draft";
constexpr std::size_t kLongestName = 40;
constexpr std::size_t kMostRoles = 20;

struct Roles {
  std::vector<DraftRole> all;
  std::string planner;
};

std::string text_of_template(const fs::path& file, const fs::path& folder) {
  auto text = planning::read_plan_file(file, folder);
  if (auto* found = std::get_if<std::string>(&text)) return std::move(*found);
  throw Error(ErrorKind::precondition, "cannot read " + printable(file.string()) + ": " + std::get<domain::ReadFailure>(text).reason);
}

/// The repository's own templates stand in the place of those that are built in; its own roles in the place of all of them.
Roles roles_of(const fs::path& repository) {
  const auto folder = repository / kTemplates;
  Roles roles{{}, usual_planner_prompt()};
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() != ".md") continue;
    const auto name = entry->path().stem().string();
    if (name == kPlannerTask) {
      roles.planner = text_of_template(entry->path(), folder);
    } else if (const auto fault = domain::fault_in_id(name); fault.empty()) {
      roles.all.push_back({name, text_of_template(entry->path(), folder)});
    } else {
      throw Error(ErrorKind::precondition, printable(entry->path().string()) + ": the name of a role " + fault);
    }
  }
  std::sort(roles.all.begin(), roles.all.end(), [](const auto& one, const auto& other) { return one.name < other.name; });
  if (roles.all.empty()) roles.all = usual_roles();
  if (roles.all.size() > kMostRoles) throw Error(ErrorKind::precondition, "there are more than 20 roles in " + printable(folder.string()));
  return roles;
}

std::vector<DraftRole> chosen(const std::vector<DraftRole>& all, const google::protobuf::RepeatedPtrField<std::string>& names) {
  if (names.empty()) return all;
  std::vector<DraftRole> some;
  std::vector<std::string> known;
  for (const auto& role : all) known.push_back(role.name);
  for (const auto& name : names) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& role) { return role.name == name; });
    if (found == all.end()) {
      throw Error(ErrorKind::invalid_input, "\"" + printable(name) + "\" is no role" + domain::did_you_mean(name, known) + ": there are " + join(known, ", "));
    }
    const bool twice = std::any_of(some.begin(), some.end(), [&](const auto& role) { return role.name == name; });
    if (!twice) some.push_back(*found);
  }
  return some;
}

fs::path free_place(const fs::path& repository, const std::string& goal) {
  auto name = id_from_title(as_title(goal, kLongestName));
  while (name.size() > kLongestName || name.ends_with('-')) name.pop_back();
  const auto plans = repository / ".parallel/plans";
  for (unsigned number = 1;; ++number) {
    const auto folder = plans / (number == 1 ? name : name + "-" + std::to_string(number));
    if (!is_there(folder)) return folder / "plan.yaml";
  }
}

fs::path place_of_plan(const v1::DraftPlanRequest& request, const fs::path& repository) {
  if (request.plan_path().empty()) return free_place(repository, request.goal());
  const auto plan = fs::path(request.plan_path()).lexically_normal();
  const auto relative = plan.lexically_relative(repository);
  if (!plan.is_absolute() || relative.empty() || *relative.begin() == ".." || !plan.has_filename()) {
    throw Error(ErrorKind::invalid_input, "the plan must be in the repository " + repository.string() + ", not at " + printable(plan.string()));
  }
  if (is_there(plan)) throw Error(ErrorKind::already_there, printable(plan.string()) + " is there already: choose another place");
  return plan;
}

struct Drafting {
  std::string goal, created;
  fs::path repository, plan;
  Roles roles;
  std::string check_command;
};

std::string findings_file(const std::string& role) { return std::string(kDraftFolder) + "/findings/" + role + ".md"; }
std::string draft_file() { return std::string(kDraftFolder) + "/plan.yaml"; }

std::string prompt_of(const Drafting& drafting, const std::string& text, const std::string& role) {
  return domain::render(text, {{"goal", drafting.goal},
                               {"findings_file", findings_file(role)},
                               {"findings_folder", std::string(kDraftFolder) + "/findings"},
                               {"plan_file", draft_file()},
                               {"check_command", drafting.check_command + " " + draft_file()}});
}

std::string entry_of(const std::string& id, const std::string& name, const std::string& prompt, const std::string& gate,
                     const std::string& command) {
  return "  - id: " + id + "\n    name: " + yaml_quoted(name) + "\n    prompt: " + yaml_quoted(cleaned(prompt)) +
         "\n    gates: [{name: " + gate + ", run: " + yaml_quoted(command) + ", timeout: 2m}]\n    gate_retries: 2\n";
}

/// What a repository's settings ask for its own work does not hold for planning: nothing is built, tested or published.
std::string text_of(const Drafting& drafting) {
  std::string text = "# The plan of a planning run: by `fanout plan draft`.\nmetadata: {name: " +
                     yaml_quoted(as_title("Plan: " + drafting.goal, 80)) + ", created: " + yaml_quoted(drafting.created) + "}\nrepo: " +
                     yaml_quoted(drafting.repository.string()) +
                     "\nsetup: []\nverify: []\ntracker: none\npush: false\nwrite_status: false\ncommit_type: docs\nrace: 1\n"
                     "worktree: worktrees/{run_id}-{task_id}\nbranch: draft/{run_id}/{task_id}\nenv: {" +
                     kTargetVariable + ": " + yaml_quoted(drafting.plan.lexically_relative(drafting.repository).string()) + "}\ntasks:\n";
  std::string all;
  for (const auto& role : drafting.roles.all) {
    const auto id = "research-" + role.name;
    all += (all.empty() ? "" : ", ") + id;
    text += entry_of(id, "Research: " + role.name, prompt_of(drafting, role.prompt, role.name), "findings",
                     "test -s " + findings_file(role.name));
  }
  return text + entry_of(kPlannerTask, "Make the plan", prompt_of(drafting, drafting.roles.planner, ""), "plan",
                         drafting.check_command + " " + draft_file()) +
         "    dependencies: [" + all + "]\n";
}

}  // namespace

v1::DraftPlanResponse draft_plan(const v1::DraftPlanRequest& request, const DraftPlaces& places, const std::string& created) {
  Drafting drafting{cleaned(request.goal()), created, {}, {}, {}, places.check_command};
  if (trimmed(drafting.goal).empty()) throw Error(ErrorKind::invalid_input, "what is the plan to reach? Say it in a sentence or more");
  drafting.repository = git::find_repository(request.folder());
  drafting.plan = place_of_plan(request, drafting.repository);
  drafting.roles = roles_of(drafting.repository);
  drafting.roles.all = chosen(drafting.roles.all, request.roles());
  const auto text = text_of(drafting);
  auto file = places.drafts / (created + ".yaml");
  for (unsigned number = 2; is_there(file); ++number) file = places.drafts / (created + "-" + std::to_string(number) + ".yaml");
  create_file(file, text);
  v1::DraftPlanResponse response;
  response.set_drafting_plan_path(file.string());
  response.set_plan_path(drafting.plan.string());
  for (const auto& role : drafting.roles.all) response.add_roles(role.name);
  return response;
}

}  // namespace fanout::editing
