#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/redact.hpp"
#include "server/github/describe.hpp"
#include "server/github/marker.hpp"

namespace fanout::github {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const Marker kMarker{"first-steps-vy8q", "readme", "0b9f4d3e-1c1f-4a34-8f57-1c0ab5e2a111"};
const std::string kToken = "ghp_0123456789012345678901234567890123456789";

TaskInfo task() {
  TaskInfo info;
  info.run_id = "first-steps-vy8q";
  info.run_name = "First steps";
  info.task_id = "readme";
  info.title = "Add a README";
  info.description = "Write README.md.";
  info.plan = ".parallel/plans/plan.yaml";
  info.files = {"README.md"};
  info.tests = {"make check"};
  info.criteria = {"It says what the project is for"};
  info.worktree = "worktrees/readme";
  info.branch = "feature/readme";
  return info;
}

TEST(Marker, IsFoundAgain) {
  EXPECT_EQ(marker_text(kMarker), "<!-- fanout: first-steps-vy8q/readme 0b9f4d3e-1c1f-4a34-8f57-1c0ab5e2a111 -->");
  EXPECT_THAT(find_markers("text\n" + marker_text(kMarker) + "\n"), ElementsAre(kMarker));
  EXPECT_TRUE(is_marked(marker_text(kMarker), kMarker.uuid));
  EXPECT_FALSE(is_marked(marker_text(kMarker), "another"));
}

TEST(Marker, NamesCannotBreakOutOfIt) {
  const Marker odd{"a/b --> <b>", "c d--e\n", "u"};
  const auto text = marker_text(odd);
  EXPECT_EQ(text.find("-->"), text.size() - 3);
  EXPECT_THAT(find_markers(text), ElementsAre(odd));
}

TEST(Marker, WhatOnlyLooksLikeOneIsPassedOver) {
  EXPECT_TRUE(find_markers("<!-- fanout: nonsense -->").empty());
  EXPECT_TRUE(find_markers("<!-- fanout: a/b c").empty());
  EXPECT_TRUE(find_markers("<!-- fanout: / -->").empty());
  EXPECT_THAT(find_markers("<!-- fanout: x --> " + marker_text(kMarker)), ElementsAre(kMarker));
}

TEST(IssueBody, HasWhatTheTaskSays) {
  const auto body = issue_body(task(), kMarker);
  for (const char* part : {"Write README.md.", "- `README.md`", "- make check", "- [ ] It says what", "| Branch | `feature/readme` |",
                           "| Worktree | `worktrees/readme` |", "| Plan | `.parallel/plans/plan.yaml` |"}) {
    EXPECT_THAT(body, HasSubstr(part));
  }
  EXPECT_THAT(find_markers(body), ElementsAre(kMarker));
}

TEST(IssueBody, IsCutToWhatGithubTakesAndKeepsItsMarker) {
  auto info = task();
  info.description = std::string(70'000, 'x');
  info.criteria.assign(200, std::string(290, 'y'));
  const auto body = issue_body(info, kMarker);
  EXPECT_LE(body.size(), kMostBody);
  EXPECT_THAT(body, HasSubstr("cut here"));
  EXPECT_THAT(find_markers(body), ElementsAre(kMarker));
}

TEST(Title, IsOneLineOfAtMost256Characters) {
  EXPECT_EQ(title_of("Fix\nit"), title_of("Fix it"));
  EXPECT_EQ(title_of(std::string(256, 'a')), std::string(256, 'a'));
  EXPECT_EQ(title_of(std::string(257, 'a')), std::string(255, 'a') + "…");
  EXPECT_EQ(title_of(""), "(no title)");
  std::string faces;
  for (int i = 0; i < 200; ++i) faces += "😀";
  const auto cut = title_of(faces);
  EXPECT_THAT(cut, EndsWith("😀…"));
  EXPECT_EQ(cut.size(), 127 * 4 + 3u);
}

TEST(ProgressBody, ShowsWhereTheTaskIs) {
  Progress progress;
  progress.phase = "gates";
  progress.gates = {{"tests", true, std::chrono::seconds(12)}, {"lint", false, std::chrono::seconds(3)}};
  progress.commit = "0123456789abcdef0123";
  progress.commit_summary = "feat: a | b";
  progress.problem = "gate \"lint\" failed";
  progress.output_name = "gate lint";
  progress.output_tail = "line\n```\nCloses #1 @everyone\n";
  const auto body = progress_body(task(), progress, kMarker);
  EXPECT_THAT(body, StartsWith("**gates**"));
  EXPECT_THAT(body, HasSubstr("✅ `tests` 12s · ❌ `lint` 3"));
  EXPECT_THAT(body, HasSubstr("0123456789ab feat: a \\| b"));
  EXPECT_THAT(body, HasSubstr("````text\nline\n```\nCloses #1 @everyone\n````"));
  EXPECT_THAT(find_markers(body), ElementsAre(kMarker));
}

TEST(ProgressBody, OutputIsCutAndRedactedBeforeItIsCut) {
  Progress progress;
  progress.output_tail = std::string(100'000, 'a') + "\n" + kToken + "\nthe end";
  const auto body = progress_body(task(), progress, kMarker);
  EXPECT_LT(body.size(), 10'000u);
  EXPECT_THAT(body, HasSubstr("the end"));
  EXPECT_THAT(body, Not(HasSubstr("ghp_")));
}

TEST(PullRequestBody, HasTheEvidenceAndClosesTheIssue) {
  Evidence evidence;
  evidence.commits = {{"0123456789abcdef", "feat: add it"}};
  evidence.gates = {{"tests", true, std::chrono::seconds(12)}};
  evidence.agent = "claude";
  evidence.cost = "$0.42";
  const auto body = closing(17, pull_request_body(task(), evidence, kMarker));
  for (const char* part : {"Closes #17\n", "Write README.md.", "0123456789ab feat: add it", "`tests` 12s", "claude", "$0.42"}) {
    EXPECT_THAT(body, HasSubstr(part));
  }
  EXPECT_THAT(pull_request_body(task(), evidence, kMarker), Not(HasSubstr("Closes")));
}

TEST(Labels, AreOursAndTheTasksEachOnce) {
  auto info = task();
  info.labels = {"docs", "auto-created", " ", "docs"};
  EXPECT_THAT(labels_of(info), ElementsAre("parallel-execution", "auto-created", "docs"));
}

TEST(Redaction, HidesWhatLooksLikeASecret) {
  EXPECT_EQ(redacted("a " + kToken + " b"), "a [redacted] b");
  EXPECT_EQ(redacted("token=" + kToken), "token=[redacted]");
  EXPECT_EQ(redacted("github_pat_11ABCDEFG0123456789abcd_xyz."), "[redacted].");
  EXPECT_EQ(redacted("https://x-access-token:abc@github.com/a"), "https://[redacted]@github.com/a");
  EXPECT_EQ(redacted("authorization: Bearer abc\nnext"), "authorization: [redacted]\nnext");
  EXPECT_EQ(redacted("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\nx"), "[redacted]\nx");
  EXPECT_EQ(redacted("-----BEGIN RSA PRIVATE KEY-----\nabc"), "[redacted]");
  const std::vector<std::string> secrets = {"hunter22"};
  EXPECT_EQ(redacted("my hunter22!", secrets), "my [redacted]!");
}

TEST(Redaction, LeavesTheRestAlone) {
  for (const char* text : {"https://github.com/a/b", "mail me@example.com", "ghp_short", "task-0123456789012345678901234567890",
                           "disk-full", "-----BEGIN CERTIFICATE-----\nabc", "", "authorization:"}) {
    EXPECT_EQ(redacted(text), text);
  }
}

}  // namespace
}  // namespace fanout::github
