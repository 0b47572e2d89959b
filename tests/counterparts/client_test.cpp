// Our client alone, against what GitHub has really said, what nginx says of files, and GitHub's GraphQL schema.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <functional>

#include "server/github/client.hpp"
#include "tests/counterparts/counterpart_run.hpp"
#include "tests/counterparts/nginx.hpp"
#include "tests/support/coroutine.hpp"

namespace fanout::github {
namespace {

namespace json = boost::json;
using test::Counterpart;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// A client for `api`, with what it stands on.
struct Line {
  Line(const async::Executor& executor, const std::string& url)
      : http(executor, {}),
        limiter(executor, Clock(), {}),
        api(http, limiter, {url, url + "/graphql"}, test::kToken),
        client(api) {}
  http::Client http;
  Limiter limiter;
  Api api;
  Client client;
};

using Body = std::function<awaitable<void>(Line&)>;

awaitable<void> live(boost::asio::io_context& io, std::string url, Body body) {
  Line line(io.get_executor(), url);
  co_await body(line);
}

void with_client(const std::string& url, Body body) {
  test::run_coroutine([&](boost::asio::io_context& io) { return live(io, url, std::move(body)); });
}

class Recorded : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = test::npm_is_missing(); !why.empty()) GTEST_SKIP() << why;
    const auto port = test::free_port();
    player_ = std::make_unique<Counterpart>(test::script("fixtures.mjs", {std::to_string(port)}), port);
  }

  /// Where `scenario` is played, once and in order.
  std::string play(const std::string& scenario) const {
    const auto answer = test::output_of(test::script("play.mjs", {player_->url(), scenario}));
    return answer.substr(0, answer.find('\n'));
  }

  std::unique_ptr<Counterpart> player_;
};

awaitable<void> read_all_pages(Line& line, std::string path, std::vector<std::size_t>& sizes) {
  for (Call call; !path.empty();) {
    call.path = path;
    call.doing = "list the issues";
    const auto reply = co_await line.api.call(call, Priority::needed);
    sizes.push_back(reply.body.as_array().size());
    path = next_page(reply.link);
  }
}

TEST_F(Recorded, PagesAreFollowedByTheLinksThatGithubGave) {
  std::vector<std::size_t> sizes;
  with_client(play("paginate-issues"), [&](Line& line) {
    return read_all_pages(line, "/repos/octokit-fixture-org/paginate-issues/issues?per_page=3", sizes);
  });
  EXPECT_THAT(sizes, ElementsAre(3, 3, 3, 3, 1));
}

awaitable<void> rename_and_read(Line& line, std::vector<std::string>& names) {
  const Repository old{"127.0.0.1", "octokit-fixture-org", "rename-repository"};
  Call rename;
  rename.method = "PATCH";
  rename.path = "/repos/" + old.path();
  rename.doing = "rename the repository";
  rename.body = [] { return json::object{{"name", "rename-repository-newname"}}; };
  const auto renamed = co_await line.api.call(rename, Priority::needed);
  const auto after_301 = co_await line.client.repository(old);
  rename.body = [] {
    return json::object{{"name", "rename-repository-newname"}, {"description", "test description"}};
  };
  const auto after_307 = co_await line.api.call(rename, Priority::needed);
  names = {std::string(renamed.body.at("full_name").as_string()), after_301.name.path(),
           std::string(after_307.body.at("full_name").as_string())};
}

TEST_F(Recorded, ARenamedRepositoryIsFoundByGetAndByPatch) {
  std::vector<std::string> names;
  with_client(play("rename-repository"), [&](Line& line) { return rename_and_read(line, names); });
  const std::string now = "octokit-fixture-org/rename-repository-newname";
  EXPECT_THAT(names, ElementsAre(now, now, now));
}

awaitable<void> make_bad_label(Line& line, std::optional<ApiError>& refusal) {
  Call call;
  call.method = "POST";
  call.path = "/repos/octokit-fixture-org/errors/labels";
  call.doing = "make label foo";
  call.body = [] { return json::object{{"name", "foo"}, {"color", "invalid"}}; };
  try {
    co_await line.api.call(call, Priority::needed, 1);
  } catch (const ApiError& error) {
    refusal = error;
  }
}

TEST_F(Recorded, ARefusalOfGithubsIsReadWithFieldAndReason) {
  std::optional<ApiError> refusal;
  with_client(play("errors"), [&](Line& line) { return make_bad_label(line, refusal); });
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->failure(), Failure::validation);
  EXPECT_EQ(refusal->field, "color");
  EXPECT_EQ(refusal->reason, "invalid");
  EXPECT_THAT(refusal->what(), HasSubstr("color is invalid"));
}

class StaticFiles : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = test::debian_is_missing(); !why.empty()) GTEST_SKIP() << why;
    nginx_ = std::make_unique<test::Nginx>("", "root " + files_.path().string() + "; default_type application/json;");
    std::filesystem::create_directories(file().parent_path());
    write("open");
  }

  std::filesystem::path file() const { return files_ / "repos/mona/hello/pulls/7"; }
  void write(const std::string& state) {
    test::write_file(file(), R"({"number": 7, "html_url": "x", "node_id": "y", "state": ")" + state + R"("})");
  }

  test::TempDir files_;
  std::unique_ptr<test::Nginx> nginx_;
};

awaitable<void> read_four_times(Line& line, std::function<void()> change, std::vector<std::string>& states) {
  const Repository repository{"127.0.0.1", "mona", "hello"};
  for (int i = 0; i < 4; ++i) {
    if (i == 3) change();
    const auto pull = co_await line.client.pull_request(repository, 7);
    states.push_back(pull.state);
  }
}

TEST_F(StaticFiles, WhatHasNotChangedIsReadOnceAndStaysKnown) {
  std::vector<std::string> states;
  with_client(nginx_->url(), [&](Line& line) { return read_four_times(line, [this] { write("closed"); }, states); });
  EXPECT_THAT(states, ElementsAre("open", "open", "open", "closed"));
  std::vector<unsigned> statuses;
  for (const auto& entry : nginx_->served()) statuses.push_back(entry.status);
  EXPECT_THAT(statuses, ElementsAre(200, 304, 304, 200));
}

/// Every document that the client can send, in ways that a run does not always come by.
class Documents : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = test::npm_is_missing(); !why.empty()) GTEST_SKIP() << why;
    github_ = test::emulator();
    const auto port = test::free_port();
    recorder_ = std::make_unique<Counterpart>(
        test::script("recorder.mjs", {std::to_string(port), github_->url(), file().string(), "refused"}), port);
  }

  std::filesystem::path file() const { return folder_ / "exchanges"; }

  test::TempDir folder_;
  std::unique_ptr<Counterpart> github_, recorder_;
};

struct Told {
  std::vector<Created> created;
  std::vector<PullRequest> before, after;
};

const Repository kHello{"127.0.0.1", "mona", "hello"};

/// Every tenth is refused.
std::vector<BatchIssue> a_hundred(const std::string& label) {
  std::vector<BatchIssue> issues;
  for (int i = 0; i < 100; ++i) {
    const std::string title = (i % 10 == 3 ? "refused " : "issue ") + std::to_string(i);
    BatchIssue issue;
    issue.title = title;
    issue.body = "\"}) { evil }";
    issue.label_ids.push_back(label);
    issues.push_back(std::move(issue));
  }
  return issues;
}

awaitable<void> create_a_hundred(Line& line, Told& told) {
  const auto repository = co_await line.client.repository(kHello);
  const std::vector<std::string> names(1, "docs");
  const auto labels = co_await line.client.ensure_labels(kHello, names, true);
  const auto issues = a_hundred(labels.at("docs"));
  Want want;
  want.write = true;
  want.resource = Resource::graphql;
  const auto permit = co_await line.limiter.acquire(want);
  told.created = co_await line.client.create_issues(permit, repository.node_id, issues);
}

TEST_F(Documents, ABatchOfAHundredIsValidAndPartialErrorsReachTheirIssues) {
  Told told;
  with_client(recorder_->url(), [&](Line& line) { return create_a_hundred(line, told); });
  EXPECT_THAT(test::violations_in(test::recorded(file())), IsEmpty());
  ASSERT_THAT(told.created, SizeIs(100));
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < told.created.size(); ++i) {
    const auto* issue = std::get_if<Issue>(&told.created[i]);
    ASSERT_EQ(issue == nullptr, i % 10 == 3) << i;
    if (!issue) {
      EXPECT_EQ(std::get<ApiError>(told.created[i]).failure(), Failure::validation);
      continue;
    }
    EXPECT_EQ(issue->number, ++number) << "in the order of the aliases";
    EXPECT_THAT(issue->labels, ElementsAre("docs"));
  }
}

awaitable<void> draft_to_ready(Line& line, Told& told) {
  Want want;
  want.write = true;
  want.creates = 1;
  const NewPullRequest wanted{"A draft", "body", "feature/a", "main", true};
  {
    const auto permit = co_await line.limiter.acquire(want);
    co_await line.client.create_pull_request(permit, kHello, wanted);
  }
  std::vector<std::uint64_t> numbers(1, 1);
  numbers.push_back(99);
  told.before = co_await line.client.pull_requests(kHello, numbers);
  const auto id = told.before.at(0).node_id;
  co_await line.client.mark_ready(id);
  numbers.pop_back();
  told.after = co_await line.client.pull_requests(kHello, numbers);
}

TEST_F(Documents, PullRequestsAreReadAndMadeReadyByValidDocuments) {
  Told told;
  with_client(recorder_->url(), [&](Line& line) { return draft_to_ready(line, told); });
  EXPECT_THAT(test::violations_in(test::recorded(file())), IsEmpty());
  ASSERT_THAT(told.before, SizeIs(1)) << "99 is not there, and that hurts nobody";
  EXPECT_TRUE(told.before[0].draft);
  EXPECT_EQ(told.before[0].state, "open");
  ASSERT_THAT(told.after, SizeIs(1));
}

}  // namespace
}  // namespace fanout::github
