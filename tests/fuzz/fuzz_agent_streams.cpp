// Every agent's adapter on arbitrary bytes, in pieces, with its questions answered. The first byte chooses
// the adapter. Whatever comes, it must not crash, nor tell what does not fit into an event, and be the same
// however it is cut. What it asks for must stay inside the worktree.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "common/text.hpp"
#include "server/agent/acp.hpp"
#include "server/agent/approval.hpp"
#include "server/agent/catalog.hpp"
#include "server/agent/claude_dialogue.hpp"
#include "server/agent/codex.hpp"
#include "server/agent/codex_dialogue.hpp"
#include "server/agent/command.hpp"
#include "server/agent/gemini.hpp"
#include "server/agent/limits.hpp"
#include "server/agent/opencode.hpp"
#include "server/agent/verdict.hpp"
#include "server/domain/run/usage.hpp"

using namespace fanout::agent;

namespace {

constexpr const char* kWorktree = "/w/t";

void require(bool holds) {
  if (!holds) std::abort();
}

std::unique_ptr<Adapter> adapter(std::uint8_t which) {
  AcpOptions options;
  options.worktree = kWorktree;
  options.prompt = "work";
  switch (which % 9) {
    case 0:
      return std::make_unique<Claude>(kWorktree);
    case 1:
      return std::make_unique<ClaudeDialogue>(kWorktree, "work");
    case 2:
      return std::make_unique<Codex>(kWorktree);
    case 3:
      return std::make_unique<Gemini>(kWorktree);
    case 4:
      return std::make_unique<Opencode>(kWorktree);
    case 5:
      return std::make_unique<CommandLines>();
    case 8:
      return std::make_unique<CodexDialogue>(CodexOptions{kWorktree, "work", "", "", "untrusted", "workspace-write", "0"});
    case 6:
      options.resume_session = "s";
      options.mode = "auto";
      options.auth_method = "key";
      [[fallthrough]];
    default:
      return std::make_unique<Acp>(options);
  }
}

/// Everything that came of it, as bytes to compare, with what must hold for all of it.
class Seen {
 public:
  void take(Adapter& adapter, Output out) {
    for (const auto& activity : out.activities) look_at(activity);
    for (const auto& request : out.requests) look_at(request);
    all_ += out.write;
    require(out.write.empty() || out.write.back() == '\n');
    require(fanout::valid_utf8(out.write) == out.write);
    const auto activities = std::move(out.activities);
    for (const auto& activity : activities) answer(adapter, activity);
    for (const auto& request : out.requests) take(adapter, adapter.respond({request.id, HostDone{}}));
  }

  void end() {
    for (const auto& row : agents()) reason_of(judge_run(row, witness_, {}));
    fanout::domain::total(ledger_);
  }

  const std::string& all() const { return all_; }

 private:
  void look_at(const Activity& activity) {
    const auto bytes = activity.SerializeAsString();
    require(Activity().ParseFromString(bytes));
    require(activity.activity_case() != Activity::ACTIVITY_NOT_SET);
    all_ += bytes;
    witness_.see(activity);
    if (activity.has_session()) fanout::domain::begin_session(ledger_, activity.session().id());
    if (activity.has_usage()) fanout::domain::take_usage(ledger_, activity.usage());
    if (activity.has_limit()) reset_time(activity.limit(), {}, {});
  }

  static void look_at(const HostRequest& request) {
    const std::string inside = std::string(kWorktree) + "/";
    if (const auto* read = std::get_if<ReadFile>(&request.what))
      require((read->path + "/").starts_with(inside));
    if (const auto* write = std::get_if<WriteFile>(&request.what))
      require((write->path + "/").starts_with(inside));
    if (const auto* made = std::get_if<CreateTerminal>(&request.what)) {
      require((made->directory + "/").starts_with(inside));
    }
  }

  void answer(Adapter& adapter, const Activity& activity) {
    Answer answer;
    if (activity.has_permission()) {
      const Policy policy{
          Approve::safe, {{Ruling::allow, "", "make", ""}, {Ruling::deny, "", "", "x/"}}, kWorktree};
      answer.id = activity.permission().id();
      answer.allow = judge(policy, activity.permission()).ruling == Ruling::allow;
    } else if (activity.has_question()) {
      answer.id = activity.question().id();
      answer.allow = true;
      for (const auto& item : activity.question().items()) answer.fields[item.key()] = {"1"};
    } else {
      return;
    }
    take(adapter, adapter.answer(answer));
  }

  std::string all_;
  Witness witness_;
  fanout::v1::AgentUsageLedger ledger_;
};

std::string run(std::uint8_t which, std::string_view bytes, std::size_t piece) {
  const auto agent = adapter(which);
  Seen seen;
  seen.take(*agent, agent->start());
  for (std::size_t at = 0; at < bytes.size(); at += piece)
    seen.take(*agent, agent->feed(bytes.substr(at, piece)));
  seen.take(*agent, agent->interrupt());
  seen.take(*agent, agent->say("more"));
  seen.take(*agent, agent->finish());
  seen.end();
  return seen.all();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  // Answers go out after each piece: only without a dialogue the pieces make no difference.
  const auto whole = run(data[0], bytes, bytes.size());
  const auto pieces = run(data[0], bytes, 7);
  const auto talks = adapter(data[0])->can_talk();
  require(talks || whole == pieces);
  return 0;
}
