#include "server/planning/planner.hpp"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <thread>

#include "common/programs.hpp"
#include "common/text.hpp"
#include "server/domain/plan/graph.hpp"
#include "server/domain/plan/load.hpp"
#include "server/domain/plan/parts.hpp"
#include "server/domain/plan/resolve.hpp"
#include "server/domain/plan/template.hpp"
#include "server/environment/environment.hpp"
#include "server/git/git.hpp"
#include "server/github/repository_name.hpp"
#include "server/planning/agent_choice.hpp"
#include "server/planning/plan_files.hpp"

namespace fanout::planning {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;
using domain::Diagnostic;
using Diagnostics = std::vector<Diagnostic>;
using fanout::internal::v1::RunSpec;

namespace {

constexpr const char* kTemplate = ".parallel/templates/subagent-instructions.md";
constexpr const char* kIssueTemplate = ".parallel/templates/issue.md";
constexpr const char* kPullRequestTemplate = ".parallel/templates/pull-request.md";

void add_error(Diagnostics& diagnostics, std::string file, std::string field, std::string message) {
  diagnostics.push_back({Diagnostic::Severity::error, {std::move(file), 0, 0}, std::move(field), std::move(message)});
}

/// Where the repository is looked for: the flag, the plan's own word, else around the plan.
fs::path repository_hint(const Request& request, const domain::Plan& plan) {
  if (!request.overrides.repository().empty()) return request.working_directory / request.overrides.repository();
  const auto folder = request.open ? request.working_directory : request.plan_path.parent_path();
  return plan.settings.repo ? folder / *plan.settings.repo : folder;
}

/// The plan's own; empty where there is none.
fs::path find_repository(const Request& request, const domain::Plan& plan, Diagnostics& diagnostics) {
  const auto hint = repository_hint(request, plan).lexically_normal();
  try {
    return git::find_repository(hint);
  } catch (const Error& error) {
    const bool named = !request.overrides.repository().empty() || plan.settings.repo;
    add_error(diagnostics, request.plan_path.string(), "repo",
              std::string(error.what()) + (named ? "" : ": name it with --repo or repo: in the plan"));
    return {};
  }
}

fs::path find_named(const Request& request, const domain::NamedRepository& named, Diagnostics& diagnostics) {
  const auto folder = request.open ? request.working_directory : request.plan_path.parent_path();
  try {
    return git::find_repository((folder / named.path).lexically_normal());
  } catch (const Error& error) {
    diagnostics.push_back({Diagnostic::Severity::error, named.place, "repos." + named.name, error.what()});
    return {};
  }
}

/// Whether a task that is there, or may yet come, works in that repository.
bool is_wanted(const Request& request, const domain::Plan& plan, const std::string& name) {
  if (request.open && !request.open->entry) return true;
  return std::any_of(plan.tasks.begin(), plan.tasks.end(), [&](const auto& task) { return task.settings.repo.value_or("") == name; });
}

/// A repository that tasks work in.
struct Located {
  std::string name;  ///< Empty: the plan's own.
  fs::path root;     ///< Empty: it was not found.
};

/// The plan's own first. Where the plan names none there is that one alone.
std::vector<Located> locate(const Request& request, const domain::Plan& plan, bool for_run, Diagnostics& diagnostics) {
  std::vector<Located> found;
  const bool may_lack = !plan.repositories.empty() && request.open && !request.open->entry;
  if (plan.repositories.empty() || is_wanted(request, plan, "")) {
    Diagnostics faults;
    const auto root = find_repository(request, plan, faults);
    if (!root.empty() || !may_lack) found.push_back({"", root});
    if (for_run && !may_lack) diagnostics.insert(diagnostics.end(), faults.begin(), faults.end());
  }
  for (const auto& named : plan.repositories) {
    if (!is_wanted(request, plan, named.name)) continue;
    const auto root = find_named(request, named, diagnostics);
    const auto same = std::find_if(found.begin(), found.end(), [&](const auto& one) { return !root.empty() && one.root == root; });
    if (same != found.end()) {
      const auto other = same->name.empty() ? std::string("the plan's own") : "repos." + same->name;
      diagnostics.push_back({Diagnostic::Severity::error, named.place, "repos." + named.name,
                             root.string() + " is " + other + " already: a repository has one name"});
    }
    if (request.overrides.only_that_repository()) {
      diagnostics.push_back({Diagnostic::Severity::error, named.place, "repos." + named.name,
                             "tasks may work in one repository alone here, and " + root.string() + " is another"});
    }
    found.push_back({named.name, root});
  }
  if (found.empty()) found.push_back({"", {}});
  return found;
}

/// The program that a shell line begins with, when that can be told: plain words, no shell syntax.
std::string program_of(const std::string& line) {
  std::istringstream words(line);
  std::string word;
  while (words >> word) {
    if (word.find('=') == std::string::npos) break;  // NAME=value before the program
  }
  return word.find_first_of("'\"$`(){};|&<>*?[]~\\#!") == std::string::npos ? word : "";
}

/// What `sh` understands by itself.
bool is_shell_word(const std::string& word) {
  static const std::set<std::string> words{".",    ":",    "[",     "case", "cd",     "command", "echo",  "eval",
                                           "exec", "exit", "false", "for",  "if",     "printf",  "read",  "set",
                                           "test", "trap", "true",  "type", "ulimit", "umask",   "unset", "until",
                                           "wait", "while", "export"};
  return words.contains(word);
}

bool can_be_run(const std::string& word, const std::string& search_path) {
  if (is_shell_word(word)) return true;
  if (word.find('/') != std::string::npos) return word.front() != '/' || access(word.c_str(), X_OK) == 0;
  return !find_program(word, search_path, Folders::all).empty();
}

void check_agents(const Request& request, const fanout::internal::v1::RunSpec& spec,
                  Diagnostics& diagnostics) {
  std::vector<std::string> told;
  for (const auto& task : spec.tasks()) {
    const auto program = program_of(task.agent_command());
    if (task.skipped() || program.empty() || can_be_run(program, request.search_path)) continue;
    if (task.fallbacks_size() > 0) continue;  // the next one takes over
    if (std::find(told.begin(), told.end(), program) != told.end()) continue;
    told.push_back(program);
    const bool is_path = program.find('/') != std::string::npos;
    add_error(diagnostics, "", "agent",
              "agent \"" + program + "\" " +
                  (is_path ? "is not there or may not be executed"
                           : "is neither a name from the configuration nor a program in PATH"));
  }
}

/// A command line that begins with a path of the caller's folder means that file, wherever it runs.
void make_absolute(std::string& agent, const fs::path& working_directory) {
  constexpr std::string_view acp = "acp:";
  const bool speaks_acp = agent.starts_with(acp);
  const auto line = agent.substr(speaks_acp ? acp.size() : 0);
  const auto end = line.find(' ');
  const auto word = line.substr(0, end);
  if (word.find('/') == std::string::npos || word.front() == '/') return;
  const auto file = (working_directory / word).lexically_normal();
  std::error_code error;
  if (!fs::exists(file, error)) return;
  agent = (speaks_acp ? std::string(acp) : "") + shell_quoted(file.string()) + (end == std::string::npos ? "" : line.substr(end));
}

void make_agents_absolute(v1::Overrides& overrides, const fs::path& working_directory) {
  make_absolute(*overrides.mutable_agent(), working_directory);
  for (auto& agent : *overrides.mutable_fallback_agents()) make_absolute(agent, working_directory);
  for (auto& agent : *overrides.mutable_race_agents()) make_absolute(agent, working_directory);
}

void set_base_commit(RunSpec& spec, const std::string& plan_path, Diagnostics& diagnostics) {
  try {
    spec.set_base_commit(git::resolve_commit(spec.repository(), spec.base()));
    if (spec.push() && !git::has_remote(spec.repository(), spec.remote())) {
      add_error(diagnostics, plan_path, "remote",
                "pushing is on, but " + spec.repository() + " has no remote \"" + spec.remote() +
                    "\": add it, or name another with --remote");
    }
  } catch (const Error& error) {
    add_error(diagnostics, plan_path, "base", error.what());
  }
}

/// Where the issues and pull requests go.
void set_tracker_place(RunSpec& spec, const std::string& plan_path, Diagnostics& diagnostics) {
  if (spec.tracker() != "github") return;
  try {
    const auto place = github::parse_remote(git::remote_url(spec.repository(), spec.remote()));
    if (!place) {
      return add_error(diagnostics, plan_path, "tracker",
                       "tracker github needs a remote at GitHub, and the url of " + spec.remote() +
                           " is no such: name another with --remote");
    }
    spec.set_tracker_repository(place->host + "/" + place->path());
    if (spec.pull_request_base() != "HEAD") return;
    spec.set_pull_request_base(git::current_branch(spec.repository()));
    if (spec.pull_request_base().empty()) {
      add_error(diagnostics, plan_path, "base",
                "HEAD is on no branch that pull requests could be merged into: name one with --base, or pass --no-pr");
    }
  } catch (const Error& error) {
    add_error(diagnostics, plan_path, "tracker", error.what());
  }
}

/// The repository's own bodies for issues and pull requests, where it has some.
void set_tracker_templates(RunSpec& spec, Diagnostics& diagnostics) {
  if (spec.tracker() != "github") return;
  const auto read = [&](const char* name) {
    const auto file = fs::path(spec.repository()) / name;
    auto text = read_optional(file, diagnostics).value_or("");
    for (auto& unknown : domain::unknown_placeholders(text, file.string())) diagnostics.push_back(std::move(unknown));
    return text;
  };
  spec.mutable_tracker_options()->set_issue_template(read(kIssueTemplate));
  spec.mutable_tracker_options()->set_pull_request_template(read(kPullRequestTemplate));
}

domain::Layers read_layers(const Request& request, const PlanFiles& files, const fs::path& repository,
                           const fs::path& user_config, Diagnostics& diagnostics) {
  domain::Layers layers;
  layers.flags = request.overrides;
  make_agents_absolute(layers.flags, request.working_directory);
  layers.repository_root = repository.string();
  layers.cores = std::max(1u, std::thread::hardware_concurrency());
  if (!repository.empty()) {
    const auto settings = repository / ".fanout.yaml";
    if (const auto text = read_optional(settings, diagnostics, files)) {
      layers.repository = domain::parse_repository_settings(*text, settings.string(), diagnostics);
    }
    const auto prompt = repository / kTemplate;
    if (auto text = read_optional(prompt, diagnostics, files)) {
      layers.prompt_template = std::move(*text);
      layers.prompt_template_file = prompt.string();
    }
  }
  if (const auto text = read_optional(user_config, diagnostics)) {
    layers.user = domain::parse_user_config(*text, user_config.string(), diagnostics);
  }
  return layers;
}

domain::LoadedPlan load(const Request& request, const PlanFiles& files) {
  const auto read = [&](const fs::path& file, const fs::path& inside) { return files.read(file, inside); };
  if (!request.open) return domain::load_plan(request.plan_path, read);
  return domain::load_open_plan(request.working_directory, request.plan_path.string(), *request.open, read);
}

void set_repository_facts(const Request& request, RunSpec& spec, Diagnostics& diagnostics) {
  set_base_commit(spec, request.plan_path.string(), diagnostics);
  set_tracker_place(spec, request.plan_path.string(), diagnostics);
  set_tracker_templates(spec, diagnostics);
}

/// What only a run needs. One task alone changes nothing of what its run has begun with.
void prepare_for_run(const Request& request, RunSpec& spec, Diagnostics& diagnostics) {
  settle_agents(spec, request.search_path, diagnostics);
  domain::require_agents(spec, diagnostics);
  check_agents(request, spec, diagnostics);
  if (request.open && request.open->entry) return;
  set_repository_facts(request, spec, diagnostics);
  for (auto& one : *spec.mutable_repositories()) set_repository_facts(request, *one.mutable_spec(), diagnostics);
}

/// Each repository has settings of its own, and its tasks are read with them.
RunSpec resolve_all(const Request& request, const PlanFiles& files, const domain::Plan& plan, const std::vector<Located>& located,
                    const fs::path& user_config, Diagnostics& diagnostics) {
  std::vector<RunSpec> specs;
  for (const auto& one : located) {
    const auto layers = read_layers(request, files, one.root, user_config, diagnostics);
    specs.push_back(domain::resolve(located.size() == 1 ? plan : domain::part_of(plan, one.name), layers, diagnostics));
    domain::set_repository_name(specs.back(), one.name);
  }
  return domain::brought_together(plan, std::move(specs), diagnostics);
}

}  // namespace

Prepared prepare(const Request& request, const fs::path& user_config, bool for_run) {
  Prepared prepared;
  const PlanFiles files(request.overlays);
  prepared.loaded = load(request, files);
  auto& diagnostics = prepared.loaded.diagnostics;
  const auto located = locate(request, prepared.loaded.plan, for_run, diagnostics);
  prepared.spec = resolve_all(request, files, prepared.loaded.plan, located, user_config, diagnostics);
  if (for_run && prepared.loaded.ok()) prepare_for_run(request, prepared.spec, diagnostics);
  for (auto& diagnostic : diagnostics) {  // there is no file to look into
    if (request.open && diagnostic.place.file == request.plan_path) diagnostic.place = {};
  }
  return prepared;
}

domain::GithubConfig github_config(const fs::path& user_config) {
  Diagnostics diagnostics;
  const auto text = read_optional(user_config, diagnostics);
  if (!text) return {};
  auto config = domain::parse_user_config(*text, user_config.string(), diagnostics);
  return diagnostics.empty() ? std::move(config.github) : domain::GithubConfig();
}

fanout::internal::v1::RunSpec settings_alone(const Request& request, const fs::path& user_config) {
  const fs::path folder = request.overrides.repository().empty() ? request.working_directory : fs::path(request.overrides.repository());
  const auto repository = git::find_repository(folder);
  Diagnostics diagnostics;
  const auto layers = read_layers(request, PlanFiles(), repository, user_config, diagnostics);
  auto spec = domain::resolve(domain::Plan(), layers, diagnostics);
  const auto is_error = [](const Diagnostic& one) { return one.severity == Diagnostic::Severity::error; };
  if (std::any_of(diagnostics.begin(), diagnostics.end(), is_error)) throw PlanFaultsError(std::move(diagnostics));
  return spec;
}

v1::PlanDescription describe(const Prepared& prepared) {
  auto description = domain::describe(prepared.loaded.plan, prepared.spec);
  if (prepared.spec.repository().empty() || prepared.spec.tasks_size() == 0) return description;
  const auto& first = prepared.spec.tasks(0);
  const auto found = environment::detect(prepared.spec.repository());
  if (first.detect_setup()) description.mutable_setup()->Assign(found.setup.begin(), found.setup.end());
  if (first.detect_verify()) description.mutable_verify()->Assign(found.verify.begin(), found.verify.end());
  return description;
}

std::vector<v1::Diagnostic> to_wire(const Diagnostics& diagnostics) {
  std::vector<v1::Diagnostic> wire;
  for (const auto& diagnostic : diagnostics) {
    auto& told = wire.emplace_back();
    switch (diagnostic.severity) {
      case Diagnostic::Severity::error: told.set_severity(v1::Diagnostic::SEVERITY_ERROR); break;
      case Diagnostic::Severity::warning: told.set_severity(v1::Diagnostic::SEVERITY_WARNING); break;
      case Diagnostic::Severity::note: told.set_severity(v1::Diagnostic::SEVERITY_NOTE); break;
    }
    told.set_file(valid_utf8(diagnostic.place.file));
    told.set_line(diagnostic.place.line);
    told.set_column(diagnostic.place.column);
    told.set_field(valid_utf8(diagnostic.field));
    told.set_message(valid_utf8(diagnostic.message));
  }
  return wire;
}

PlanFaultsError::PlanFaultsError(Diagnostics found, const char* message)
    : Error(ErrorKind::invalid_input, message), diagnostics(std::move(found)) {}

}  // namespace fanout::planning
