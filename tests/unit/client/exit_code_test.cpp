#include <gtest/gtest.h>

#include "client/call_failed.hpp"
#include "tests/unit/client/run_builder.hpp"

namespace fanout::client::test {
namespace {

namespace v1 = fanout::v1;

TEST(ExitCodeOfARun, IsZeroWhenEveryTaskCompletedOrWasSkipped) {
  RunBuilder run;
  EXPECT_EQ(exit_code_of(run.get()), kExitTasksFailed) << "nothing came of it";
  run.task("a", v1::PHASE_COMPLETED);
  run.task("b", v1::PHASE_SKIPPED);
  EXPECT_EQ(exit_code_of(run.get()), kExitOk);
}

TEST(ExitCodeOfARun, IsOneWhenAnyTaskDidNot) {
  for (const auto phase : {v1::PHASE_FAILED, v1::PHASE_BLOCKED, v1::PHASE_CANCELLED, v1::PHASE_INTERRUPTED}) {
    RunBuilder run;
    run.task("a", v1::PHASE_COMPLETED);
    run.task("b", phase);
    EXPECT_EQ(exit_code_of(run.get()), kExitTasksFailed) << phase;
  }
}

TEST(ExitCodeOfAFailure, TellsTheUsersFaultFromTheDaemonsAbsence) {
  EXPECT_EQ(exit_code_of(ErrorKind::invalid_input), kExitUsage);
  EXPECT_EQ(exit_code_of(ErrorKind::unavailable), kExitUnreachable);
  EXPECT_EQ(exit_code_of(ErrorKind::timed_out), kExitUnreachable);
  EXPECT_EQ(exit_code_of(ErrorKind::not_found), kExitTasksFailed);
  EXPECT_EQ(exit_code_of(ErrorKind::precondition), kExitTasksFailed);
  EXPECT_EQ(exit_code_of(ErrorKind::system), kExitTasksFailed);
}

}  // namespace
}  // namespace fanout::client::test
