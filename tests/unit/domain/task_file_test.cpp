#include "server/domain/plan/task_file.hpp"

#include <gtest/gtest.h>

namespace fanout::domain {
namespace {

TEST(WithStatus, ChangesThatValueAndNotAByteMore) {
  EXPECT_EQ(with_status("---\r\nid: a\r\nstatus:   pending   # why\r\nx: y\r\n---\r\nstatus: pending\r\n",
                        TaskStatus::in_progress),
            "---\r\nid: a\r\nstatus:   in_progress   # why\r\nx: y\r\n---\r\nstatus: pending\r\n");
  EXPECT_EQ(with_status("---\nstatus: \"pending\"\n---\n", TaskStatus::blocked),
            "---\nstatus: blocked\n---\n");
  EXPECT_EQ(with_status("---\nstatus:\n---\n", TaskStatus::blocked), "---\nstatus: blocked\n---\n");
}

TEST(WithStatus, LeavesFilesAloneThatHaveNoSuchLineOrSaySoAlready) {
  EXPECT_EQ(with_status("# title\nstatus: pending\n", TaskStatus::blocked), std::nullopt);
  EXPECT_EQ(with_status("---\nid: a\n---\nstatus: pending\n", TaskStatus::blocked), std::nullopt);
  EXPECT_EQ(with_status("---\nstatus: blocked\n---\n", TaskStatus::blocked), std::nullopt);
  EXPECT_EQ(with_status("---\nstatus: pending\n", TaskStatus::blocked), std::nullopt) << "never closed";
  EXPECT_EQ(with_status("---\nnested:\n  status: pending\n---\n", TaskStatus::blocked), std::nullopt);
}

TEST(WithStatus, TakesAQuotedValueWhole) {
  EXPECT_EQ(with_status("---\nstatus: \"in progress\" # why\n---\n", TaskStatus::completed),
            "---\nstatus: completed # why\n---\n");
  EXPECT_EQ(with_status("---\nstatus: 'pending'\n---\n", TaskStatus::pending), std::nullopt);
}

TEST(WithStatus, LeavesValuesAloneThatAreMoreThanAWord) {
  for (const char* text : {"---\nstatus: >-\n  pending\n---\n", "---\nstatus: pending\n  still\n---\n",
                           "---\nstatus: &s pending\n---\n", "---\nstatus: in progress\n---\n",
                           "---\nstatus:pending\n---\n", "---\nstatus: 'it''s'\n---\n",
                           "---\nstatus: \"pending\"# why\n---\n", "---\nstatus: \"pending\n---\n"}) {
    EXPECT_EQ(with_status(text, TaskStatus::completed), std::nullopt) << text;
  }
}

TEST(WithStatus, KeepsByteOrderMarkAndAMissingLastLineEnd) {
  EXPECT_EQ(with_status("\xEF\xBB\xBF---\nstatus: pending\n---", TaskStatus::completed),
            "\xEF\xBB\xBF---\nstatus: completed\n---");
}

TEST(CutTaskFile, TellsWhereTheBodyBegins) {
  const auto cut = cut_task_file("---\nid: a\n---\n# T\n---\nx\n");
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->front_matter, "id: a\n");
  EXPECT_EQ(cut->front_line, 2u);
  EXPECT_EQ(cut->body, "# T\n---\nx\n");
  EXPECT_FALSE(cut_task_file("---\nid: a\n"));
  EXPECT_EQ(cut_task_file("# T\n")->front_line, 0u);
}

}  // namespace
}  // namespace fanout::domain
