#include "client/render/diagnostics.hpp"

#include <gtest/gtest.h>

namespace fanout::client::test {
namespace {

namespace v1 = fanout::v1;

v1::Diagnostic fault(const std::string& file, unsigned line, unsigned column) {
  v1::Diagnostic one;
  one.set_severity(v1::Diagnostic::SEVERITY_ERROR);
  one.set_file(file);
  one.set_line(line);
  one.set_column(column);
  one.set_message("no such task");
  return one;
}

std::string line_of(const v1::Diagnostic& one) { return diagnostic_line(one, "/home/me", {}); }

TEST(DiagnosticLine, IsWhatEditorsAndPeopleKnowFromCompilers) {
  EXPECT_EQ(line_of(fault("/home/me/plans/plan.yaml", 17, 5)), "plans/plan.yaml:17:5: error: no such task");
  EXPECT_EQ(line_of(fault("/home/me/plan.yaml", 17, 0)), "plan.yaml:17: error: no such task");
  EXPECT_EQ(line_of(fault("/home/me/plan.yaml", 0, 0)), "plan.yaml: error: no such task");
  EXPECT_EQ(line_of(fault("", 0, 0)), "fanout: error: no such task");
}

TEST(DiagnosticLine, NamesFilesElsewhereInFull) {
  EXPECT_EQ(line_of(fault("/home/melanie/plan.yaml", 1, 1)),
            "/home/melanie/plan.yaml:1:1: error: no such task");
  EXPECT_EQ(shown_path("/plan.yaml", "/"), "plan.yaml");
  EXPECT_EQ(shown_path("/home/me", "/home/me"), "/home/me");
}

TEST(DiagnosticLine, IsOneLineWithoutControlCharacters) {
  auto one = fault("/home/me/a\nb.yaml", 1, 1);
  one.set_message("bad\x1b[2J\nid");
  EXPECT_EQ(line_of(one), "a b.yaml:1:1: error: bad id");
}

TEST(DiagnosticCount, SaysHowManyOfWhichKind) {
  Diagnostics all;
  EXPECT_EQ(count_diagnostics(all), "no faults");
  *all.Add() = fault("", 0, 0);
  *all.Add() = fault("", 0, 0);
  EXPECT_EQ(count_diagnostics(all), "2 errors");
  all.Add()->set_severity(v1::Diagnostic::SEVERITY_WARNING);
  all.Add()->set_severity(v1::Diagnostic::SEVERITY_NOTE);
  EXPECT_EQ(count_diagnostics(all), "2 errors, 1 warning, 1 note");
  all.DeleteSubrange(0, 2);
  EXPECT_EQ(count_diagnostics(all), "no faults, 1 warning, 1 note");
}

}  // namespace
}  // namespace fanout::client::test
