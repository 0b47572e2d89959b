// The client's side of the recorded ACP dialogues: what it writes, in order, against what was written then.
#include <gmock/gmock.h>

#include <algorithm>
#include <deque>

#include "server/agent/acp.hpp"
#include "support.hpp"

namespace fanout::agent::test {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

AcpOptions options_of(const std::vector<Spoken>& spoken) {
  AcpOptions options;
  options.worktree = kWorktree;
  options.host_files = false;  // as the recorded client
  options.host_terminals = false;
  for (const auto& line : spoken) {
    const auto method = text_at(line.message, "method");
    if (!line.by_us || method.empty()) continue;
    const auto& params = line.message.at("params");
    if (method == "session/prompt")
      options.prompt = std::string(text_at(params.at("prompt").as_array().at(0), "text"));
    if (method == "session/set_mode") options.mode = std::string(text_at(params, "modeId"));
  }
  return options;
}

/// How the recording went on after the adapter's lines; what it asked is answered as then.
class Playing {
 public:
  explicit Playing(const std::string& name) : spoken_(dialogue(name)), acp_(options_of(spoken_)) {
    take(acp_.start());
    for (const auto& line : spoken_) line.by_us ? compare(line.message) : take(acp_.feed(line.line));
    EXPECT_THAT(written_, IsEmpty());
  }

  const std::vector<Activity>& activities() const { return activities_; }
  bool idle() const { return idle_; }

 private:
  void take(Output out) {
    std::string_view rest = out.write;
    while (!rest.empty()) {
      written_.push_back(parse_json(rest.substr(0, rest.find('\n'))).value());
      rest.remove_prefix(rest.find('\n') + 1);
    }
    idle_ = out.idle;
    for (auto& activity : out.activities) {
      activities_.push_back(activity);
      if (!activity.has_permission()) continue;
      Answer answer;
      answer.id = activity.permission().id();
      answer.allow = true;
      take(acp_.answer(answer));
    }
    for (auto& request : out.requests) take(acp_.respond({request.id, HostDone{}}));
  }

  void compare(const json::value& recorded) {
    ASSERT_FALSE(written_.empty()) << "nothing was written where the recording has " << recorded;
    auto ours = written_.front();
    written_.pop_front();
    if (text_at(recorded, "method") == "initialize") {  // who we are differs
      ours.at("params").at("clientInfo") = recorded.at("params").at("clientInfo");
      ours.at("params").at("clientCapabilities").as_object().erase("elicitation");
    }
    EXPECT_EQ(ours, recorded);
  }

  std::vector<Spoken> spoken_;
  Acp acp_;
  std::deque<json::value> written_;
  std::vector<Activity> activities_;
  bool idle_ = false;
};

class AcpRecording : public testing::TestWithParam<std::string> {};

TEST_P(AcpRecording, IsSpokenAsByTheRecordedClient) {
  const Playing playing(GetParam());
  EXPECT_TRUE(playing.idle());
  EXPECT_EQ(playing.activities().back().result().outcome(), fanout::v1::AgentResult::OUTCOME_SUCCEEDED);
  for (const auto& activity : playing.activities())
    EXPECT_FALSE(activity.has_raw()) << activity.ShortDebugString();
}

INSTANTIATE_TEST_SUITE_P(Acp, AcpRecording,
                         testing::Values("acp-claude-acp", "acp-claude-acp-allow", "acp-codex-acp",
                                         "acp-codex-acp-allow", "acp-gemini-acp", "acp-gemini-acp-allow",
                                         "acp-opencode-acp", "acp-opencode-acp-allow"),
                         [](const auto& param) {
                           auto name = param.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return std::string(name);
                         });

TEST(AcpRecordings, OfClaudeTellCallsOnceWithTheirChanges) {
  const auto all = told(Playing("acp-claude-acp").activities());
  EXPECT_EQ(std::count(all.begin(), all.end(), "tool Write hello.txt (EDIT)"), 1);
  EXPECT_THAT(all, Contains("change hello.txt ADDED +1 -0"));
  EXPECT_THAT(all, Contains("answer yes: Allow"));
  EXPECT_THAT(all, Contains(HasSubstr("tool failed: <tool_use_error>File has not been read yet.")));
}

TEST(AcpRecordings, OfOpencodeTellCallsOnceWithTheirChanges) {
  const auto all = told(Playing("acp-opencode-acp").activities());
  EXPECT_EQ(std::count(all.begin(), all.end(), "tool edit README.md (EDIT)"), 1);
  EXPECT_EQ(std::count_if(all.begin(), all.end(),
                          [](const auto& line) { return line.starts_with("tool git add"); }),
            1);
  EXPECT_THAT(all, Contains("change hello.txt ADDED +1 -0"));
  EXPECT_THAT(all, Contains("change README.md MODIFIED +1 -1"));
  EXPECT_THAT(all, Contains(HasSubstr("&& git log --oneline -1 -> 0")));
}

TEST(AcpRecordings, OfGeminiTellACallFirstWhereItIsAskedFor) {
  const auto all = told(Playing("acp-gemini-acp").activities());
  EXPECT_EQ(std::count(all.begin(), all.end(), "tool Writing to hello.txt (EDIT)"), 1);
  EXPECT_THAT(all, Contains("asks for Writing to hello.txt"));
  EXPECT_THAT(all, Contains("change README.md MODIFIED +1 -1"));
}

TEST(AcpRecordings, OfCodexTellCommandsWithoutTheirShell) {
  const auto all = told(Playing("acp-codex-acp-allow").activities());
  EXPECT_THAT(all, Contains("ran touch made-by-shell -> 0"));
}

}  // namespace
}  // namespace fanout::agent::test
