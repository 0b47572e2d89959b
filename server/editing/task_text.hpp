#pragma once

#include <string>
#include <vector>

#include "server/domain/plan/plan.hpp"

/// The text of task files. Pure.
namespace fanout::editing {

/// What a task file says. All of it is fit to be written.
struct TaskText {
  std::string id, title;
  domain::Priority priority = domain::Priority::medium;
  std::vector<std::string> dependencies;
  std::string prompt;  ///< With sections of its own it is the body, else the objective.
  std::vector<std::string> create, modify;
  std::uint64_t issue = 0;  ///< That it solves; 0: none.
};

std::string task_file_text(const TaskText& task);

/// An issue as it came from a tracker: nothing of it is to be trusted.
struct ForeignIssue {
  std::uint64_t number = 0;
  std::string title, body;
};

/// "issue-12", which the ids of an issue's task are or begin with, followed by "-".
std::string issue_stem(std::uint64_t number);
/// Whether the task of this id was made from that issue.
bool is_of_issue(const std::string& task_id, std::uint64_t number);
std::string issue_task_id(const ForeignIssue& issue);
std::string issue_title(const ForeignIssue& issue);
/// The prompt: the issue's text as a quotation, and where it is from.
std::string issue_prompt(const ForeignIssue& issue, const std::string& repository, const std::string& url);

}  // namespace fanout::editing
