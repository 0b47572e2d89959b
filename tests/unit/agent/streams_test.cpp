// What holds for every adapter and every recording.
#include <gmock/gmock.h>

#include <algorithm>

#include "support.hpp"

namespace fanout::agent::test {
namespace {

std::vector<std::string> as_bytes(const std::vector<Activity>& activities) {
  std::vector<std::string> all;
  for (const auto& activity : activities) all.push_back(activity.SerializeAsString());
  return all;
}

void take(Output out, std::vector<Activity>& activities, std::string& written) {
  for (auto& activity : out.activities) activities.push_back(std::move(activity));
  written += out.write;
}

/// Fed in two pieces, cut at `cut`.
std::pair<std::vector<std::string>, std::string> fed(const std::string& name, const std::string& bytes,
                                                     std::size_t cut) {
  const auto adapter = adapter_for(name);
  std::vector<Activity> activities;
  std::string written;
  take(adapter->start(), activities, written);
  take(adapter->feed(std::string_view(bytes).substr(0, cut)), activities, written);
  take(adapter->feed(std::string_view(bytes).substr(cut)), activities, written);
  take(adapter->finish(), activities, written);
  return {as_bytes(activities), written};
}

class EveryRecording : public testing::TestWithParam<std::string> {};

TEST_P(EveryRecording, GivesTheSameWhereverItIsCut) {
  const auto bytes = agent_bytes(GetParam());
  const auto whole = fed(GetParam(), bytes, bytes.size());
  // Every byte of the short ones; of the others some 500 places, for it takes time with the square of their length.
  const auto step = std::max<std::size_t>(1, bytes.size() / 500);
  for (std::size_t cut = 0; cut < bytes.size(); cut += step) {
    ASSERT_TRUE(fed(GetParam(), bytes, cut) == whole) << "cut at byte " << cut;
  }
  for (auto end = bytes.find('\n'); end != std::string::npos; end = bytes.find('\n', end + 1)) {
    ASSERT_TRUE(fed(GetParam(), bytes, end) == whole) << "cut before the line end at " << end;
    ASSERT_TRUE(fed(GetParam(), bytes, end + 1) == whole) << "cut after the line end at " << end;
  }
}

TEST_P(EveryRecording, GivesTheSameByteByByte) {
  const auto bytes = agent_bytes(GetParam());
  const auto adapter = adapter_for(GetParam());
  std::vector<Activity> activities;
  std::string written;
  take(adapter->start(), activities, written);
  for (const char& byte : bytes) take(adapter->feed({&byte, 1}), activities, written);
  take(adapter->finish(), activities, written);
  EXPECT_TRUE(std::pair(as_bytes(activities), written) == fed(GetParam(), bytes, bytes.size()));
}

TEST_P(EveryRecording, SurvivesEveryLineCutShort) {
  const auto bytes = agent_bytes(GetParam());
  for (const std::size_t lost : {1U, 7U, 60U}) {
    const auto adapter = adapter_for(GetParam());
    adapter->start();
    std::size_t told = 0;
    for (std::size_t begin = 0; begin < bytes.size();) {
      const auto end = std::min(bytes.find('\n', begin), bytes.size());
      told += adapter->feed(bytes.substr(begin, end - begin - std::min(lost, end - begin)) + "\n")
                  .activities.size();
      begin = end + 1;
    }
    EXPECT_GT(told, 0U);  // at least as raw
  }
}

TEST_P(EveryRecording, IsUnderstoodWhole) {
  const auto adapter = adapter_for(GetParam());
  adapter->start();
  for (const auto& activity : read(*adapter, agent_bytes(GetParam()))) {
    EXPECT_FALSE(activity.has_raw()) << activity.ShortDebugString();
  }
}

INSTANTIATE_TEST_SUITE_P(Streams, EveryRecording, testing::ValuesIn(recordings()), [](const auto& param) {
  auto name = param.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace fanout::agent::test
