#include <gmock/gmock.h>

#include "client/render/plan.hpp"
#include "tests/unit/client/run_builder.hpp"

namespace fanout::client::test {
namespace {

namespace v1 = fanout::v1;
using testing::HasSubstr;
using testing::Not;

v1::PlannedTask& add(v1::PlanDescription& plan, const std::string& id, unsigned wave) {
  auto& task = *plan.add_tasks();
  task.set_id(id);
  task.set_title("Do " + id);
  task.set_priority("high");
  task.set_wave(wave);
  task.set_skipped(wave == 0);
  return task;
}

v1::PlanDescription example_plan() {
  v1::PlanDescription plan;
  plan.set_name("First steps");
  plan.set_path("/home/me/project/plan.yaml");
  plan.set_overview("Three\nthings.");
  add(plan, "readme", 1);
  add(plan, "license", 1);
  add(plan, "site", 2).add_dependencies("readme");
  add(plan, "old", 0);
  plan.add_critical_path("readme");
  plan.add_critical_path("site");
  auto& risk = *plan.add_conflicts();
  risk.set_task_a("readme");
  risk.set_task_b("license");
  risk.add_files("a.txt");
  plan.set_repository("/home/me/project");
  plan.set_base("main");
  plan.set_agent("./agent.sh");
  plan.set_max_parallel(8);
  plan.add_setup("npm ci");
  auto& gate = *plan.add_gates();
  gate.set_name("unit");
  gate.set_run("npm test");
  return plan;
}

TEST(PlanPage, ShowsWavesPathRisksAndSettings) {
  EXPECT_EQ(text_of(plan_lines(example_plan(), "/home/me/project", {}, 80)),
            "First steps: 4 tasks\n"
            "Three things.\n"
            "\n"
            "Wave 1: starts at once\n"
            "  readme   high     Do readme\n"
            "  license  high     Do license\n"
            "\n"
            "Wave 2\n"
            "  site     high     Do site     after readme\n"
            "\n"
            "Skipped: completed already\n"
            "  old      high     Do old\n"
            "\n"
            "Critical path: 2 tasks\n"
            "  readme → site\n"
            "\n"
            "Conflict risks: may run at once and touch the same files\n"
            "  !  readme, license  a.txt\n"
            "\n"
            "Settings\n"
            "  plan          plan.yaml\n"
            "  repository    /home/me/project\n"
            "  base          main\n"
            "  agent         ./agent.sh\n"
            "  max parallel  8\n"
            "  setup         npm ci\n"
            "  verify        none\n"
            "  gate          unit: npm test\n");
}

TEST(PlanPage, LeavesOutWhatThereIsNot) {
  v1::PlanDescription plan;
  add(plan, "a", 1);
  plan.add_critical_path("a");
  const auto text = text_of(plan_lines(plan, "/", {}, 80));
  for (const auto* absent : {"Critical", "Conflict", "Skipped", "Wave 2"})
    EXPECT_THAT(text, Not(HasSubstr(absent)));
}

}  // namespace
}  // namespace fanout::client::test
