#include "server/github/client.hpp"

#include "common/text.hpp"
#include "server/github/graphql.hpp"
#include "server/github/json.hpp"
#include "server/github/read.hpp"

namespace fanout::github {

namespace {

constexpr std::size_t kMostSeen = 500;
constexpr int kMostPages = 50;

std::function<json::value()> constant(json::value body) {
  return [body = std::move(body)] { return body; };
}

}  // namespace

/// With the last answer's ETag; a list that has not changed costs nothing of the limit.
awaitable<Reply> Client::get(std::string path, std::string doing, Priority priority) {
  Call call;
  call.path = path;
  call.doing = std::move(doing);
  const auto known = seen_.find(path);
  if (known != seen_.end()) call.etag = known->second.etag;
  auto reply = co_await api_.call(call, priority);
  if (reply.status == 304) {
    ++unchanged_;
    const auto& seen = seen_.at(path);
    reply.body = seen.body;
    reply.link = seen.link;
  } else if (!reply.etag.empty()) {
    if (seen_.size() >= kMostSeen) seen_.clear();
    seen_[path] = Seen{reply.etag, reply.link, reply.body};
  }
  co_return reply;
}

awaitable<Account> Client::who() {
  Call call;
  call.path = "/user";
  call.doing = "say whose token it is";
  const auto reply = co_await api_.call(call, Priority::needed);
  co_return Account{text_of(reply.body, "login"), reply.scopes};
}

awaitable<RepositoryInfo> Client::repository(Repository name) {
  Call call;
  call.path = at(name, "");
  call.doing = "read repository " + name.path();
  const auto reply = co_await api_.call(call, Priority::needed);
  co_return repository_in(reply.body, name);
}

awaitable<Issue> Client::create_issue(const Limiter::Permit& permit, Repository repository, NewIssue issue) {
  Call call;
  call.method = "POST";
  call.path = at(repository, "/issues");
  call.doing = "create the issue";
  call.body = constant(body_of(issue));
  call.repeatable = false;
  const auto reply = co_await api_.send(call, permit);
  co_return issue_in(reply.body, call.doing);
}

awaitable<std::vector<Created>> Client::create_issues(const Limiter::Permit& permit, std::string repository_id,
                                                      std::vector<BatchIssue> issues) {
  auto document = creation_of(repository_id, issues);
  Call call;
  call.method = "POST";
  call.path = api_.endpoints().graphql;
  call.doing = "create " + counted(issues.size(), "issue");
  call.body = constant(json::object{{"query", document.text}, {"variables", document.variables}});
  call.repeatable = false;
  call.resource = Resource::graphql;
  std::optional<ApiError> failure;
  std::vector<Created> outcomes;
  try {
    const auto reply = co_await api_.send(call, permit);
    outcomes = created_in(reply.body, issues.size(), {});
  } catch (const ApiError& error) {
    failure = error;
  }
  if (failure) {
    // Whatever it is that GraphQL does not like, REST will do it, or say so clearly.
    const auto kind = failure->failure();
    const bool refused = kind != Failure::limit && kind != Failure::authentication && kind != Failure::transient;
    if (refused || failure->status == 501) has_graphql_ = false;
    throw *failure;
  }
  for (const auto& outcome : outcomes) {
    const auto* error = std::get_if<ApiError>(&outcome);
    if (!error || error->failure() != Failure::limit) continue;
    api_.react(*error, call);  // Once: the others say the same.
    break;
  }
  co_return outcomes;
}

awaitable<Issue> Client::edit_issue(Repository repository, std::uint64_t number, IssueEdit edit, Priority priority) {
  Call call;
  call.method = "PATCH";
  call.path = at(repository, "/issues/" + std::to_string(number));
  call.doing = "edit issue #" + std::to_string(number);
  call.body = constant(body_of(edit));
  const auto reply = co_await api_.call(call, priority);
  co_return issue_in(reply.body, call.doing);
}

awaitable<Issue> Client::edit_issue_body(Repository repository, std::uint64_t number, std::function<std::string()> body) {
  Call call;
  call.method = "PATCH";
  call.path = at(repository, "/issues/" + std::to_string(number));
  call.doing = "edit issue #" + std::to_string(number);
  call.body = [body = std::move(body)] { return json::value(json::object{{"body", body()}}); };
  const auto reply = co_await api_.call(call, Priority::progress);
  co_return issue_in(reply.body, call.doing);
}

awaitable<std::vector<Listed>> Client::issues_since(Repository repository, std::string creator, Time time) {
  std::string path = at(repository, "/issues?state=all&sort=created&direction=desc&per_page=100");
  if (!creator.empty()) path += "&creator=" + creator;
  std::vector<Listed> found;
  for (int page = 0; page < kMostPages && !path.empty(); ++page) {
    const auto reply = co_await get(path, "list the issues");
    bool past = false;
    for (const auto& entry : array_of(reply.body)) {
      auto listed = listed_in(entry);
      past = past || listed.created < time;
      if (listed.created >= time) found.push_back(std::move(listed));
    }
    path = past ? "" : next_page(reply.link);
  }
  co_return found;
}

awaitable<std::vector<Listed>> Client::open_issues(Repository repository, std::string label,
                                                   std::function<bool(const Listed&)> wanted, std::size_t most) {
  std::string path = at(repository, "/issues?state=open&labels=" + escaped(label) + "&sort=created&direction=asc&per_page=100");
  std::vector<Listed> found;
  for (int page = 0; page < kMostPages && !path.empty() && found.size() < most; ++page) {
    const auto reply = co_await get(path, "list the issues");
    for (const auto& entry : array_of(reply.body)) {
      auto listed = listed_in(entry);
      if (found.size() < most && listed.open && !listed.pull_request && wanted(listed)) found.push_back(std::move(listed));
    }
    path = next_page(reply.link);
  }
  co_return found;
}

awaitable<Comment> Client::create_comment(const Limiter::Permit& permit, Repository repository, std::uint64_t issue,
                                          std::string body) {
  Call call;
  call.method = "POST";
  call.path = at(repository, "/issues/" + std::to_string(issue) + "/comments");
  call.doing = "comment on issue #" + std::to_string(issue);
  call.body = constant(json::object{{"body", body}});
  call.repeatable = false;
  const auto reply = co_await api_.send(call, permit);
  co_return comment_in(reply.body, call.doing);
}

awaitable<Comment> Client::edit_comment(Repository repository, std::uint64_t id, std::function<std::string()> body) {
  Call call;
  call.method = "PATCH";
  call.path = at(repository, "/issues/comments/" + std::to_string(id));
  call.doing = "edit the comment";
  call.body = [body = std::move(body)] { return json::value(json::object{{"body", body()}}); };
  const auto reply = co_await api_.call(call, Priority::progress);
  co_return comment_in(reply.body, call.doing);
}

awaitable<std::vector<Comment>> Client::comments(Repository repository, std::uint64_t issue, Time since) {
  std::string path = at(repository, "/issues/" + std::to_string(issue) + "/comments?per_page=100&since=" + iso_time(since));
  std::vector<Comment> found;
  for (int page = 0; page < kMostPages && !path.empty(); ++page) {
    const auto reply = co_await get(path, "list the comments");
    for (const auto& entry : array_of(reply.body)) found.push_back(comment_in(entry, "list the comments"));
    path = next_page(reply.link);
  }
  co_return found;
}

awaitable<std::optional<std::string>> Client::make_label(Repository repository, std::string name) {
  Call call;
  call.method = "POST";
  call.path = at(repository, "/labels");
  call.doing = "make label " + name;
  call.body = constant(json::object{{"name", name}, {"color", "6f42c1"}, {"description", "Made by Fanout"}});
  try {
    const auto reply = co_await api_.call(call, Priority::needed, 1);
    co_return text_of(reply.body, "node_id");
  } catch (const ApiError& error) {
    // There already, or this token may not: the caller sees which by what is there.
    const auto failure = error.failure();
    if (failure == Failure::transient) throw;
  }
  co_return std::nullopt;
}

awaitable<std::map<std::string, std::string>> Client::ensure_labels(Repository repository, std::vector<std::string> names,
                                                                    bool make) {
  std::map<std::string, std::string> ids;
  std::string path = at(repository, "/labels?per_page=100");
  for (int page = 0; page < kMostPages && !path.empty(); ++page) {
    const auto reply = co_await get(path, "list the labels");
    for (const auto& entry : array_of(reply.body)) ids[lower(text_of(entry, "name"))] = text_of(entry, "node_id");
    path = next_page(reply.link);
  }
  for (const auto& name : names) {
    if (!make || ids.contains(lower(name))) continue;
    auto id = co_await make_label(repository, name);
    if (id) ids[lower(name)] = *id;
  }
  co_return ids;
}

}  // namespace fanout::github
