#include "server/editing/add_tasks.hpp"

#include "server/planning/planner.hpp"
#include "tests/unit/git/helpers.hpp"

namespace fanout::editing {
namespace {

namespace fs = std::filesystem;
using git::error_of;
using test::read_file;
using test::write_file;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A plan in a repository.
class AddTasks : public testing::Test {
 protected:
  AddTasks() { write("metadata: {name: x}\n# kept\ntasks:\n  - {id: first, prompt: go}\n"); }

  void write(const std::string& text) { write_file(plan_, text); }
  domain::LoadedPlan load() const { return read_plan(plan_); }
  v1::AddedTask add(const WantedTask& task) { return add_tasks(plan_, {task}).tasks.at(0); }
  fs::path task_file(const std::string& id) const { return plan_.parent_path() / "tasks" / (id + ".md"); }
  /// The message; and nothing has changed.
  std::string refused(ErrorKind kind, const WantedTask& task) {
    const auto before = read_file(plan_);
    const auto message = error_of(kind, [&] { add(task); });
    EXPECT_EQ(read_file(plan_), before);
    EXPECT_FALSE(fs::exists(plan_.parent_path() / "tasks"));
    return message;
  }

  test::GitSandbox repository_;
  const fs::path plan_ = repository_.root() / ".parallel/plans/plan.yaml";
};

WantedTask titled(const std::string& title) {
  WantedTask task;
  task.title = title;
  return task;
}

TEST_F(AddTasks, ATaskIsAFileAndAnEntry) {
  repository_.commit_file("src/a.cpp", "");
  auto wanted = titled("Store sessions");
  wanted.dependencies = {"first"};
  wanted.files = {"src/a.cpp", "./src/new.cpp"};
  wanted.priority = "high";
  wanted.prompt = "Keep them in the database.\n";
  const auto added = add(wanted);
  EXPECT_EQ(added.id(), "store-sessions");
  EXPECT_EQ(read_file(added.file()),
            "---\nid: \"store-sessions\"\npriority: high\nstatus: pending\ndependencies: [\"first\"]\n---\n\n# Store sessions\n\n"
            "## Objective\n\nKeep them in the database.\n\n## Files to Touch\n\n**Create:**\n- `src/new.cpp`\n\n**Modify:**\n- `src/a.cpp`\n");
  const auto loaded = load();
  ASSERT_THAT(loaded.diagnostics, IsEmpty());
  const auto& task = loaded.plan.tasks.at(1);
  EXPECT_EQ(task.title, "Store sessions");
  EXPECT_EQ(task.objective, "Keep them in the database.");
  EXPECT_EQ(task.priority, domain::Priority::high);
  EXPECT_THAT(task.dependencies, ElementsAre("first"));
  EXPECT_THAT(task.create, ElementsAre("src/new.cpp"));
  EXPECT_THAT(task.modify, ElementsAre("src/a.cpp"));
}

TEST_F(AddTasks, APromptWithSectionsIsTheBody) {
  auto wanted = titled("Sections");
  wanted.prompt = "## Objective\n\nX.\n\n## Acceptance Criteria\n\n- [ ] it works\n";
  add(wanted);
  const auto task = load().plan.tasks.at(1);
  EXPECT_EQ(task.objective, "X.");
  EXPECT_THAT(task.acceptance, ElementsAre("it works"));
}

TEST_F(AddTasks, IdsThatAreMadeFromTitlesAreFree) {
  EXPECT_EQ(add(titled("First")).id(), "first-2");
  EXPECT_EQ(add(titled("First")).id(), "first-3");
  write_file(task_file("other"), "mine\n");
  EXPECT_EQ(add(titled("Other")).id(), "other-2");
  EXPECT_EQ(read_file(task_file("other")), "mine\n");
}

TEST_F(AddTasks, WhatCannotBeIsRefusedAndNothingIsChanged) {
  auto wanted = titled("x");
  wanted.id = "FIRST";
  EXPECT_THAT(refused(ErrorKind::already_there, wanted), HasSubstr("line 4"));
  wanted.id = "../x";
  EXPECT_THAT(refused(ErrorKind::invalid_input, wanted), HasSubstr("cannot be the name of a folder"));
  wanted.id = "x";
  wanted.dependencies = {"frist"};
  EXPECT_THAT(refused(ErrorKind::invalid_input, wanted), HasSubstr("did you mean first?"));
  wanted.dependencies = {"x"};
  EXPECT_THAT(refused(ErrorKind::invalid_input, wanted), HasSubstr("cannot depend on itself"));
  wanted.dependencies = {};
  wanted.priority = "urgent";
  EXPECT_THAT(refused(ErrorKind::invalid_input, wanted), HasSubstr("blocker, high, medium, low"));
  wanted.priority = "";
  for (const char* file : {"/etc/passwd", "../x", "a`b", "a\nb", ""}) {
    wanted.files = {file};
    EXPECT_THAT(refused(ErrorKind::invalid_input, wanted), HasSubstr("within the repository")) << file;
  }
  wanted.files = {"a"};
  wanted.prompt = "```\nnever closed";
  EXPECT_THAT(refused(ErrorKind::invalid_input, wanted), HasSubstr("code fence"));
  EXPECT_THAT(refused(ErrorKind::invalid_input, titled(" \n")), HasSubstr("title"));
}

TEST_F(AddTasks, ACycleIsRefusedAndNothingIsChanged) {
  write("tasks:\n  - {id: first, prompt: go, dependencies: [second]}\n");
  auto wanted = titled("Second");
  wanted.dependencies = {"first"};
  const auto before = read_file(plan_);
  try {
    add(wanted);
    FAIL();
  } catch (const planning::PlanFaultsError& faults) {
    ASSERT_EQ(faults.diagnostics.size(), 1u);
    EXPECT_THAT(faults.diagnostics[0].message, HasSubstr("wait for each other"));
    EXPECT_THAT(faults.what(), HasSubstr("nothing was changed"));
  }
  EXPECT_EQ(read_file(plan_), before);
  EXPECT_FALSE(fs::exists(task_file("second")));
}

TEST_F(AddTasks, TheTaskThatAPlanLacksMendsIt) {
  write("tasks:\n  - {id: first, prompt: go, dependencies: [second]}\n");
  add(titled("Second"));
  EXPECT_TRUE(load().ok());
}

TEST_F(AddTasks, FaultsThatWereThereAreToldWithTheirPlace) {
  write("tasks:\n  - {id: first, prompt: go}\ngates: 7.5.x: y\n");
  EXPECT_THROW(add(titled("x")), planning::PlanFaultsError);
  write("tasks:\n  - {id: first, prompt: go}\nmax_parallel: many\n");
  try {
    add(titled("x"));
    FAIL();
  } catch (const planning::PlanFaultsError& faults) {
    ASSERT_FALSE(faults.diagnostics.empty());
    EXPECT_EQ(faults.diagnostics[0].place.line, 3u) << "as it is on the disk";
  }
}

TEST_F(AddTasks, AFolderThatLeadsElsewhereIsNotWrittenInto) {
  const auto elsewhere = repository_.outside() / "elsewhere";
  fs::create_directories(elsewhere);
  fs::create_directory_symlink(elsewhere, plan_.parent_path() / "tasks");
  const auto before = read_file(plan_);
  EXPECT_THAT(error_of(ErrorKind::precondition, [&] { add(titled("x")); }), HasSubstr("by a link"));
  EXPECT_EQ(read_file(plan_), before);
  EXPECT_TRUE(fs::is_empty(elsewhere));
}

TEST_F(AddTasks, APlanThatIsALinkStaysOneAndKeepsItsPermissions) {
  const auto real = repository_.root() / "real.yaml";
  fs::rename(plan_, real);
  fs::permissions(real, fs::perms(0640));
  fs::create_symlink(real, plan_);
  add(titled("x"));
  EXPECT_TRUE(fs::is_symlink(plan_));
  EXPECT_EQ(fs::status(real).permissions(), fs::perms(0640));
  EXPECT_EQ(load().plan.tasks.size(), 2u);
}

TEST_F(AddTasks, WhereThereIsNoPlanOneIsAskedFor) {
  fs::remove(plan_);
  EXPECT_THAT(error_of(ErrorKind::not_found, [&] { add(titled("x")); }), HasSubstr("fanout plan new"));
}

TEST_F(AddTasks, ANewPlanIsNamedAfterTheRepositoryAndNeverReplacesOne) {
  const auto other = repository_.root() / "plans/deep/other.yaml";
  EXPECT_EQ(new_plan(other, "", "20261126-204800"), repository_.root().filename().string());
  EXPECT_EQ(add_tasks(other, {titled("x")}).tasks.size(), 1u);
  const auto before = read_file(other);
  EXPECT_THAT(error_of(ErrorKind::already_there, [&] { new_plan(other, "y", "20261126-204800"); }), HasSubstr("is there already"));
  EXPECT_EQ(read_file(other), before);
}

}  // namespace
}  // namespace fanout::editing
