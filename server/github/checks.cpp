// The part of Client that reads what is said of a pull request: checks, statuses, logs, reviews.
#include <algorithm>
#include <array>

#include "server/github/client.hpp"
#include "server/github/json.hpp"
#include "server/github/read.hpp"

namespace fanout::github {

namespace {

bool is_failure(const std::string& conclusion) {
  static constexpr std::array<std::string_view, 4> kFailures = {"failure", "timed_out", "startup_failure", "action_required"};
  return std::find(kFailures.begin(), kFailures.end(), conclusion) != kFailures.end();
}

/// One word for all of them, as GraphQL has it.
void add_state(std::string& all, const std::string& state) {
  if (state == "FAILURE" || all == "FAILURE") {
    all = "FAILURE";
  } else if (state == "PENDING" || all == "PENDING") {
    all = "PENDING";
  } else {
    all = state;
  }
}

std::string state_of_run(const json::value& run) {
  if (text_of(run, "status") != "completed") return "PENDING";
  return is_failure(text_of(run, "conclusion")) ? "FAILURE" : "SUCCESS";
}

std::string state_of_status(const json::value& status) {
  const auto state = text_of(status, "state");
  if (state == "failure" || state == "error") return "FAILURE";
  return state == "pending" ? "PENDING" : "SUCCESS";
}

FailedCheck failed_run(const json::value& run) {
  FailedCheck check;
  check.name = text_of(run, "name");
  check.url = text_of(run, "html_url");
  const auto& output = member(run, "output");
  check.summary = text_of(output, "title");
  const auto summary = text_of(output, "summary"), text = text_of(output, "text");
  check.output = summary + (summary.empty() || text.empty() ? "" : "\n\n") + text;
  return check;
}

/// The last word of everyone who has reviewed it; remarks alone change nothing.
std::map<std::string, json::value> last_words(const json::value& reviews) {
  std::map<std::string, json::value> last;
  for (const auto& review : array_of(reviews)) {
    const auto state = text_of(review, "state");
    if (state == "APPROVED" || state == "CHANGES_REQUESTED" || state == "DISMISSED") {
      last[text_of(member(review, "user"), "login")] = review;
    }
  }
  return last;
}

}  // namespace

awaitable<json::value> Client::check_runs(Repository repository, std::string commit) {
  const auto path = at(repository, "/commits/" + commit + "/check-runs?filter=latest&per_page=100");
  const auto reply = co_await get(path, "read the checks of " + commit.substr(0, 12), Priority::progress);
  co_return member(reply.body, "check_runs");
}

awaitable<json::value> Client::statuses(Repository repository, std::string commit) {
  const auto path = at(repository, "/commits/" + commit + "/status?per_page=100");
  const auto reply = co_await get(path, "read the statuses of " + commit.substr(0, 12), Priority::progress);
  co_return member(reply.body, "statuses");
}

awaitable<std::string> Client::checks_of(Repository repository, std::string commit) {
  std::string all;
  const auto runs = co_await check_runs(repository, commit);
  for (const auto& run : array_of(runs)) add_state(all, state_of_run(run));
  const auto states = co_await statuses(repository, commit);
  for (const auto& status : array_of(states)) add_state(all, state_of_status(status));
  co_return all;
}

/// GitHub's own CI keeps a log for each; where that cannot be had, what the check says itself will do.
awaitable<std::string> Client::log_of_job(Repository repository, std::uint64_t job) {
  Call call;
  call.path = at(repository, "/actions/jobs/" + std::to_string(job) + "/logs");
  call.doing = "read the log of a check";
  call.text = true;
  try {
    const auto reply = co_await api_.call(call, Priority::needed);
    co_return reply.body.is_string() ? std::string(reply.body.get_string()) : "";
  } catch (const ApiError&) {
    // Expired, or the token may not: no reason to know nothing at all.
  }
  co_return "";
}

awaitable<std::vector<FailedCheck>> Client::failed_checks(Repository repository, std::string commit) {
  std::vector<FailedCheck> failed;
  const auto runs = co_await check_runs(repository, commit);
  for (const auto& run : array_of(runs)) {
    if (state_of_run(run) != "FAILURE") continue;
    auto check = failed_run(run);
    if (text_of(member(run, "app"), "slug") == "github-actions") {
      auto log = co_await log_of_job(repository, number_of(run, "id"));
      if (!log.empty()) check.output = std::move(log);
    }
    failed.push_back(std::move(check));
  }
  const auto states = co_await statuses(repository, commit);
  for (const auto& status : array_of(states)) {
    if (state_of_status(status) != "FAILURE") continue;
    failed.push_back({text_of(status, "context"), text_of(status, "description"), text_of(status, "target_url"), ""});
  }
  co_return failed;
}

awaitable<json::value> Client::reviews(Repository repository, std::uint64_t number) {
  const auto path = at(repository, "/pulls/" + std::to_string(number) + "/reviews?per_page=100");
  const auto reply = co_await get(path, "read the reviews of #" + std::to_string(number), Priority::progress);
  co_return reply.body;
}

awaitable<std::string> Client::review_of(Repository repository, std::uint64_t number) {
  const auto all = co_await reviews(repository, number);
  std::string decision;
  for (const auto& [login, review] : last_words(all)) {
    const auto state = text_of(review, "state");
    if (state == "CHANGES_REQUESTED") co_return state;
    if (state == "APPROVED") decision = state;
  }
  co_return decision;
}

awaitable<std::optional<Review>> Client::wanted_changes(Repository repository, std::uint64_t number) {
  const auto all = co_await reviews(repository, number);
  std::optional<Review> newest;
  for (const auto& [login, review] : last_words(all)) {
    const auto id = number_of(review, "id");
    if (text_of(review, "state") != "CHANGES_REQUESTED" || (newest && newest->id > id)) continue;
    newest = Review{id, login, text_of(review, "body"), text_of(review, "commit_id"), {}};
  }
  if (!newest) co_return newest;
  const auto path =
      at(repository, "/pulls/" + std::to_string(number) + "/reviews/" + std::to_string(newest->id) + "/comments?per_page=100");
  const auto reply = co_await get(path, "read a review of #" + std::to_string(number), Priority::progress);
  for (const auto& remark : array_of(reply.body)) {
    const auto line = number_of(remark, "line");
    newest->remarks.push_back({text_of(remark, "path"), text_of(remark, "body"),
                               line != 0 ? line : number_of(remark, "original_line")});
  }
  co_return newest;
}

}  // namespace fanout::github
