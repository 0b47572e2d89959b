#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "server/github/failure.hpp"
#include "server/github/types.hpp"

/// Between our types and GitHub's JSON. Pure.
namespace fanout::github {

std::string lower(std::string text);

/// Of a repository's part of the API.
std::string at(const Repository& repository, const std::string& rest);
/// For a query or a form: what is not plain becomes %xx.
std::string escaped(std::string_view text);

boost::json::value body_of(const NewIssue& issue);
boost::json::value body_of(const IssueEdit& edit);
boost::json::value body_of(const NewPullRequest& wanted);

/// These throw ApiError{transient, outcome unknown} for an answer that is none.
Issue issue_in(const boost::json::value& value, const std::string& doing);
Comment comment_in(const boost::json::value& value, const std::string& doing);
PullRequest pull_request_in(const boost::json::value& value, const std::string& doing);

Listed listed_in(const boost::json::value& value);
RepositoryInfo repository_in(const boost::json::value& value, const Repository& asked);

}  // namespace fanout::github
