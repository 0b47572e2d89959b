// One run in several repositories.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "fanout/v1/merging.grpc.pb.h"
#include "fanout/v1/work.grpc.pb.h"
#include "tests/integration/tracker_fixture.hpp"

namespace fanout::test {
namespace {

namespace v1 = fanout::v1;
namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kInWeb = "    repo: web\n";

std::vector<std::string> strings(const google::protobuf::RepeatedPtrField<std::string>& field) { return {field.begin(), field.end()}; }

/// The plan's own repository is `api`, and it names another, `web`.
class Repositories : public testing::Test {
 protected:
  Repositories() {
    api_.commit_file("shared.txt", "one\n");
    web_.commit_file("shared.txt", "one\n");
  }

  PlanBuilder plan(const std::string& more = {}) const {
    return PlanBuilder(api_, "setup: []\nverify: []\nrepos: {web: " + web_.root().string() + "}\n" + more);
  }

  std::vector<v1::MergeResponse> merge(const std::string& run, const std::function<void(v1::MergeRequest&)>& change = {}) {
    v1::MergeRequest request;
    request.set_run_id(run);
    if (change) change(request);
    const auto context = patient();
    const auto reader = v1::MergingService::NewStub(daemon_.channel())->Merge(context.get(), request);
    std::vector<v1::MergeResponse> steps;
    for (v1::MergeResponse step; reader->Read(&step);) steps.push_back(step);
    status_ = reader->Finish();
    return steps;
  }

  /// "web: page, style", in the order of the trains.
  static std::vector<std::string> trains(const std::vector<v1::MergeResponse>& steps) {
    std::vector<std::string> all;
    for (const auto& step : steps) {
      if (!step.has_planned()) continue;
      std::string ids;
      for (const auto& id : step.planned().task_ids()) ids += (ids.empty() ? "" : ", ") + id;
      all.push_back(step.planned().repository() + ": " + ids);
    }
    return all;
  }

  static std::vector<std::string> landed(const std::vector<v1::MergeResponse>& steps) {
    std::vector<std::string> all;
    for (const auto& step : steps) {
      for (const auto& id : step.ended().landed()) all.push_back(id);
    }
    return all;
  }

  std::vector<std::string> faults_of(const fs::path& plan) {
    v1::ValidatePlanRequest request;
    request.set_plan_path(plan.string());
    request.set_working_directory(plan.parent_path().string());
    v1::ValidatePlanResponse response;
    EXPECT_TRUE(daemon_.plans().ValidatePlan(patient().get(), request, &response).ok());
    std::vector<std::string> faults;
    for (const auto& one : response.diagnostics()) faults.push_back(one.field() + " " + one.message());
    return faults;
  }

  GitSandbox api_, web_;
  Daemon daemon_;
  grpc::Status status_;
};

TEST_F(Repositories, EachTaskWorksInItsOwnAndDependenciesOrderThemAll) {
  auto tasks = plan();
  tasks.task("endpoint", commit_line("endpoint.txt"));
  tasks.task("page", commit_line("page.txt"), {"endpoint"}, kInWeb);
  tasks.task("style", commit_line("style.txt"), {"page"}, kInWeb);
  const auto run = run_to_end(daemon_, tasks.write());
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();

  EXPECT_EQ(run.repository(), api_.root().string());
  ASSERT_EQ(run.repositories_size(), 2);
  EXPECT_EQ(run.repositories(0).name(), "");
  EXPECT_EQ(run.repositories(0).path(), api_.root().string());
  EXPECT_EQ(run.repositories(1).name(), "web");
  EXPECT_EQ(run.repositories(1).path(), web_.root().string());
  EXPECT_EQ(run.repositories(1).base_commit(), web_.git({"rev-parse", "main"}));
  EXPECT_EQ(task(run, "endpoint").repository(), "");
  EXPECT_EQ(task(run, "page").repository(), "web");
  EXPECT_EQ(task(run, "page").worktree(), (web_.root() / "worktrees/page").string());

  EXPECT_EQ(api_.git({"branch", "--list", "feature/*", "--format=%(refname:short)"}), "feature/endpoint");
  EXPECT_EQ(web_.git({"branch", "--list", "feature/*", "--format=%(refname:short)"}), "feature/page\nfeature/style");
  EXPECT_EQ(web_.git({"log", "--format=%s", "main..feature/page"}), "feat: page.txt") << "what it needs elsewhere does not come along";
  EXPECT_EQ(web_.git({"log", "--format=%s", "main..feature/style"}), "feat: style.txt\nfeat: page.txt");
  std::vector<std::string> completed;
  for (const auto& event : watch(daemon_, run.id())) {
    if (event.phase_changed().to() == v1::PHASE_COMPLETED) completed.push_back(event.task_id());
  }
  EXPECT_THAT(completed, ElementsAre("endpoint", "page", "style"));
  for (const auto* repository : {&api_, &web_}) EXPECT_EQ(repository->git({"status", "--porcelain"}), "");
}

/// In the sandbox, where there is one.
TEST_F(Repositories, WhatATaskNeedsElsewhereCanBeReadAndNotChanged) {
  auto tasks = plan();
  tasks.task("endpoint", commit_line("endpoint.txt", "promised"));
  const auto there = (api_.root() / "worktrees/endpoint/endpoint.txt").string();
  tasks.task("page", "cp $FANOUT_PROMPT_FILE prompt.txt; cp " + there + " page.txt; (echo more >> " + there + ") 2>/dev/null; true", {"endpoint"}, kInWeb);
  const auto run = run_to_end(daemon_, tasks.write());
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  EXPECT_EQ(web_.git({"show", "feature/page:page.txt"}), "promised");
  if (task(run, "page").sandbox() == v1::SANDBOX_LEVEL_WORKSPACE) {
    EXPECT_EQ(read_file(there), "promised\n");
  }
  EXPECT_THAT(web_.git({"show", "feature/page:prompt.txt"}),
              HasSubstr("- endpoint: branch `feature/endpoint`, its files in `" + (api_.root() / "worktrees/endpoint").string() + "`"));
}

TEST_F(Repositories, ATasksSettingsAreThoseOfItsRepository) {
  web_.commit_file(".fanout.yaml", "gates: [{name: of-web, run: test -e page.txt}]\nbranch: 'web/{task_id}'\n");
  auto tasks = plan();
  tasks.task("endpoint", commit_line("endpoint.txt"));
  tasks.task("page", commit_line("page.txt"), {}, kInWeb);
  const auto run = run_to_end(daemon_, tasks.write());
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  EXPECT_EQ(task(run, "endpoint").gates_size(), 0);
  EXPECT_EQ(task(run, "endpoint").branch(), "feature/endpoint");
  ASSERT_EQ(task(run, "page").gates_size(), 1);
  EXPECT_EQ(task(run, "page").gates(0).name(), "of-web");
  EXPECT_EQ(task(run, "page").branch(), "web/page");
}

TEST_F(Repositories, ThePlansOwnIsNotNeededWhereNoTaskWorksThere) {
  TempDir elsewhere;
  const auto file = elsewhere / "plan.yaml";
  write_file(file, "setup: []\nverify: []\nrepos: {web: " + web_.root().string() + "}\ntasks:\n  - {id: page, prompt: x, repo: web, agent: \"" +
                       commit_line("page.txt") + "\"}\n");
  const auto run = run_to_end(daemon_, file);
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  EXPECT_EQ(run.repository(), web_.root().string());
  EXPECT_EQ(web_.git({"log", "--format=%s", "main..feature/page"}), "feat: page.txt");
  const auto steps = merge(run.id());
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_THAT(landed(steps), ElementsAre("page"));
}

TEST_F(Repositories, WhatIsWrongWithThemIsToldWithItsPlace) {
  const auto write = [&](const std::string& repos, const std::string& more) {
    const auto file = api_.outside() / "faulty.yaml";
    write_file(file, "repo: " + api_.root().string() + "\nrepos: " + repos + "\ntasks:\n  - {id: a, prompt: x}\n" + more);
    return faults_of(file);
  };
  const auto web = web_.root().string();
  EXPECT_THAT(write("{web: " + web + "}", "  - {id: b, prompt: x, repo: wbe}\n"),
              Contains(AllOf(HasSubstr("\"wbe\" is no repository of this plan (did you mean web?)"))));
  EXPECT_THAT(write("{web: /nowhere}", "  - {id: b, prompt: x, repo: web}\n"), Contains(AllOf(HasSubstr("repos.web"), HasSubstr("/nowhere"))));
  EXPECT_THAT(write("{web: /nowhere}", ""), IsEmpty()) << "nobody works there";
  EXPECT_THAT(write("{web: " + web + ", site: " + web + "}", "  - {id: b, prompt: x, repo: web}\n  - {id: c, prompt: x, repo: site}\n"),
              Contains(HasSubstr("is repos.web already: a repository has one name")));
  EXPECT_THAT(write("[web]", ""), Contains(HasSubstr("repos must be a map of names and paths")));
  EXPECT_THAT(write("{'a b': " + web + "}", ""), Contains(HasSubstr("the name \"a b\" cannot be")));
}

TEST_F(Repositories, WhoAnswersForOneAloneMayRefuseTheOthers) {
  auto tasks = plan();
  tasks.task("page", commit_line("page.txt"), {}, kInWeb);
  v1::ExecutePlanRequest request;
  request.set_plan_path(tasks.write().string());
  request.mutable_overrides()->set_only_that_repository(true);
  v1::ExecutePlanResponse response;
  const auto status = daemon_.runs().ExecutePlan(patient().get(), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(web_.git({"branch", "--list", "feature/*"}), "");
}

TEST_F(Repositories, OnlyWhatIsInTheSameCollides) {
  auto tasks = plan();
  tasks.task("endpoint", "echo api > shared.txt");
  tasks.task("page", "echo page > shared.txt", {}, kInWeb);
  tasks.task("style", "echo style > shared.txt", {}, kInWeb);
  const auto run = run_to_end(daemon_, tasks.write());
  const auto merging = v1::MergingService::NewStub(daemon_.channel());
  v1::ReviewRunRequest request;
  request.set_run_id(run.id());
  v1::ReviewRunResponse review;
  ASSERT_TRUE(merging->ReviewRun(patient().get(), request, &review).ok());
  ASSERT_EQ(review.collisions_size(), 1);
  EXPECT_EQ(review.collisions(0).first() + " " + review.collisions(0).second(), "page style");
  ASSERT_EQ(review.tasks_size(), 3);
  EXPECT_EQ(review.tasks(0).into_commit(), api_.git({"rev-parse", "main"}));
  EXPECT_EQ(review.tasks(1).into_commit(), web_.git({"rev-parse", "main"}));
  for (const auto& state : review.tasks()) EXPECT_EQ(state.readiness(), v1::BranchState::READINESS_READY) << state.DebugString();

  v1::DiffTaskRequest wanted;
  wanted.set_run_id(run.id());
  wanted.set_task_id("page");
  const auto context = patient();
  const auto reader = merging->DiffTask(context.get(), wanted);
  std::string patch;
  for (v1::DiffTaskResponse part; reader->Read(&part);) patch += part.patch();
  ASSERT_TRUE(reader->Finish().ok());
  EXPECT_THAT(patch, HasSubstr("+page"));
}

TEST_F(Repositories, ATaskIsMergedOnceWhatItNeedsElsewhereIsIn) {
  auto tasks = plan();
  tasks.task("endpoint", commit_line("endpoint.txt"));
  tasks.task("page", commit_line("page.txt"), {"endpoint"}, kInWeb);
  tasks.task("client", commit_line("client.txt"), {"page"});
  const auto run = run_to_end(daemon_, tasks.write());
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString();
  const auto dry = merge(run.id(), [](auto& request) { request.set_dry_run(true); });
  EXPECT_THAT(landed(dry), ElementsAre("endpoint", "page", "client"));
  EXPECT_FALSE(fs::exists(web_.root() / "page.txt"));

  const auto steps = merge(run.id());
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  EXPECT_THAT(trains(steps), ElementsAre(": endpoint", "web: page", ": client"));
  EXPECT_TRUE(fs::exists(api_.root() / "endpoint.txt"));
  EXPECT_TRUE(fs::exists(api_.root() / "client.txt"));
  EXPECT_TRUE(fs::exists(web_.root() / "page.txt"));
  EXPECT_THAT(landed(merge(run.id())), IsEmpty()) << "all is there";
}

TEST_F(Repositories, WhatIsLeftOutInOneKeepsOutWhatNeedsItInAnother) {
  auto tasks = plan();
  tasks.task("endpoint", "echo mine > shared.txt");
  tasks.task("page", commit_line("page.txt"), {"endpoint"}, kInWeb);
  tasks.task("style", commit_line("style.txt"), {}, kInWeb);
  const auto run = run_to_end(daemon_, tasks.write());
  api_.commit_file("shared.txt", "theirs\n");
  const auto web_before = web_.git({"rev-parse", "main"});
  const auto alone = merge(run.id(), [](auto& request) { request.add_task_ids("page"); });
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  ASSERT_EQ(alone.size(), 1u);
  EXPECT_THAT(strings(alone[0].left_out().needs()), ElementsAre("endpoint"));
  EXPECT_EQ(web_.git({"rev-parse", "main"}), web_before);

  const auto steps = merge(run.id());
  EXPECT_THAT(landed(steps), ElementsAre("style"));
  std::map<std::string, v1::MergeLeftOut::Cause> out;
  for (const auto& step : steps) {
    if (step.has_left_out()) out[step.left_out().task_id()] = step.left_out().cause();
  }
  EXPECT_EQ(out, (std::map<std::string, v1::MergeLeftOut::Cause>{{"endpoint", v1::MergeLeftOut::CAUSE_CONFLICT},
                                                                 {"page", v1::MergeLeftOut::CAUSE_DEPENDENCY}}));
}

TEST_F(Repositories, ACleanupOfOneLeavesTheOthersAlone) {
  auto tasks = plan();
  tasks.task("endpoint", commit_line("endpoint.txt"));
  tasks.task("page", commit_line("page.txt"), {}, kInWeb);
  const auto run = run_to_end(daemon_, tasks.write());
  merge(run.id());
  ASSERT_TRUE(status_.ok()) << status_.error_message();
  const auto clean = [&](const std::function<void(v1::CleanUpRequest&)>& change) {
    v1::CleanUpRequest request;
    request.set_archives(true);
    change(request);
    v1::CleanUpResponse response;
    const auto status = v1::WorkService::NewStub(daemon_.channel())->CleanUp(patient().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  };
  const auto in_web = clean([&](auto& request) { request.set_repository(web_.root().string()); });
  EXPECT_FALSE(fs::exists(web_.root() / "worktrees/page")) << in_web.DebugString();
  EXPECT_TRUE(fs::exists(api_.root() / "worktrees/endpoint"));
  EXPECT_TRUE(fs::exists(daemon_.state() / "runs" / run.id())) << "a part of the run is still there";
  clean([&](auto& request) { request.set_run_id(run.id()); });
  EXPECT_FALSE(fs::exists(api_.root() / "worktrees/endpoint"));
}

TEST_F(Repositories, TheNextDaemonGoesOnInEachOfThem) {
  const auto gate = api_.outside() / "go";
  auto tasks = plan("sandbox: 'off'\n");
  tasks.task("endpoint", "while ! test -e " + gate.string() + "; do sleep 0.05; done; " + commit_line("endpoint.txt"));
  tasks.task("page", "while ! test -e " + gate.string() + "; do sleep 0.05; done; " + commit_line("page.txt"), {}, kInWeb);
  tasks.task("style", commit_line("style.txt"), {"page", "endpoint"}, kInWeb);
  const auto run = execute(daemon_, tasks.write());
  std::set<std::string> at_work;
  watch(daemon_, run, 0, [&](const v1::Event& event) {
    if (event.has_command_started()) at_work.insert(event.task_id());
    return at_work.size() == 2;
  });
  daemon_.stop(SIGKILL);
  write_file(gate, "");
  daemon_.start();
  watch(daemon_, run);
  const auto ended = get(daemon_, run);
  ASSERT_EQ(ended.state(), v1::RUN_STATE_COMPLETED) << ended.DebugString();
  EXPECT_EQ(web_.git({"log", "--format=%s", "main..feature/style"}), "feat: style.txt\nfeat: page.txt");
  EXPECT_EQ(api_.git({"log", "--format=%s", "main..feature/endpoint"}), "feat: endpoint.txt");
}

/// Two clones of one repository at GitHub, and one that has no tracker.
class RepositoriesOnGithub : public OnGithub {};

TEST_F(RepositoriesOnGithub, EachHasItsIssuesAndPullRequestsWhereItsRemoteIs) {
  GitSandbox web, docs;
  web.git({"pull", "-q", pushes_.string(), "main"});
  web.git({"remote", "add", "origin", "https://github.com/octo/hello.git"});
  web.git({"remote", "set-url", "--push", "origin", pushes_.string()});
  docs.commit_file(".fanout.yaml", "tracker: none\n");
  repository_.commit_file(".fanout.yaml", "tracker: github\n");
  repository_.git({"push", "-q", "origin", "main"});
  web.git({"pull", "-q", pushes_.string(), "main"});
  PlanBuilder tasks(repository_, "setup: []\nverify: []\nrepos: {web: " + web.root().string() + ", docs: " + docs.root().string() + "}\n");
  tasks.task("endpoint", commit_line("endpoint.txt"));
  tasks.task("page", commit_line("page.txt"), {"endpoint"}, "    repo: web\n");
  tasks.task("style", commit_line("style.txt"), {"page"}, "    repo: web\n");
  tasks.task("manual", commit_line("manual.txt"), {"style"}, "    repo: docs\n");
  const auto run = run_to_end(daemon_, tasks.write());
  ASSERT_EQ(run.state(), v1::RUN_STATE_COMPLETED) << run.DebugString() << daemon_.log();
  EXPECT_THAT(server_.issues(), SizeIs(3));
  EXPECT_FALSE(task(run, "manual").has_issue());
  EXPECT_TRUE(task(run, "manual").pushed_commit().empty());
  EXPECT_EQ(pull_of("feature/endpoint").base, "main");
  EXPECT_EQ(pull_of("feature/page").base, "main") << "what it needs is in another repository";
  EXPECT_EQ(pull_of("feature/style").base, "feature/page");
  EXPECT_EQ(run.tracker_pending(), 0u);
  EXPECT_THAT(server_.violations(), IsEmpty());
}

}  // namespace
}  // namespace fanout::test
