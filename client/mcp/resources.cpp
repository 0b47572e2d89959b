// fanout://runs/RUN and fanout://runs/RUN/tasks/TASK/logs/LOG. Ids and names of logs need no escape in a URI.
#include <algorithm>
#include <limits>

#include "client/mcp/json_rpc.hpp"
#include "client/mcp/run_json.hpp"
#include "client/mcp/tool.hpp"
#include "common/text.hpp"

namespace fanout::mcp {

namespace v1 = fanout::v1;

namespace {

constexpr std::string_view kRuns = "fanout://runs/";
constexpr std::size_t kRunsOnAPage = 20;
constexpr std::size_t kMostLogBytes = 1 << 20;

constexpr const char* kTemplates = R"([
  {"uriTemplate": "fanout://runs/{run}", "name": "run", "title": "A run", "mimeType": "application/json",
   "description": "How a run and each of its tasks stand. {run} is an id, the beginning of one, or last."},
  {"uriTemplate": "fanout://runs/{run}/tasks/{task}/logs/{log}", "name": "log", "title": "A log", "mimeType": "text/plain",
   "description": "What a task's programs printed in its latest attempt; of more than 1 MiB, the end. {log} is agent.stdout, agent.stderr, prompt.md, setup.log, verify.log or a gate's log."}
])";

std::string log_uri(const std::string& run, const std::string& task, const std::string& log) {
  return std::string(kRuns) + run + "/tasks/" + task + "/logs/" + log;
}

void add_resources_of(json::array& all, const v1::Run& run) {
  all.push_back(json::object{{"uri", std::string(kRuns) + run.id()},
                             {"name", run.id()},
                             {"title", valid_utf8(run.name())},
                             {"description", run_sentence(run)},
                             {"mimeType", "application/json"}});
  for (const auto& agent : run.subagents()) {
    if (!agent.has_started_at()) continue;
    all.push_back(json::object{{"uri", log_uri(run.id(), agent.task_id(), "agent.stdout")},
                               {"name", run.id() + "/" + agent.task_id() + "/agent.stdout"},
                               {"title", "What the agent of " + agent.task_id() + " wrote"},
                               {"mimeType", "text/plain"}});
  }
}

/// A cursor is the id of the last run of the page before: it holds while new runs come.
ResourcePage list(const std::string& cursor, const Bounds& bounds) {
  Access access(bounds);
  const auto runs = access.runs(cursor.empty() ? kRunsOnAPage + 1 : std::numeric_limits<std::size_t>::max());
  auto next = runs.begin();
  if (!cursor.empty()) {
    next = std::find_if(runs.begin(), runs.end(), [&](const auto& run) { return run.id() == cursor; });
    if (next == runs.end()) throw ProtocolError(kInvalidParams, "there is no such cursor");
    ++next;
  }
  ResourcePage page;
  for (std::size_t i = 0; i < kRunsOnAPage && next != runs.end(); ++i, ++next) add_resources_of(page.resources, *next);
  if (next != runs.end()) page.next_cursor = std::prev(next)->id();
  return page;
}

struct Named {
  std::string run;
  std::string task;  ///< Empty: the run itself.
  std::string log;
};

std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  for (;;) {
    const auto slash = path.find('/');
    parts.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

Named parse(const std::string& uri) {
  if (uri.starts_with(kRuns)) {
    const auto parts = parts_of(std::string_view(uri).substr(kRuns.size()));
    const bool whole = std::none_of(parts.begin(), parts.end(), [](const auto& part) { return part.empty(); });
    if (whole && parts.size() == 1) return {parts[0], "", ""};
    if (whole && parts.size() == 5 && parts[1] == "tasks" && parts[3] == "logs") return {parts[0], parts[2], parts[4]};
  }
  throw Error(ErrorKind::not_found, "there is no resource " + uri + "; resources/templates/list tells what there is");
}

json::array read(const std::string& uri, const Bounds& bounds) {
  const auto named = parse(uri);
  Access access(bounds);
  const auto run = access.run(named.run);
  json::object content{{"uri", uri}, {"mimeType", named.task.empty() ? "application/json" : "text/plain"}};
  if (named.task.empty()) {
    content["text"] = json::serialize(run_json(run, true));
  } else {
    v1::ReadLogRequest request;
    request.set_run_id(run.id());
    request.set_task_id(named.task);
    request.set_log(named.log);
    content["text"] = read_log(access.daemon(), request, std::nullopt, kMostLogBytes).text;
  }
  json::array contents;
  contents.push_back(std::move(content));
  return contents;
}

}  // namespace

void add_resources(Offer& offer, const Bounds& bounds) {
  offer.templates = json::parse(kTemplates).get_array();
  offer.list = [&bounds](const std::string& cursor, Call&) { return list(cursor, bounds); };
  offer.read = [&bounds](const std::string& uri, Call&) { return read(uri, bounds); };
}

}  // namespace fanout::mcp
