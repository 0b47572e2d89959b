#include "client/render/json.hpp"

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>

#include "tests/unit/client/run_builder.hpp"

namespace fanout::client::test {
namespace {

namespace v1 = fanout::v1;
using testing::HasSubstr;
using testing::Not;

TEST(Json, IsOneLineThatReadsBackAsTheSameMessage) {
  v1::Event event;
  event.set_run_id("r");
  event.set_sequence(12345678901234567890u);
  *event.mutable_time() = stamp(1.5);
  event.set_task_id("one\ntwo \"three\" \u2028");
  event.mutable_output()->add_lines()->set_text("漢字\t\x01");
  const auto json = to_json(event);
  EXPECT_EQ(json.find('\n'), std::string::npos);
  v1::Event back;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json, &back).ok());
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(event, back)) << json;
}

TEST(Json, FollowsTheProto3MappingAndNamesEveryPlainField) {
  auto run = example();
  const auto json = to_json(run);
  EXPECT_THAT(json, HasSubstr("\"taskId\":\"readme\""));
  EXPECT_THAT(json, HasSubstr("\"phase\":\"PHASE_COMPLETED\""));
  EXPECT_THAT(json, HasSubstr("\"startedAt\":\"2023-11-14T22:13:20Z\""));
  EXPECT_THAT(json, HasSubstr("\"reason\":\"\""));
  EXPECT_THAT(json, HasSubstr("\"push\":false"));
}

TEST(Json, LeavesOutWhatIsUnset) {
  v1::GateResult gate;
  EXPECT_THAT(to_json(gate), HasSubstr("\"passed\":false"));
  EXPECT_THAT(to_json(gate), Not(HasSubstr("exitCode")));
  gate.set_exit_code(0);
  EXPECT_THAT(to_json(gate), HasSubstr("\"exitCode\":0"));
}

}  // namespace
}  // namespace fanout::client::test
