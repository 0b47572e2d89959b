#include "server/editing/init.hpp"

#include "server/domain/plan/resolve.hpp"
#include "server/editing/add_tasks.hpp"
#include "tests/unit/git/helpers.hpp"

namespace fanout::editing {
namespace {

namespace fs = std::filesystem;
using Init = v1::InitRepositoryResponse;
using git::error_of;
using test::read_file;
using test::write_file;
using testing::HasSubstr;
using testing::IsEmpty;

class InitTest : public testing::Test {
 protected:
  Init init(bool force = false) { return init_repository(repository_.root(), force, (repository_.outside() / "bin").string(), "20261126-204800"); }
  fs::path settings() const { return repository_.root() / ".fanout.yaml"; }
  domain::Settings parsed() const {
    std::vector<domain::Diagnostic> faults;
    auto found = domain::parse_repository_settings(read_file(settings()), "f", faults);
    EXPECT_THAT(faults, IsEmpty());
    return found;
  }
  static std::string value_of(const Init& answer, const std::string& kind) {
    for (const auto& one : answer.findings()) {
      if (one.kind() == kind) return one.value() + " by " + one.reason();
    }
    return "";
  }

  test::GitSandbox repository_;
};

TEST_F(InitTest, WhatIsFoundIsToldAndTheTestsAreAGate) {
  repository_.commit_file("package.json", R"({"scripts": {"test": "jest", "lint": "eslint ."}})");
  write_file(repository_.root() / "package-lock.json", "{}");
  write_file(repository_.outside() / "bin/codex", "");
  fs::permissions(repository_.outside() / "bin/codex", fs::perms::owner_all);
  repository_.git({"remote", "add", "origin", "git@github.com:octo/hello.git"});
  const auto answer = init();
  EXPECT_EQ(value_of(answer, "test"), "npm run test by package.json");
  EXPECT_EQ(value_of(answer, "lint"), "npm run lint by package.json");
  EXPECT_EQ(value_of(answer, "setup"), "npm ci by package.json");
  EXPECT_EQ(value_of(answer, "base"), "main by checked out");
  EXPECT_EQ(value_of(answer, "remote"), "github.com/octo/hello by remote origin");
  EXPECT_EQ(value_of(answer, "agent"), "codex by in PATH");
  EXPECT_TRUE(answer.has_commit());
  EXPECT_EQ(answer.settings(), Init::OUTCOME_WRITTEN);
  ASSERT_TRUE(parsed().gates);
  ASSERT_EQ(parsed().gates->size(), 1u);
  EXPECT_EQ(parsed().gates->front().run, "npm run test");
  EXPECT_FALSE(parsed().setup) << "found anew for every run";
}

TEST_F(InitTest, EverySettingThatIsACommentIsOne) {
  repository_.commit_file("Cargo.toml", "");
  init();
  std::string uncommented;
  for (const auto& line : test::lines_of(read_file(settings()))) {
    const bool setting = line.starts_with("# ") && (line.find(": ") != std::string::npos || line.ends_with(":") || line.starts_with("#   - "));
    const bool prose = line.ends_with(".") || line.find(", ") < line.find(": ");
    uncommented += (setting && !prose ? line.substr(2) : line) + "\n";
  }
  std::vector<domain::Diagnostic> faults;
  const auto all = domain::parse_repository_settings(uncommented, "f", faults);
  EXPECT_THAT(faults, IsEmpty()) << uncommented;
  EXPECT_EQ(all.setup.value_or(std::vector<std::string>()).size(), 1u) << uncommented;
  EXPECT_EQ(all.base, "main");
  EXPECT_EQ(all.gates.value_or(std::vector<domain::Gate>()).size(), 3u);
  EXPECT_TRUE(all.max_parallel && all.timeout && all.agent);
}

TEST_F(InitTest, TheFirstPlanCanBeRun) {
  const auto answer = init();
  EXPECT_FALSE(answer.has_commit());
  EXPECT_EQ(answer.plan(), Init::OUTCOME_WRITTEN);
  const auto loaded = read_plan(answer.plan_path());
  EXPECT_THAT(loaded.diagnostics, IsEmpty());
  ASSERT_EQ(loaded.plan.tasks.size(), 1u);
  EXPECT_EQ(loaded.plan.tasks[0].id, "example");
  EXPECT_EQ(loaded.plan.tasks[0].create.size(), 1u);
}

TEST_F(InitTest, WhatIsThereStaysUnlessForced) {
  write_file(settings(), "max_parallel: 2\n");
  write_file(repository_.root() / ".parallel/plans/plan.yaml", "mine\n");
  auto answer = init();
  EXPECT_EQ(answer.settings(), Init::OUTCOME_KEPT);
  EXPECT_EQ(answer.plan(), Init::OUTCOME_KEPT);
  EXPECT_EQ(read_file(settings()), "max_parallel: 2\n");
  answer = init(true);
  EXPECT_EQ(answer.settings(), Init::OUTCOME_REPLACED);
  EXPECT_EQ(answer.plan(), Init::OUTCOME_KEPT) << "a plan is never replaced";
  EXPECT_FALSE(parsed().max_parallel);
  EXPECT_EQ(read_file(repository_.root() / ".parallel/plans/plan.yaml"), "mine\n");
}

TEST_F(InitTest, LinksThatLeadOutAreNotFollowed) {
  const auto elsewhere = repository_.outside() / "elsewhere";
  fs::create_directories(elsewhere);
  fs::create_directory_symlink(elsewhere, repository_.root() / ".parallel");
  EXPECT_THAT(error_of(ErrorKind::precondition, [&] { init(); }), HasSubstr("by a link"));
  EXPECT_TRUE(fs::is_empty(elsewhere));
  EXPECT_FALSE(fs::exists(settings()));
  fs::remove(repository_.root() / ".parallel");
  write_file(elsewhere / "file", "mine\n");
  fs::create_symlink(elsewhere / "file", settings());
  EXPECT_EQ(init().settings(), Init::OUTCOME_KEPT);
  EXPECT_THAT(error_of(ErrorKind::precondition, [&] { init(true); }), HasSubstr("no regular file"));
  EXPECT_EQ(read_file(elsewhere / "file"), "mine\n");
}

TEST_F(InitTest, OutsideOfARepositoryThereIsNothingToBegin) {
  error_of(ErrorKind::not_found, [&] { init_repository(repository_.outside(), false, "", "20261126-204800"); });
}

}  // namespace
}  // namespace fanout::editing
