#include <gmock/gmock.h>
#include <stdlib.h>

#include <fstream>

#include "client/plan_request.hpp"
#include "common/error.hpp"

namespace fanout::client::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class FindPlan : public testing::Test {
 protected:
  FindPlan() {
    std::string pattern = (fs::temp_directory_path() / "fanout-client-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~FindPlan() override { fs::remove_all(folder_); }

  void make(const fs::path& file) {
    fs::create_directories((folder_ / file).parent_path());
    std::ofstream(folder_ / file) << "tasks: []\n";
  }

  fs::path folder_;
};

TEST_F(FindPlan, TakesTheUsualPlacesWhenNoneIsNamed) {
  make("plan.yaml");
  EXPECT_EQ(find_plan("", folder_), folder_ / "plan.yaml");
  make(".parallel/plans/plan.yaml");
  EXPECT_EQ(find_plan("", folder_), folder_ / ".parallel/plans/plan.yaml");
}

TEST_F(FindPlan, SaysSoWhenThereIsNone) {
  try {
    find_plan("", folder_);
    FAIL() << "no plan was found where none is";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid_input);
    EXPECT_THAT(error.what(), HasSubstr(".parallel/plans/plan.yaml"));
  }
}

TEST_F(FindPlan, ReadsAFolderAsItsPlan) {
  make("some/plan.yaml");
  EXPECT_EQ(find_plan("some", folder_), folder_ / "some/plan.yaml");
  EXPECT_EQ(find_plan("some/", folder_), folder_ / "some/plan.yaml");
  EXPECT_EQ(find_plan(".", folder_ / "some"), folder_ / "some/plan.yaml");
}

TEST_F(FindPlan, MakesPathsAbsoluteAndLeavesMissingFilesToTheDaemon) {
  EXPECT_EQ(find_plan("./nothing.yaml", folder_), folder_ / "nothing.yaml");
  EXPECT_EQ(find_plan("/else/where.yaml", folder_), "/else/where.yaml");
}

TEST_F(FindPlan, FollowsALinkBeforeItClimbs) {
  make("real/deep/x");
  make("real/plan.yaml");
  fs::create_directory_symlink(folder_ / "real/deep", folder_ / "link");
  EXPECT_EQ(find_plan("link/../plan.yaml", folder_), fs::canonical(folder_) / "real/plan.yaml");
}

TEST(Overrides, HoldWhatWasTypedAndNothingElse) {
  EXPECT_EQ(overrides_of({}).ByteSizeLong(), 0u);
  PlanOptions options;
  options.timeout = "1h30m";
  options.push = false;
  options.max_parallel = 3;
  options.retries = 0;
  options.no_write_status = true;
  const auto overrides = overrides_of(options);
  EXPECT_EQ(overrides.timeout().seconds(), 5400);
  EXPECT_TRUE(overrides.has_push());
  EXPECT_FALSE(overrides.push());
  EXPECT_EQ(overrides.max_parallel(), 3u);
  EXPECT_TRUE(overrides.has_retries());
  EXPECT_TRUE(overrides.has_write_status());
  EXPECT_FALSE(overrides.write_status());
}

TEST(Overrides, RefuseATimeoutThatIsNone) {
  for (const auto* text : {"soon", "-1s", "0", "5x"}) {
    PlanOptions options;
    options.timeout = text;
    EXPECT_THROW(overrides_of(options), Error) << text;
  }
}

}  // namespace
}  // namespace fanout::client::test
