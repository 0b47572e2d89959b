// What is looked at before a branch leaves: each of its own commits, and no line of anybody else's.
#include "server/git/outgoing.hpp"

#include "tests/unit/git/helpers.hpp"

namespace fanout::git {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class OutgoingTest : public ::testing::Test {
 protected:
  OutgoingTest() {
    base_ = sandbox_.commit_file("old", "one\nSECRET of old\nthree\n");
    sandbox_.add_bare_remote();
    sandbox_.git({"checkout", "--quiet", "-b", "work"});
  }

  std::vector<std::string> faults(std::uint64_t largest = 0, std::size_t most = 20) {
    const OutgoingRules rules{largest, [](std::string_view text) {
                                std::vector<SecretFound> found;
                                for (auto at = text.find("SECRET"); at != text.npos; at = text.find("SECRET", at + 1)) {
                                  found.push_back({at, 6, "a word", true});
                                }
                                return found;
                              }};
    std::vector<std::string> told;
    for (const auto& fault : faults_in_outgoing(sandbox_.root(), "origin", base_, "work", rules, {}, most)) {
      told.push_back(fault.file + ":" + std::to_string(fault.line) + " " + fault.what);
    }
    return told;
  }

  GitSandbox sandbox_;
  std::string base_;
};

TEST_F(OutgoingTest, LinesThatAreAddedAndMessagesAreSearched) {
  sandbox_.commit_file("old", "zero\none\nSECRET of old\nthree\nfour\na SECRET\n", "a message");
  sandbox_.commit_file("new", "SECRET\n\nSECRET\n", "a SECRET message");
  EXPECT_THAT(faults(), ElementsAre("old:6 holds a word", ":0 holds a word", "new:1 holds a word", "new:3 holds a word"));
  EXPECT_THAT(faults(0, 2), ElementsAre("old:6 holds a word", ":0 holds a word"));
}

TEST_F(OutgoingTest, WhatALaterCommitTakesOutIsPushedAllTheSame) {
  sandbox_.commit_file("new", "SECRET\n");
  sandbox_.git({"rm", "--quiet", "new"});
  sandbox_.git({"commit", "--quiet", "-m", "gone"});
  EXPECT_THAT(faults(), ElementsAre("new:1 holds a word"));
}

TEST_F(OutgoingTest, WhatTheRemoteHasAlreadyIsNobodysBusiness) {
  sandbox_.commit_file("new", "SECRET\n");
  sandbox_.git({"push", "--quiet", "origin", "work"});
  EXPECT_THAT(faults(), IsEmpty());
  sandbox_.commit_file("more", "SECRET\n");
  EXPECT_THAT(faults(), ElementsAre("more:1 holds a word"));
}

TEST_F(OutgoingTest, OfAMergeOnlyWhatNoParentHasCounts) {
  sandbox_.git({"checkout", "--quiet", "-b", "other", base_});
  sandbox_.commit_file("theirs", "SECRET\n");
  sandbox_.git({"push", "--quiet", "origin", "other"});
  sandbox_.git({"checkout", "--quiet", "work"});
  sandbox_.commit_file("ours", "x\n");
  sandbox_.git({"merge", "--quiet", "--no-ff", "--no-commit", "other"});
  write_file(sandbox_.root() / "smuggled", "SECRET\n");
  sandbox_.git({"add", "smuggled"});
  sandbox_.git({"commit", "--quiet", "-m", "merge"});
  EXPECT_THAT(faults(), ElementsAre("smuggled:1 holds a word"));
}

TEST_F(OutgoingTest, SizesCountOfWhatIsNewAndBinaryFilesAreNotSearched) {
  sandbox_.commit_file("large", std::string(3000, 'x'));
  sandbox_.commit_file("binary", std::string("SECRET\0SECRET", 13));
  EXPECT_THAT(faults(2048), ElementsAre("large:0 has 2.9 KiB"));
  EXPECT_THAT(faults(3000), IsEmpty());
}

}  // namespace
}  // namespace fanout::git
