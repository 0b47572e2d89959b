#include "server/domain/plan/task_file.hpp"

#include <gtest/gtest.h>

namespace fanout::domain {
namespace {

TEST(WithStatus, ChangesThatValueAndNotAByteMore) {
  EXPECT_EQ(with_status("---\r\nid: a\r\nstatus:   pending   # why\r\nx: y\r\n---\r\nstatus: pending\r\n", TaskStatus::in_progress),
            "---\r\nid: a\r\nstatus:   in_progress   # why\r\nx: y\r\n---\r\nstatus: pending\r\n");
  EXPECT_EQ(with_status("---\nstatus: \"pending\"\n---\n", TaskStatus::blocked), "---\nstatus: blocked\n---\n");
  EXPECT_EQ(with_status("---\nstatus:\n---\n", TaskStatus::blocked), "---\nstatus: blocked\n---\n");
}

TEST(WithStatus, LeavesFilesAloneThatHaveNoSuchLineOrSaySoAlready) {
  EXPECT_EQ(with_status("# title\nstatus: pending\n", TaskStatus::blocked), std::nullopt);
  EXPECT_EQ(with_status("---\nid: a\n---\nstatus: pending\n", TaskStatus::blocked), std::nullopt);
  EXPECT_EQ(with_status("---\nstatus: blocked\n---\n", TaskStatus::blocked), std::nullopt);
  EXPECT_EQ(with_status("---\nstatus: pending\n", TaskStatus::blocked), std::nullopt) << "never closed";
  EXPECT_EQ(with_status("---\nnested:\n  status: pending\n---\n", TaskStatus::blocked), std::nullopt);
}

}  // namespace
}  // namespace fanout::domain
