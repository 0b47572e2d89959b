// Every request of a whole run is held against GitHub's own descriptions: REST by the OpenAPI description in Prism,
// GraphQL by the schema in graphql-js.
#include "tests/counterparts/counterpart_run.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
namespace json = boost::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// fanoutd → a recorder, which answers GraphQL → Prism, which validates → emulate.
class Description : public CounterpartRun {
 protected:
  void SetUp() override {
    if (const auto why = npm_is_missing(); !why.empty()) GTEST_SKIP() << why;
    github_ = emulator();
    const auto prism_port = free_port();
    prism_ = std::make_unique<Counterpart>(
        npm_program("@stoplight/prism-cli/dist/index.js",
                    {"proxy", "--host", "127.0.0.1", "--port", std::to_string(prism_port), description(), github_->url()}),
        prism_port);
    const auto port = free_port();
    recorder_ = std::make_unique<Counterpart>(
        script("recorder.mjs", {std::to_string(port), prism_->url(), file().string(), "not to be had"}), port);
  }

  static std::string description() { return std::string(FANOUT_COUNTERPARTS) + "/github.json"; }
  std::filesystem::path file() const { return repository_.outside() / "exchanges"; }

  std::vector<std::string> documents() const {
    std::vector<std::string> all;
    for (const auto& exchange : recorded(file())) {
      if (exchange.contains("document")) all.emplace_back(exchange.at("document").as_string());
    }
    return all;
  }

  std::vector<std::string> requests() const {
    std::vector<std::string> all;
    for (const auto& exchange : recorded(file())) {
      if (!exchange.contains("path")) continue;
      const std::string path(exchange.at("path").as_string());
      all.push_back(std::string(exchange.at("method").as_string()) + " " + path.substr(0, path.find('?')));
    }
    return all;
  }

  std::unique_ptr<Counterpart> github_, prism_, recorder_;
};

TEST_F(Description, EveryRequestAndDocumentOfAWholeRunIsValid) {
  start_daemon(recorder_->url());
  auto all = plan("gates: [{name: unit, run: 'test ! -e bad.txt'}]\n");
  for (int i = 0; i < 4; ++i) all.task("t" + std::to_string(i), commit_line(std::to_string(i) + ".txt"), {}, "    labels: [docs]\n");
  all.task("bad", commit_line("bad.txt"));
  run_and_sync(all.write());
  run_and_sync(plan("pull_request: false\n").task("closed", commit_line("c.txt")).write("second"));
  EXPECT_THAT(violations_in(recorded(file())), IsEmpty());
  for (const auto* kind : {"GET /repos/mona/hello", "GET /repos/mona/hello/labels", "POST /repos/mona/hello/labels",
                           "POST /repos/mona/hello/issues", "PATCH /repos/mona/hello/issues/comments/",
                           "PATCH /repos/mona/hello/issues/", "POST /repos/mona/hello/pulls", "POST /repos/mona/hello/issues/1/comments"}) {
    EXPECT_THAT(requests(), Contains(testing::StartsWith(kind)));
  }
  EXPECT_THAT(documents(), Contains(HasSubstr("createIssue")));
  const auto seen = look_at(github_->url());
  EXPECT_THAT(seen.issues, SizeIs(6));
  EXPECT_THAT(seen.pulls, SizeIs(4));
}

TEST_F(Description, OneAliasThatIsRefusedFailsItsTaskAndNoOther) {
  start_daemon(recorder_->url());
  auto all = plan();
  for (int i = 0; i < 4; ++i) all.task("t" + std::to_string(i), commit_line(std::to_string(i) + ".txt"));
  const auto file_of_plan = all.task("bad", commit_line("bad.txt")).write();
  auto text = read_file(file_of_plan);
  text.replace(text.find("name: do bad"), 12, "name: not to be had");
  write_file(file_of_plan, text);
  const auto run = run_and_sync(file_of_plan);
  EXPECT_EQ(run.state(), v1::RUN_STATE_COMPLETED);
  EXPECT_THAT(documents(), Contains(HasSubstr("a4: createIssue"))) << "all five went in one request";
  ASSERT_THAT(task(run, "bad").tracker_faults(), testing::Not(IsEmpty()));
  EXPECT_THAT(task(run, "bad").tracker_faults(0), HasSubstr("This title is not to be had"));
  for (int i = 0; i < 4; ++i) EXPECT_THAT(task(run, "t" + std::to_string(i)).tracker_faults(), IsEmpty());
  EXPECT_THAT(look_at(github_->url()).titles(), testing::UnorderedElementsAre("do t0", "do t1", "do t2", "do t3"));
}

/// A validator that says nothing proves nothing.
TEST_F(Description, TheyBite) {
  const auto send = [&](const std::string& method, const std::string& path, const std::string& body) {
    output_of(script("send.mjs", {method, recorder_->url() + path, body}));
    return violations_in(recorded(file())).size();
  };
  EXPECT_EQ(send("POST", "/repos/mona/hello/issues", R"({"title":"fine"})"), 0u);
  EXPECT_EQ(send("POST", "/repos/mona/hello/issues", R"({"body":"no title"})"), 1u);
  EXPECT_EQ(send("POST", "/repos/mona/hello/issues", R"({"title":"x","labels":"not a list"})"), 2u);
  EXPECT_EQ(send("PATCH", "/repos/mona/hello/issues/1", R"({"state":"shut"})"), 3u);
  EXPECT_EQ(send("POST", "/repos/mona/hello/pulls", R"({"title":"x","base":"main"})"), 4u);
  EXPECT_EQ(send("POST", "/repos/mona/hello/labels", R"({"color":"ffffff"})"), 5u);
  EXPECT_EQ(send("POST", "/graphql", R"({"query":"query { viewer { nickname } }"})"), 6u);
  EXPECT_EQ(send("POST", "/graphql",
                 R"({"query":"mutation($i: CreateIssueInput!) { createIssue(input: $i) { clientMutationId } }",)"
                 R"("variables":{"i":{"title":"no repository"}}})"),
            7u);
}

}  // namespace
}  // namespace fanout::test
