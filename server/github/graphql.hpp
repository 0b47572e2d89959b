#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <variant>
#include <vector>

#include "server/github/failure.hpp"
#include "server/github/types.hpp"

/// What we say in GraphQL, and what is said to us. Pure.
namespace fanout::github {

struct Document {
  std::string text;
  boost::json::object variables;
};

/// Creates `issues` in order, as aliases a0, a1 …
Document creation_of(const std::string& repository_id, const std::vector<BatchIssue>& issues);

using Created = std::variant<Issue, ApiError>;

/// What became of `count` aliases. One that has neither data nor an error of its own may have been created.
std::vector<Created> created_in(const boost::json::value& answer, std::size_t count, const RateHeaders& rate);

/// Pull requests with checks and review, as aliases p1, p2 …
Document pull_request_query(const Repository& repository, const std::vector<std::uint64_t>& numbers);
std::vector<PullRequest> pull_requests_in(const boost::json::value& answer);

}  // namespace fanout::github
