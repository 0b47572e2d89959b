// The plugin for Claude Code, as the real program takes it.
#include <boost/json.hpp>
#include <cstdlib>

#include "tests/agents/agents.hpp"
#include "tests/support/programs.hpp"

namespace fanout::test {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using testing::Contains;
using testing::HasSubstr;
using testing::IsSupersetOf;

class Plugin : public RealAgents {
 protected:
  /// `claude` with these words in the repository, with an empty home, the stub model, and our programs in PATH.
  Output claude(const std::vector<std::string>& words) {
    const auto bin = folder() / "node_modules/.bin";
    std::vector<std::string> all{
        "env",
        "PATH=" + built("client/fanout").parent_path().string() + ":" + bin.string() + ":" + std::getenv("PATH"),
        "HOME=" + home_.path().string(),
        "ANTHROPIC_BASE_URL=" + model_.url(),
        "ANTHROPIC_API_KEY=none",
        "CLAUDE_CODE_MAX_RETRIES=0",
        "FANOUT_SOCKET=" + daemon_->socket().string(),
        "claude"};
    all.insert(all.end(), words.begin(), words.end());
    return run_in(repository_.root(), all);
  }

  /// What it says while it does what `prompt` says, with the plugin: one object for each message.
  std::vector<json::object> ask(const std::string& prompt) {
    const auto said = claude({"-p", prompt, "--plugin-dir", FANOUT_PLUGIN, "--output-format", "stream-json",
                              "--verbose", "--allowedTools", "mcp__plugin_parallel_fanout"});
    EXPECT_EQ(said.status, 0) << said.text;
    std::vector<json::object> messages;
    for (const auto& line : lines_of(said.text)) {
      boost::system::error_code error;
      const auto value = json::parse(line, error);
      if (!error && value.is_object()) messages.push_back(value.get_object());
    }
    return messages;
  }

  static std::vector<std::string> strings(const json::value& array) {
    return json::value_to<std::vector<std::string>>(array);
  }
};

TEST_F(Plugin, ItsManifestsAreValidInTheStrictestSense) {
  FANOUT_NEEDS("claude");
  for (const auto* manifest : {"/.claude-plugin/plugin.json", "/.claude-plugin/marketplace.json"}) {
    const auto said = claude({"plugin", "validate", "--strict", FANOUT_PLUGIN + std::string(manifest)});
    EXPECT_EQ(said.status, 0) << said.text;
  }
}

TEST_F(Plugin, ItsCommandsAndToolsAreThereAndReachTheDaemon) {
  FANOUT_NEEDS("claude");
  write_file(repository_.root() / "plan.yaml", "tasks: [{id: one, prompt: go, dependencies: [nowhere]}]\n");
  const auto messages =
      ask("/parallel:status last\n@model call mcp__plugin_parallel_fanout__plan_validate {\"plan\": \"plan.yaml\"}");
  ASSERT_FALSE(messages.empty());
  const auto& init = messages.front();
  EXPECT_THAT(strings(init.at("slash_commands")),
              IsSupersetOf({"parallel:plan", "parallel:execute", "parallel:status", "parallel:cleanup"}));
  EXPECT_THAT(strings(init.at("skills")), Contains("parallel:plan-writing"));
  EXPECT_EQ(init.at("mcp_servers"),
            (json::array{json::object{{"name", "plugin:parallel:fanout"}, {"status", "connected"}}}));
  std::string rest;
  for (const auto& message : messages) rest += json::serialize(message) + "\n";
  EXPECT_THAT(rest, HasSubstr("nowhere")) << "the daemon's diagnostic, as the model got it";
}

TEST_F(Plugin, ItsSubagentTemplateIsOneThatFanoutTakes) {
  fs::create_directories(repository_.root() / ".parallel/templates");
  fs::copy_file(fs::path(FANOUT_PLUGIN) / "templates/subagent-instructions.md",
                repository_.root() / ".parallel/templates/subagent-instructions.md");
  fanout::v1::ValidatePlanRequest request;
  write_file(repository_.root() / "plan.yaml", "tasks: [{id: one, prompt: go, agent: 'true'}]\n");
  request.set_plan_path((repository_.root() / "plan.yaml").string());
  request.set_working_directory(repository_.root().string());
  fanout::v1::ValidatePlanResponse response;
  const auto status = daemon_->plans().ValidatePlan(patient().get(), request, &response);
  EXPECT_TRUE(status.ok() && response.valid()) << status.error_message() << response.DebugString();
}

}  // namespace
}  // namespace fanout::test
