#include "server/rpc/editing_service.hpp"

#include <algorithm>

#include "common/programs.hpp"
#include "common/text.hpp"
#include "server/editing/draft.hpp"
#include "server/editing/from_issues.hpp"
#include "server/editing/init.hpp"
#include "server/planning/planner.hpp"

namespace fanout::rpc {

namespace v1 = fanout::v1;
using namespace std::chrono_literals;

namespace {

constexpr auto kIssuePatience = 60s;  ///< A limit, or a refused token, would keep the caller waiting for long.
constexpr std::uint32_t kUsualIssues = 30, kMostNewIssues = 1000;

std::filesystem::path absolute(const char* field, const std::string& path) {
  std::filesystem::path given(path);
  if (given.is_absolute()) return given.lexically_normal();
  throw Error(ErrorKind::invalid_input, std::string(field) + " must be an absolute path, not \"" + path + "\"");
}

/// Of a coroutine of its own, such that what it refers to stays.
awaitable<std::vector<github::Listed>> read_issues(github::Tracker& tracker, github::Repository place, std::string label,
                                                   std::function<bool(const github::Listed&)> wanted, std::size_t most) {
  std::string trouble;
  try {
    co_return co_await async::with_deadline(tracker.client().open_issues(place, label, wanted, most), kIssuePatience,
                                            "reading the issues of " + place.path());
  } catch (const Error& error) {
    trouble = tracker.status().trouble;
    if (error.kind() != ErrorKind::timed_out || trouble.empty()) throw;
  }
  throw Error(ErrorKind::unavailable, "cannot read the issues of " + place.path() + ": " + trouble);
}

editing::ForeignIssue foreign(const github::Listed& listed) { return {listed.issue.number, listed.title, listed.body}; }

/// Gates have no daemon to ask: this program itself checks what is there.
std::string check_command() {
  return shell_quoted(std::filesystem::read_symlink("/proc/self/exe").string()) + " --check-plan";
}

template <class Response>
void tell_diagnostics(const std::vector<domain::Diagnostic>& diagnostics, Response& response) {
  for (auto& diagnostic : planning::to_wire(diagnostics)) *response.add_diagnostics() = std::move(diagnostic);
}

}  // namespace

grpc::ServerUnaryReactor* EditingService::InitRepository(grpc::CallbackServerContext* context,
                                                         const v1::InitRepositoryRequest* request,
                                                         v1::InitRepositoryResponse* response) {
  return bridge_.unary<v1::InitRepositoryRequest, v1::InitRepositoryResponse>(
      context, request, response, [this](const auto& q, auto& a) { return init(q, a); });
}

grpc::ServerUnaryReactor* EditingService::NewPlan(grpc::CallbackServerContext* context, const v1::NewPlanRequest* request,
                                                  v1::NewPlanResponse* response) {
  return bridge_.unary<v1::NewPlanRequest, v1::NewPlanResponse>(
      context, request, response, [this](const auto& q, auto& a) { return make(q, a); });
}

grpc::ServerUnaryReactor* EditingService::AddTask(grpc::CallbackServerContext* context, const v1::AddTaskRequest* request,
                                                  v1::AddTaskResponse* response) {
  return bridge_.unary<v1::AddTaskRequest, v1::AddTaskResponse>(
      context, request, response, [this](const auto& q, auto& a) { return add(q, a); });
}

grpc::ServerUnaryReactor* EditingService::AddTasksFromIssues(grpc::CallbackServerContext* context,
                                                             const v1::AddTasksFromIssuesRequest* request,
                                                             v1::AddTasksFromIssuesResponse* response) {
  return bridge_.unary<v1::AddTasksFromIssuesRequest, v1::AddTasksFromIssuesResponse>(
      context, request, response, [this](const auto& q, auto& a) { return add_issues(q, a); });
}

grpc::ServerUnaryReactor* EditingService::DraftPlan(grpc::CallbackServerContext* context, const v1::DraftPlanRequest* request,
                                                    v1::DraftPlanResponse* response) {
  return bridge_.unary<v1::DraftPlanRequest, v1::DraftPlanResponse>(
      context, request, response, [this](const auto& q, auto& a) { return draft(q, a); });
}

grpc::ServerUnaryReactor* EditingService::AdoptDraft(grpc::CallbackServerContext* context, const v1::AdoptDraftRequest* request,
                                                     v1::AdoptDraftResponse* response) {
  return bridge_.unary<v1::AdoptDraftRequest, v1::AdoptDraftResponse>(
      context, request, response, [this](const auto& q, auto& a) { return adopt(q, a); });
}

awaitable<void> EditingService::init(const v1::InitRepositoryRequest& request, v1::InitRepositoryResponse& response) {
  const auto folder = absolute("folder", request.folder());
  const auto path = search_path(own_environment());
  const auto turn = co_await editing_.acquire(0);
  response = co_await services_.workers.run([&](std::stop_token) {
    return editing::init_repository(folder, request.force(), path, editing::created_now());
  });
}

awaitable<void> EditingService::make(const v1::NewPlanRequest& request, v1::NewPlanResponse& response) {
  const auto plan = absolute("plan_path", request.plan_path());
  const auto turn = co_await editing_.acquire(0);
  response.set_name(co_await services_.workers.run([&](std::stop_token) { return editing::new_plan(plan, request.name(), editing::created_now()); }));
  response.set_plan_path(plan.string());
}

awaitable<void> EditingService::add(const v1::AddTaskRequest& request, v1::AddTaskResponse& response) {
  const auto plan = absolute("plan_path", request.plan_path());
  const std::vector<editing::WantedTask> wanted{editing::wanted_task(request)};
  const auto turn = co_await editing_.acquire(0);
  const auto added = co_await services_.workers.run([&](std::stop_token) { return editing::add_tasks(plan, wanted); });
  response.set_plan_path(plan.string());
  *response.mutable_task() = added.tasks.front();
  tell_diagnostics(added.diagnostics, response);
}

awaitable<void> EditingService::add_issues(const v1::AddTasksFromIssuesRequest& request, v1::AddTasksFromIssuesResponse& response) {
  const auto plan = absolute("plan_path", request.plan_path());
  if (request.label().empty()) throw Error(ErrorKind::invalid_input, "which issues? Name a label");
  const auto limit = std::min(request.limit() == 0 ? kUsualIssues : request.limit(), kMostNewIssues);
  const auto place = co_await services_.workers.run([&](std::stop_token) { return editing::place_of_issues(plan, user_config_); });
  const auto known = co_await services_.workers.run([&](std::stop_token) { return editing::task_ids(plan); });
  auto* tracker = co_await trackers_.at(place);
  const std::function<bool(const github::Listed&)> is_new = [&](const github::Listed& listed) {
    const auto number = listed.issue.number;
    const bool there = std::any_of(known.begin(), known.end(), [&](const auto& id) { return editing::is_of_issue(id, number); });
    if (there) response.add_known(number);
    return !there;
  };
  const auto listed = co_await read_issues(*tracker, place, request.label(), is_new, limit);
  std::vector<editing::ForeignIssue> issues;
  for (const auto& one : listed) issues.push_back(foreign(one));
  const auto turn = co_await editing_.acquire(0);
  auto added = co_await services_.workers.run([&](std::stop_token) { return editing::add_issues(plan, issues, place); });
  response.set_plan_path(plan.string());
  response.set_repository(place.host + "/" + place.path());
  response.mutable_tasks()->Assign(added.tasks.begin(), added.tasks.end());
  tell_diagnostics(added.diagnostics, response);
}

awaitable<void> EditingService::draft(const v1::DraftPlanRequest& request, v1::DraftPlanResponse& response) {
  absolute("folder", request.folder());
  const auto turn = co_await editing_.acquire(0);
  response = co_await services_.workers.run([&](std::stop_token) {
    const editing::DraftPlaces places{services_.runs_directory.parent_path() / "drafts", check_command()};
    return editing::draft_plan(request, places, editing::created_now());
  });
}

awaitable<void> EditingService::adopt(const v1::AdoptDraftRequest& request, v1::AdoptDraftResponse& response) {
  const auto id = co_await runs_.find(request.run_id());
  const auto run = co_await runs_.get(id);
  const auto spec = co_await runs_.spec(id);
  const auto turn = co_await editing_.acquire(0);
  response = co_await services_.workers.run([&](std::stop_token) { return editing::adopt_draft(run, spec); });
}

}  // namespace fanout::rpc
