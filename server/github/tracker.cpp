#include "server/github/tracker.hpp"

#include "server/github/wait.hpp"

namespace fanout::github {

namespace asio = boost::asio;
using boost::system::system_error;

Tracker::Tracker(async::Executor executor, TrackerOptions options, OutboxStore& store)
    : executor_(executor),
      options_(std::move(options)),
      http_(executor, options_.http),
      limiter_(executor, options_.clock, options_.limits),
      api_(http_, limiter_, options_.endpoints, options_.token),
      client_(api_),
      ledger_(executor, store),
      services_{client_, ledger_, options_.patience, options_.tell},
      places_(executor, client_),
      issues_(executor, services_, places_),
      steps_(services_, places_),
      pulls_(executor, client_, options_.clock, options_.follow_interval),
      background_(executor),
      limiter_changed_(executor) {
  if (options_.account.empty()) options_.account = http::parse_url(options_.endpoints.rest).origin();
  limiter_.on_change([this] {
    limiter_dirty_ = true;
    limiter_changed_.notify();
  });
  api_.on_pause([this](const ApiError& error) {
    if (options_.tell) options_.tell({Notice::Kind::paused, "", "", error.what()});
  });
}

Tracker::~Tracker() = default;

awaitable<void> Tracker::run() {
  co_await load_limiter();
  co_await async::checkpoint();  // what is started below is awaited
  running_ = true;
  background_.spawn(issues_.create_loop());
  background_.spawn(issues_.look_loop());
  background_.spawn(keep_saving());
  background_.spawn(pulls_.run());
  for (auto& work : std::exchange(waiting_, {})) start(std::move(work));
  std::exception_ptr ended;
  try {
    co_await background_.join();
  } catch (...) {
    ended = std::current_exception();
  }
  stopping_ = true;
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  if (limiter_dirty_) co_await save_limiter();
  if (ended) std::rethrow_exception(ended);
}

awaitable<void> Tracker::load_limiter() {
  try {
    const auto saved = co_await ledger_.limiter(options_.account);
    limiter_.restore(saved);
  } catch (const Error& error) {
    if (options_.tell) options_.tell({Notice::Kind::store, "", "", error.what()});
  }
}

awaitable<void> Tracker::save_limiter() {
  limiter_dirty_ = false;
  try {
    co_await ledger_.save_limiter(options_.account, limiter_.save());
  } catch (const Error& error) {
    if (options_.tell) options_.tell({Notice::Kind::store, "", "", error.what()});
  }
}

awaitable<void> Tracker::keep_saving() {
  for (;;) {
    while (!limiter_dirty_) co_await limiter_changed_.wait();
    co_await save_limiter();
    // Not for each of many in a row.
    co_await pause(options_.clock, milliseconds(500));
  }
}

awaitable<void> Tracker::take_up(std::string run_id, Time began) {
  return ledger_.find_gap(std::move(run_id), began);
}

awaitable<std::vector<PendingStep>> Tracker::recover(std::string run_id) {
  co_await ledger_.load_gaps();
  const auto works = co_await ledger_.open(std::move(run_id));
  std::vector<PendingStep> pending;
  for (const auto& work : works) {
    const auto& step = work->step;
    if (step.state == StepState::open)
      pending.push_back({step.run, step.task, step.kind, false, step.reason});
    start(work);
  }
  co_return pending;
}

/// Hands it to whoever does such steps, unless somebody is at it.
void Tracker::start(WorkPtr work) {
  if (!running_) {
    waiting_.push_back(std::move(work));
    return;
  }
  if (work->active || stopping_) return;
  work->active = true;
  if (work->step.state == StepState::open) ++open_steps_;
  if (work->step.kind == StepKind::issue) {
    if (names_existing_issue(work->step)) {
      // perform() does it: nothing is made.
    } else if (work->step.state == StepState::done) {
      issues_.sweep(work);
    } else if (work->step.attempts > 0) {
      issues_.look_for(work);
    } else {
      issues_.make(work);
    }
  }
  background_.spawn(guarded_perform(std::move(work)));
}

awaitable<void> Tracker::guarded_perform(WorkPtr work) {
  const bool counted = work->step.state == StepState::open;
  try {
    co_await perform(work);
  } catch (const Error& error) {
    services_.note(Notice::Kind::store, work->step, error.what());
  }
  work->active = false;
  if (counted) --open_steps_;
}

awaitable<void> Tracker::perform(WorkPtr work) {
  switch (work->step.kind) {
    case StepKind::issue:
      if (names_existing_issue(work->step)) co_await steps_.find_issue(work);
      co_await ledger_.settled(work);
      break;
    case StepKind::comment:
      co_await steps_.keep_comment(work);
      break;
    case StepKind::pull_request:
      co_await steps_.open_pull_request(work);
      break;
    case StepKind::close:
      co_await steps_.close_issue(work);
      break;
    case StepKind::body:
      co_await steps_.keep_body(work);
      break;
    case StepKind::project:
      co_await steps_.add_to_project(work);
      break;
  }
}

/// What is known to be there is done; what an outbox that was lost may have had done is looked for first.
void Tracker::make_good(Step& wanted, const TaskInfo& task) const {
  if (wanted.kind == StepKind::issue && task.issue.number > 0) {
    wanted.state = StepState::done;
    wanted.result = issue_result(task.issue);
  } else if (wanted.kind == StepKind::pull_request && task.pull_request.number > 0) {
    wanted.state = StepState::done;
    wanted.result = pull_request_result(task.pull_request);
  } else if (const auto gap = ledger_.gap_of(wanted.run)) {
    wanted.attempts = 1;
    wanted.attempted_at = *gap;
  }
}

/// Finds or records the step. One that had failed, and a comment that is to say something else by now, is opened again with
/// the newest payload.
awaitable<WorkPtr> Tracker::submit(TaskInfo task, StepKind kind,
                                   std::function<std::string(const Marker&)> payload) {
  Step wanted;
  wanted.run = task.run_id;
  wanted.task = task.task_id;
  wanted.kind = kind;
  wanted.uuid = new_uuid();
  wanted.repository = task.repository;
  wanted.payload = payload({wanted.run, wanted.task, wanted.uuid});
  make_good(wanted, task);
  const auto uuid = wanted.uuid;
  auto work = co_await ledger_.find_or_record(std::move(wanted));
  const bool fresh = work->step.uuid == uuid;
  const bool newest_counts = kind == StepKind::comment || kind == StepKind::body;
  const auto newest = payload(work->marker());
  const bool said = newest_counts && work->step.state == StepState::done && work->step.payload == newest;
  if (!fresh && !said && (newest_counts || work->step.state == StepState::failed)) {
    std::vector<WorkPtr> one = {work};
    const auto change = [newest](Step& step) {
      step.state = StepState::open;
      step.payload = newest;
      step.reason.clear();
    };
    co_await ledger_.update(std::move(one), change);
  }
  if (work->step.state == StepState::open) start(work);
  co_return work;
}

awaitable<Issue> Tracker::open_issue(TaskInfo task) {
  const auto payload = [task](const Marker& marker) {
    if (task.existing_issue > 0) return existing_issue_payload(task.existing_issue);
    return issue_payload({title_of(task.title), issue_body(task, marker), labels_of(task), task.assignees, {},
                          task.milestone, task.keep_labels});
  };
  const auto work = co_await submit(task, StepKind::issue, payload);
  co_await ledger_.settled(work);
  if (work->step.state == StepState::failed) throw failure_of(work->step);
  co_return issue_made(work->step);
}

awaitable<void> Tracker::progress(TaskInfo task, Progress progress) {
  const auto payload = [task, progress](const Marker& marker) {
    return comment_payload(progress_body(task, progress, marker));
  };
  co_await submit(task, StepKind::comment, payload);
}

awaitable<PullRequest> Tracker::open_pull_request(TaskInfo task, PullRequestWanted wanted) {
  const auto payload = [task, wanted](const Marker& marker) {
    const auto title = title_of(wanted.title.empty() ? task.title : wanted.title);
    return pull_request_payload(
        {title, pull_request_body(task, wanted.evidence, marker), task.branch, wanted.base, wanted.draft},
        task.part_of_run);
  };
  const auto work = co_await submit(task, StepKind::pull_request, payload);
  co_await ledger_.settled(work);
  if (work->step.state == StepState::failed) throw failure_of(work->step);
  co_return pull_request_made(work->step);
}

awaitable<bool> Tracker::describe_pull_request(TaskInfo task, PullRequestWanted wanted, bool make_ready) {
  const auto work = co_await ledger_.find(task.run_id, task.task_id, StepKind::pull_request);
  if (!work || work->step.state != StepState::done) co_return false;
  const auto made = pull_request_made(work->step);
  if (made.adopted) co_return false;
  const std::string owner = task.part_of_run ? std::string() : task.task_id;
  const auto issue = co_await ledger_.find(task.run_id, owner, StepKind::issue);
  auto body = pull_request_body(task, wanted.evidence, work->marker());
  if (issue && issue->step.state == StepState::done) {
    const auto number = issue_made(issue->step).number;
    body = task.part_of_run ? part_of(number, body) : closing(number, body);
  }
  const auto title = title_of(wanted.title.empty() ? task.title : wanted.title);
  const auto told = described(work->step.payload, title, body);
  if (told == work->step.payload && !make_ready) co_return true;
  const auto edited = co_await client_.edit_pull_request(task.repository, made.number, title, body);
  std::vector<WorkPtr> one = {work};
  const auto change = [told](Step& step) { step.payload = told; };
  co_await ledger_.update(std::move(one), change);
  if (make_ready) co_await client_.mark_ready(edited.node_id);
  co_return true;
}

awaitable<void> Tracker::merge_when_ready(TaskInfo task, std::string method) {
  const auto work = co_await ledger_.find(task.run_id, task.task_id, StepKind::pull_request);
  if (!work || work->step.state != StepState::done) co_return;
  auto made = pull_request_made(work->step);
  std::optional<ApiError> refused;
  try {
    if (made.node_id.empty()) made = co_await client_.pull_request(task.repository, made.number);
    co_await client_.enable_auto_merge(made.node_id, method);
  } catch (const ApiError& error) {
    refused = error;
  }
  if (refused && refused->reason == "clean") {
    throw ApiError(Failure::permanent,
                   "GitHub merges by itself only where the branch asks for checks or reviews: with --follow Fanout does");
  }
  if (refused) throw *refused;
}

awaitable<void> Tracker::close_issue(TaskInfo task, std::string reason) {
  const auto payload = [reason](const Marker&) { return close_payload(reason); };
  const auto work = co_await submit(task, StepKind::close, payload);
  co_await ledger_.settled(work);
  if (work->step.state == StepState::failed) throw failure_of(work->step);
}

awaitable<void> Tracker::edit_issue(TaskInfo task) {
  // The marker in the body is the issue's, by which it was looked for when its answer was lost.
  const auto issue = co_await ledger_.find(task.run_id, task.task_id, StepKind::issue);
  if (!issue) co_return;
  const auto payload = [task, marker = issue->marker()](const Marker&) {
    return body_payload(templated_body(task.body, marker));
  };
  co_await submit(task, StepKind::body, payload);
}

awaitable<void> Tracker::add_to_project(TaskInfo task, std::string project) {
  const auto payload = [project](const Marker&) { return project_payload(project); };
  const auto work = co_await submit(task, StepKind::project, payload);
  co_await ledger_.settled(work);
  if (work->step.state == StepState::failed) throw failure_of(work->step);
}

awaitable<void> Tracker::settled(std::string run_id, std::string task_id) {
  for (const auto kind : {StepKind::issue, StepKind::comment, StepKind::pull_request, StepKind::close, StepKind::body,
                          StepKind::project}) {
    const auto work = co_await ledger_.find(run_id, task_id, kind);
    if (work) co_await ledger_.settled(work);
  }
}

void Tracker::use_token(std::string token) { api_.use_token(std::move(token)); }

TrackerStatus Tracker::status() const {
  return {limiter_.status(),  open_steps_,         api_.trouble(), api_.paused().has_value(),
          api_.requests(), client_.unchanged()};
}

void Tracker::forget(const std::string& run_id) { ledger_.forget(run_id); }

}  // namespace fanout::github
