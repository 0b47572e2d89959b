// The part of Client that is about pull requests.
#include <algorithm>

#include "common/text.hpp"
#include "server/github/client.hpp"
#include "server/github/graphql.hpp"
#include "server/github/json.hpp"
#include "server/github/read.hpp"

namespace fanout::github {

namespace {

bool speaks_of(const ApiError& error, std::string_view words) {
  return error.failure() == Failure::validation && std::string_view(error.what()).find(words) != std::string_view::npos;
}

}  // namespace

awaitable<PullRequest> Client::create_pull_request(const Limiter::Permit& permit, Repository repository,
                                                   NewPullRequest wanted) {
  Call call;
  call.method = "POST";
  call.path = at(repository, "/pulls");
  call.doing = "open a pull request for " + wanted.head;
  call.repeatable = false;
  for (;;) {
    call.body = [wanted] { return body_of(wanted); };
    try {
      const auto reply = co_await api_.send(call, permit);
      co_return pull_request_in(reply.body, call.doing);
    } catch (const ApiError& error) {
      if (!wanted.draft || !speaks_of(error, "Draft pull requests are not supported")) throw;
    }
    wanted.draft = false;
  }
}

awaitable<std::optional<PullRequest>> Client::find_pull_request(Repository repository, std::string head) {
  const auto path = at(repository, "/pulls?state=all&per_page=100&head=" + repository.owner + ":" + escaped(head));
  const auto reply = co_await get(path, "look for the pull request of " + head);
  std::optional<PullRequest> found;
  for (const auto& entry : array_of(reply.body)) {
    // A server that does not know the filter lists all.
    if (text_of(member(entry, "head"), "ref") != head) continue;
    auto request = pull_request_in(entry, "look for the pull request of " + head);
    if (!found || (request.state == "open" && found->state != "open")) found = std::move(request);
  }
  co_return found;
}

awaitable<PullRequest> Client::edit_pull_request(Repository repository, std::uint64_t number, std::string title,
                                                 std::string body) {
  Call call;
  call.method = "PATCH";
  call.path = at(repository, "/pulls/" + std::to_string(number));
  call.doing = "edit pull request #" + std::to_string(number);
  call.body = [title, body] { return json::value(json::object{{"title", title}, {"body", body}}); };
  const auto reply = co_await api_.call(call, Priority::pull_request);
  co_return pull_request_in(reply.body, call.doing);
}

awaitable<PullRequest> Client::pull_request(Repository repository, std::uint64_t number) {
  const auto doing = "read pull request #" + std::to_string(number);
  const auto reply = co_await get(at(repository, "/pulls/" + std::to_string(number)), doing);
  co_return pull_request_in(reply.body, doing);
}

awaitable<json::value> Client::graphql(std::string document, json::object variables, std::string doing) {
  Call call;
  call.method = "POST";
  call.path = api_.endpoints().graphql;
  call.doing = std::move(doing);
  call.query = document.starts_with("query");
  call.resource = Resource::graphql;
  call.body = [document, variables] { return json::value(json::object{{"query", document}, {"variables", variables}}); };
  const auto reply = co_await api_.call(call, Priority::pull_request);
  const auto& errors = array_of(member(reply.body, "errors"));
  if (!call.query && !errors.empty()) throw classify_graphql(errors[0], {}, call.doing);
  co_return reply.body;
}

awaitable<std::vector<PullRequest>> Client::pull_requests(Repository repository, std::vector<std::uint64_t> numbers) {
  if (has_graphql_ && !numbers.empty()) {
    const auto document = pull_request_query(repository, numbers);
    try {
      const auto answer = co_await graphql(document.text, document.variables, "read the pull requests");
      co_return pull_requests_in(answer);
    } catch (const ApiError& error) {
      if (error.status != 404 && error.status != 405 && error.status != 501) throw;
      has_graphql_ = false;
    }
  }
  std::vector<PullRequest> found;
  for (const auto number : numbers) {
    auto request = co_await pull_request(repository, number);
    request.checks = co_await checks_of(repository, request.head_commit);
    request.review = co_await review_of(repository, number);
    found.push_back(std::move(request));
  }
  co_return found;
}

awaitable<void> Client::mark_ready(std::string node_id) {
  const std::string document =
      "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }";
  const json::object variables = {{"id", node_id}};
  co_await graphql(document, variables, "mark the pull request as ready");
}

awaitable<PullRequest> Client::retarget(Repository repository, std::uint64_t number, std::string base) {
  Call call;
  call.method = "PATCH";
  call.path = at(repository, "/pulls/" + std::to_string(number));
  call.doing = "have pull request #" + std::to_string(number) + " go into " + base;
  call.body = [base] { return json::value(json::object{{"base", base}}); };
  const auto reply = co_await api_.call(call, Priority::pull_request);
  co_return pull_request_in(reply.body, call.doing);
}

awaitable<void> Client::enable_auto_merge(std::string node_id, std::string method) {
  const std::string document =
      "mutation($id: ID!, $method: PullRequestMergeMethod!) { enablePullRequestAutoMerge(input: {pullRequestId: $id, "
      "mergeMethod: $method}) { pullRequest { autoMergeRequest { enabledAt } } } }";
  std::transform(method.begin(), method.end(), method.begin(), [](unsigned char c) { return std::toupper(c); });
  const json::object variables = {{"id", node_id}, {"method", method}};
  std::optional<ApiError> refused;
  try {
    co_await graphql(document, variables, "have the pull request merged by itself");
  } catch (const ApiError& error) {
    refused = error;
  }
  if (!refused) co_return;
  if (speaks_of(*refused, "clean status")) refused->reason = "clean";
  throw *refused;
}

awaitable<void> Client::merge(Repository repository, std::uint64_t number, std::string method, std::string head_commit) {
  Call call;
  call.method = "PUT";
  call.path = at(repository, "/pulls/" + std::to_string(number) + "/merge");
  call.doing = "merge pull request #" + std::to_string(number);
  call.body = [method, head_commit] {
    return json::value(json::object{{"merge_method", method}, {"sha", head_commit}});
  };
  co_await api_.call(call, Priority::pull_request);
}

}  // namespace fanout::github
