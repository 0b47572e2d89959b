#include "server/tracking/agent_door.hpp"

#include "common/text.hpp"
#include "server/github/json.hpp"

namespace fanout::tracking {

using github::AgentCall;
using github::ApiError;
using github::Failure;
namespace json = boost::json;

namespace {

constexpr std::size_t kReadsPerHour = 600, kWritesPerHour = 30;
constexpr unsigned kKeptForFanout = 5;  ///< An agent leaves one part in so many of an hour's requests.
constexpr std::size_t kLongestComment = 60'000;  ///< GitHub takes 65,536 characters, our mark among them.
constexpr const char* kMore = "man 7 fanout-sandbox";

http::Response json_answer(unsigned status, const json::value& body) {
  return {status, {{"Content-Type", "application/json; charset=utf-8"}}, json::serialize(body) + "\n"};
}

http::Response refuse_with(unsigned status, const std::string& why) {
  return json_answer(status, json::object{{"message", why}, {"documentation_url", kMore}});
}

/// As GitHub would answer it itself; but that the daemon's login is refused is not the agent's affair.
unsigned status_for(const ApiError& error) {
  switch (error.failure()) {
    case Failure::authentication: return 503;
    case Failure::permission: return 403;
    case Failure::not_found: return 404;
    case Failure::validation: return 422;
    case Failure::limit: return 429;
    case Failure::transient: return 502;
    case Failure::permanent: return error.status >= 400 ? error.status : 502;
  }
  return 502;
}

/// The queries of "next", "prev" … behind the path that was asked for: GitHub's links name the repository by a number.
std::string own_links(std::string_view links, std::string_view path) {
  std::string own;
  for (std::size_t at = 0; (at = links.find('<', at)) != links.npos;) {
    const auto end = links.find('>', at);
    if (end == links.npos) break;
    const auto after = links.find(',', end);
    const auto target = links.substr(at + 1, end - at - 1);
    const auto query = target.find('?');
    if (!own.empty()) own += ", ";
    own += "<" + std::string(path) + (query == target.npos ? "" : std::string(target.substr(query))) + ">" +
           std::string(links.substr(end + 1, after == links.npos ? after : after - end - 1));
    at = end;
  }
  return own;
}

/// What {"body": "…"} says; nothing where it is anything else.
std::optional<std::string> comment_in(const std::string& body) {
  boost::system::error_code damaged;
  const auto value = json::parse(body, damaged);
  const auto* object = damaged ? nullptr : value.if_object();
  if (!object || object->size() != 1) return std::nullopt;
  auto text = github::text_of(value, "body");
  if (trimmed(text).empty() || text.size() > kLongestComment) return std::nullopt;
  return valid_utf8(text);
}

bool is_number_of(std::string_view url, std::uint64_t number) { return number > 0 && url.ends_with("/" + std::to_string(number)); }

}  // namespace

awaitable<http::Response> AgentDoor::answer(http::Incoming request) {
  unsigned status = 0;
  std::string why;
  try {
    co_return co_await pass_on(std::move(request));
  } catch (const ApiError& error) {
    status = status_for(error);
    why = error.what();
    if (error.outcome_unknown()) why += "; it may have been done all the same, so look before doing it again";
  } catch (const Error& error) {
    status = 503;
    why = error.what();
  }
  co_return refuse_with(status, redactor_(why));
}

awaitable<http::Response> AgentDoor::pass_on(http::Incoming request) {
  const auto way = co_await find_();
  const auto call = github::judge_agent_call(way.grant, request.method, request.path, request.query);
  if (!call.refusal.empty()) co_return refuse_with(403, "Fanout does not pass this on: " + call.refusal);
  const bool writes = call.kind == AgentCall::Kind::comment || call.kind == AgentCall::Kind::edit_comment;
  if (const auto why = exhausted(*way.api, writes); !why.empty()) {
    auto response = refuse_with(429, why);
    response.headers.emplace_back("Retry-After", "300");
    co_return response;
  }
  (writes ? writes_ : reads_).push_back(Clock::now());
  if (writes) co_return co_await write(*way.api, way.grant, call, std::move(request));
  co_return co_await read(*way.api, call, std::move(request));
}

/// Why it has had its share; empty: it has not.
std::string AgentDoor::exhausted(github::Api& api, bool writes) {
  auto& times = writes ? writes_ : reads_;
  while (!times.empty() && Clock::now() - times.front() > std::chrono::hours(1)) times.pop_front();
  const auto most = writes ? kWritesPerHour : kReadsPerHour;
  if (times.size() >= most) return "an agent has " + std::to_string(most) + (writes ? " comments" : " reads") + " an hour, and these are used up";
  const auto limits = api.limiter().status();
  const bool scarce = limits.remaining && limits.limit > 0 && *limits.remaining < limits.limit / kKeptForFanout;
  return scarce ? "what is left of GitHub's limit for this hour is kept for Fanout itself" : "";
}

awaitable<http::Response> AgentDoor::read(github::Api& api, AgentCall call, http::Incoming request) {
  github::Call asked;
  asked.path = call.path;
  asked.doing = "read for an agent";
  asked.etag = std::string(request.header("If-None-Match"));
  asked.text = call.kind == AgentCall::Kind::read_log;
  const auto reply = co_await api.call(asked, github::Priority::progress);
  http::Response response{reply.status, {}, ""};
  if (reply.status != 304) {
    const auto* text = reply.body.if_string();
    response = asked.text && text ? http::text_response(200, std::string(*text)) : json_answer(reply.status, reply.body);
  }
  if (!reply.etag.empty()) response.headers.emplace_back("ETag", reply.etag);
  if (const auto links = own_links(reply.link, request.path); !links.empty()) response.headers.emplace_back("Link", links);
  co_return response;
}

awaitable<http::Response> AgentDoor::write(github::Api& api, github::AgentGrant grant, AgentCall call, http::Incoming request) {
  const auto text = comment_in(request.body);
  if (!text) {
    co_return refuse_with(422, "the body must be {\"body\": \"…\"} with a text of at most " + std::to_string(kLongestComment) + " bytes, and nothing else");
  }
  const bool edits = call.kind == AgentCall::Kind::edit_comment;
  if (edits && !co_await is_its_own(api, grant, call.path)) {
    co_return refuse_with(403, "Fanout does not pass this on: an agent changes comments that it wrote itself, on its task's own issue and pull request");
  }
  github::Call asked;
  asked.method = edits ? "PATCH" : "POST";
  asked.path = call.path;
  asked.doing = edits ? "change an agent's comment" : "comment for an agent";
  asked.repeatable = edits;
  const json::value body = json::object{{"body", github::with_agent_mark(redactor_(*text), mark_)}};
  asked.body = [body] { return body; };
  const auto reply = co_await api.call(asked, github::Priority::progress, edits ? 0 : 1);
  co_return json_answer(reply.status, reply.body);
}

awaitable<bool> AgentDoor::is_its_own(github::Api& api, github::AgentGrant grant, std::string path) {
  github::Call asked;
  asked.path = std::move(path);
  asked.doing = "read a comment for an agent";
  const auto reply = co_await api.call(asked, github::Priority::progress);
  const auto issue = github::text_of(reply.body, "issue_url"), pull = github::text_of(reply.body, "pull_request_url");
  const bool own_place = is_number_of(issue, grant.issue) || is_number_of(issue, grant.pull_request) || is_number_of(pull, grant.pull_request);
  co_return own_place && github::has_agent_mark(github::text_of(reply.body, "body"), mark_);
}

}  // namespace fanout::tracking
