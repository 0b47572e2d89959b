#include "server/github/agent_access.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include "common/text.hpp"

namespace fanout::github {

namespace {

using std::string_view;

constexpr std::size_t kLongestTarget = 4096;

/// Of a repository, what shows its content and the work on it. Not among them: settings, hooks, keys, variables, people
/// with access, traffic, and what scanners found, which can be secrets.
constexpr string_view kReadable[] = {
    "assignees", "branches", "check-runs", "check-suites", "comments", "commits", "compare", "contents", "contributors", "git", "issues",
    "labels", "languages", "license", "milestones", "pulls", "readme", "releases", "statuses", "tags", "topics"};
constexpr string_view kReadableOfActions[] = {"artifacts", "jobs", "runs", "workflows"};
constexpr string_view kQueryKeys[] = {
    "actor", "anon", "app_id", "assignee", "author", "base", "branch", "check_name", "check_suite_id", "created", "creator", "direction",
    "event", "exclude_pull_requests", "filter", "head", "head_sha", "labels", "mentioned", "milestone", "name", "page", "path", "per_page",
    "protected", "recursive", "ref", "sha", "since", "sort", "state", "status", "until"};

template <class List>
bool is_among(const List& list, string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

/// A triple that stands for a byte is taken apart once; nothing where it is none, or stands for a control character or one of
/// `refused`, which could be read as something else by whoever comes next.
std::optional<std::string> decoded_strictly(string_view text, string_view allowed_besides, string_view refused) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned char c = static_cast<unsigned char>(text[at]);
    if (c == '%') {
      unsigned code = 0;
      const auto* digits = text.data() + at + 1;
      if (at + 2 >= text.size() || std::from_chars(digits, digits + 2, code, 16).ptr != digits + 2) return std::nullopt;
      c = static_cast<unsigned char>(code);
      at += 2;
      if (c < 0x20 || c == 0x7f || refused.find(static_cast<char>(c)) != string_view::npos) return std::nullopt;
    } else {
      const bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      if (!letter && string_view("-._~").find(static_cast<char>(c)) == string_view::npos &&
          allowed_besides.find(static_cast<char>(c)) == string_view::npos) {
        return std::nullopt;
      }
    }
    plain += static_cast<char>(c);
  }
  return plain;
}

std::vector<string_view> pieces_of(string_view text, char between) {
  std::vector<string_view> pieces;
  for (;;) {
    const auto end = text.find(between);
    pieces.push_back(text.substr(0, end));
    if (end == text.npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

bool is_odd_segment(string_view segment) {
  const auto plain = decoded_strictly(segment, "!$&'()*+,;=:@", "%/\\");
  return !plain || plain->empty() || *plain == "." || *plain == "..";
}

bool is_odd_query(string_view query) {
  std::vector<string_view> seen;
  for (const auto pair : pieces_of(query, '&')) {
    const auto equals = pair.find('=');
    const auto key = pair.substr(0, equals);
    if (equals == pair.npos || !is_among(kQueryKeys, key) || is_among(seen, key)) return true;
    if (!decoded_strictly(pair.substr(equals + 1), "!'()*+,:/@<>", "")) return true;
    seen.push_back(key);
  }
  return false;
}

std::optional<std::uint64_t> positive_number(string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number > 0 ? std::optional(number) : std::nullopt;
}

AgentCall not_passed_on(std::string why) { return {AgentCall::Kind::read, "", std::move(why)}; }

/// `parts` are what stands behind the repository's name.
AgentCall judge_reading(const std::vector<string_view>& parts, std::string path) {
  const auto first = parts.empty() ? string_view() : parts.front();
  const auto second = parts.size() > 1 ? parts[1] : string_view();
  const bool may = first == "actions" ? is_among(kReadableOfActions, second) : first.empty() || is_among(kReadable, first);
  if (!may) return not_passed_on("of a repository, " + std::string(first) + " is not for agents to read");
  // "USER:REPOSITORY:BRANCH" is another repository.
  if (first == "compare" && path.find_first_of(":%") != path.npos) return not_passed_on("an agent compares within its own repository");
  const bool log = first == "actions" && second == "jobs" && parts.size() == 4 && parts[3] == "logs";
  return {log ? AgentCall::Kind::read_log : AgentCall::Kind::read, std::move(path), ""};
}

AgentCall judge_writing(const AgentGrant& grant, string_view method, const std::vector<string_view>& parts, std::string path) {
  using Kind = AgentCall::Kind;
  const auto is = [&](std::size_t at, string_view word) { return parts.size() > at && parts[at] == word; };
  const auto number = parts.size() > 1 ? positive_number(parts[1]) : std::nullopt;
  const bool own_issue = number && grant.issue > 0 && *number == grant.issue;
  const bool own_pull = number && grant.pull_request > 0 && *number == grant.pull_request;
  // A pull request is an issue, too.
  const bool comments = parts.size() == 3 && is(0, "issues") && is(2, "comments") && (own_issue || own_pull);
  const bool answers = parts.size() == 5 && is(0, "pulls") && is(2, "comments") && is(4, "replies") && own_pull && positive_number(parts[3]);
  if (method == "POST" && (comments || answers)) return {Kind::comment, std::move(path), ""};
  const bool one = parts.size() == 3 && (is(0, "issues") || is(0, "pulls")) && is(1, "comments") && positive_number(parts[2]);
  if (method == "PATCH" && one) return {Kind::edit_comment, std::move(path), ""};
  return not_passed_on("an agent writes comments on its task's own issue and pull request, and nothing else");
}

}  // namespace

AgentCall judge_agent_call(const AgentGrant& grant, string_view method, string_view path, string_view query) {
  if (path.size() + query.size() > kLongestTarget) return not_passed_on("the address is too long");
  const auto segments = pieces_of(path, '/');
  const bool odd = segments.size() < 2 || !segments.front().empty() || std::any_of(segments.begin() + 1, segments.end(), is_odd_segment);
  if (odd) return not_passed_on("the path is not one that is passed on: it begins with /, and has no //, no . or .. and no encoded slashes");
  const bool own = segments.size() >= 4 && segments[1] == "repos" && lower_case(segments[2]) == lower_case(grant.repository.owner) &&
                   lower_case(segments[3]) == lower_case(grant.repository.name);
  if (!own) return not_passed_on("only what is below /repos/" + grant.repository.path() + " is open to this agent");
  if (!query.empty() && is_odd_query(query)) return not_passed_on("the query has a word that is not known here, or one twice");
  const std::vector<string_view> parts(segments.begin() + 4, segments.end());
  std::string clean = "/repos/" + grant.repository.path();
  for (const auto part : parts) clean += "/" + std::string(part);
  if (method == "GET") return judge_reading(parts, clean + (query.empty() ? "" : "?" + std::string(query)));
  if (!grant.task) return not_passed_on("this agent may read, and " + std::string(printable(method)) + " writes (tracker_access: read)");
  if (!query.empty()) return not_passed_on("what writes has no query");
  return judge_writing(grant, method, parts, std::move(clean));
}

/// Nothing that an agent writes is unseen, or can be taken for a mark of ours.
std::string with_agent_mark(std::string text, string_view mark) {
  for (auto at = text.find("<!--"); at != text.npos; at = text.find("<!--", at)) text.replace(at, 1, "&lt;");
  return text + "\n\n" + std::string(mark);
}

bool has_agent_mark(string_view text, string_view mark) { return trimmed(text).ends_with(mark); }

}  // namespace fanout::github
