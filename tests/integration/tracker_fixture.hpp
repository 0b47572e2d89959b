#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/daemon.hpp"
#include "tests/support/github_server/github_server.hpp"
#include "tests/support/plan_builder.hpp"

namespace fanout::test {

/// As in a clone of octo/hello on github.com: pushes go to a folder, and the API is elsewhere. Pull requests are looked
/// at five times a second.
class OnGithub : public testing::Test {
 protected:
  explicit OnGithub(std::vector<std::string> options = {}, bool with_token = true, GithubServerOptions github = {})
      : server_(github), daemon_("20ms", environment(with_token), std::move(options)) {
    configure("");
    repository_.commit_file("a.txt", "a\n");
    pushes_ = repository_.add_bare_remote();
    repository_.git({"push", "-q", "origin", "main"});
    repository_.git({"remote", "set-url", "--push", "origin", pushes_.string()});
    repository_.git({"remote", "set-url", "origin", "https://github.com/octo/hello.git"});
    server_.with([&](World& world) { world.pushes = pushes_; });
  }

  void configure(const std::string& more) {
    write_file(daemon_.config(), "[github]\nfollow_interval = \"200ms\"\nedit_spacing = \"10ms\"\nlogin_url = \"" +
                                     server_.endpoints().rest + "\"\n" + more);
  }

  std::vector<std::string> environment(bool with_token) {
    const auto endpoints = server_.endpoints();
    const auto home = repository_.outside().string();
    std::vector<std::string> variables = {"GITHUB_SERVER_URL=https://github.com", "GITHUB_API_URL=" + endpoints.rest,
                                          "GITHUB_GRAPHQL_URL=" + endpoints.graphql};
    if (with_token) {
      variables.push_back("GH_TOKEN=" + server_.token());
    } else {
      for (const char* name : {"GH_TOKEN=", "GITHUB_TOKEN="}) variables.emplace_back(name);
      variables.push_back("HOME=" + home);
      variables.push_back("XDG_CONFIG_HOME=" + home);
      variables.push_back("GIT_CONFIG_GLOBAL=/dev/null");
    }
    return variables;
  }

  PlanBuilder plan(const std::string& more = {}) const {
    return PlanBuilder(repository_, "setup: []\nverify: []\ntracker: github\n" + more);
  }

  ServerIssue issue_titled(const std::string& part) {
    ServerIssue found;
    for (const auto& issue : server_.issues()) {
      if (issue.title.find(part) != std::string::npos) found = issue;
    }
    return found;
  }

  ServerPull pull_of(const std::string& branch) {
    ServerPull found;
    for (const auto& pull : server_.pulls()) {
      if (pull.head == branch) found = pull;
    }
    return found;
  }

  /// Until an event of the run is such a one.
  template <class Fits>
  void wait_for(const std::string& run, Fits fits) {
    watch(daemon_, run, 0, fits);
  }

  void wait_until_followed(const std::string& run, const std::string& task, unsigned attempt = 1) {
    wait_for(run, [&](const fanout::v1::Event& event) {
      return event.task_id() == task && event.attempt() == attempt &&
             (attempt > 1 ? event.phase() == fanout::v1::PHASE_COMPLETED
                          : event.following_changed().state() == fanout::v1::Following::STATE_WATCHING);
    });
  }

  void merge(const std::string& branch) {
    server_.with([&](World& world) {
      for (auto& pull : world.pulls) {
        if (pull.head == branch) world.merge(pull, "merge");
      }
    });
  }

  GitSandbox repository_;
  std::filesystem::path pushes_;
  GithubServer server_;
  Daemon daemon_;
};

}  // namespace fanout::test
