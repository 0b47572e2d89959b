#include "tests/agents/agents.hpp"

#include <cstdlib>

namespace fanout::test {

namespace fs = std::filesystem;
namespace v1 = fanout::v1;

namespace {

std::string codex_config(const std::string& url) {
  return "model = \"stub-model\"\nmodel_provider = \"stub\"\ncheck_for_update_on_startup = false\n"
         "[analytics]\nenabled = false\n[model_providers.stub]\nname = \"stub\"\nbase_url = \"" + url +
         "/v1\"\nenv_key = \"CODEX_API_KEY\"\nwire_api = \"responses\"\nrequires_openai_auth = false\n"
         "supports_websockets = false\nrequest_max_retries = 0\nstream_max_retries = 0\n";
}

/// What a price table of a user's may look like: dollars for a million tokens.
constexpr const char* kPrices = "[prices.stub-model]\ninput = 10\ncached_input = 5\noutput = 100\n";

}  // namespace

fs::path RealAgents::folder() {
  const char* named = std::getenv("FANOUT_AGENTS_FOLDER");
  return named ? named : FANOUT_AGENTS;
}

bool RealAgents::installed(const std::string& program) {
  return fs::exists(folder() / "node_modules" / (program == "sdk" ? "@agentclientprotocol/sdk" : ".bin/" + program));
}

std::string RealAgents::why_not(const std::string& program) {
  return program + " is not installed in " + folder().string() + ": deploy/test.sh does that, where npm can be reached";
}

std::vector<std::string> RealAgents::environment() {
  const auto home = home_.path().string();
  return {"PATH=" + (folder() / "node_modules/.bin").string() + ":" + std::getenv("PATH"),
          "HOME=" + home,
          "XDG_CONFIG_HOME=" + home + "/.config",
          "CODEX_HOME=" + home + "/.codex",
          "CODEX_API_KEY=none",
          "ANTHROPIC_BASE_URL=" + model_.url(),
          "ANTHROPIC_API_KEY=none",
          "CLAUDE_CODE_MAX_RETRIES=0"};
}

RealAgents::RealAgents(const std::string& retry_delay) {
  repository_.commit_file("a.txt", "a\n");
  write_file(home_ / ".codex/config.toml", codex_config(model_.url()));
  // In the sandbox, as users have them; one of Codex's own does not work for root.
  daemon_ = std::make_unique<Daemon>(retry_delay, environment(), std::vector<std::string>{"--sandbox", "workspace"});
  write_file(daemon_->state().parent_path() / "config.toml", kPrices);
}

RealAgents& RealAgents::add_prompt(const std::string& id, const std::string& agent,
                                   const std::vector<std::string>& lines, const std::string& more) {
  tasks_ += "  - id: " + id + "\n    name: do " + id + "\n    agent: " + agent + "\n" + more + "    prompt: |\n";
  for (const auto& line : lines) tasks_ += "      " + line + "\n";
  return *this;
}

RealAgents& RealAgents::add(const std::string& id, const std::string& agent, const std::vector<std::string>& script,
                            const std::string& more) {
  std::vector<std::string> lines{"This is task " + id + ".", ""};
  for (const auto& step : script) lines.push_back("@model " + step);
  return add_prompt(id, agent, lines, more);
}

std::string RealAgents::start(const std::string& settings) {
  const auto plan = repository_.outside() / "plan.yaml";
  write_file(plan, "metadata: {name: agents}\nrepo: " + repository_.root().string() +
                       "\nsetup: []\nverify: []\nstall_timeout: 3m\n" + settings + "tasks:\n" + tasks_);
  return run_ = execute(*daemon_, plan);
}

void RealAgents::run(const std::string& settings) {
  start(settings);
  watch_to_the_end();
}

std::vector<v1::Event> RealAgents::events_of(const std::string& task) const {
  std::vector<v1::Event> own;
  std::copy_if(events_.begin(), events_.end(), std::back_inserter(own),
               [&](const auto& event) { return event.task_id() == task; });
  return own;
}

std::vector<v1::AgentActivity> RealAgents::activities_of(const std::string& task) const {
  std::vector<v1::AgentActivity> all;
  for (const auto& event : events_of(task)) {
    if (event.has_agent_activity()) all.push_back(event.agent_activity());
  }
  return all;
}

std::string RealAgents::on_branch(const std::string& task, const std::string& file) {
  return repository_.git({"show", end_of(task).branch() + ":" + file});
}

std::vector<v1::Event> RealAgents::wait_for(const std::function<bool(const v1::Event&)>& fits) {
  bool seen = false;
  auto events = watch(*daemon_, run_, 0, [&](const auto& event) { return seen = seen || fits(event); });
  if (!seen) throw std::runtime_error("the run has ended, and what was waited for has not happened:\n" +
                                      get(*daemon_, run_).DebugString());
  return events;
}

}  // namespace fanout::test
