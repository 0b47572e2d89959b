#pragma once

#include <optional>
#include <string>
#include <variant>

#include "server/agent/adapter.hpp"

/// How an agent's run really ended: made of what it said last, how its process ended, and whether the
/// worktree changed, since none of them tells the truth alone.
namespace fanout::agent {

/// Collects, from the activities in order, what the verdict needs.
class Witness {
 public:
  void see(const Activity& activity);

  const std::optional<fanout::v1::AgentResult>& result() const { return result_; }
  const std::optional<fanout::v1::AgentLimit>& limit() const { return limit_; }
  int denials() const { return denials_; }
  const std::string& last_warning() const { return last_warning_; }
  bool spoke() const { return spoke_; }

 private:
  std::optional<fanout::v1::AgentResult> result_;  ///< The last; void once a new turn has begun.
  std::optional<fanout::v1::AgentLimit> limit_;
  std::string last_warning_;
  int denials_ = 0;
  bool spoke_ = false;
};

/// How its process ended.
struct Ending {
  std::optional<int> exit_code;  ///< Empty when a signal ended it.
  int signal = 0;
  bool timed_out = false;
  bool asked_to_stop = false;  ///< By us, before its end; after an idle agent it is no matter.
  bool resuming = false;       ///< It was to take up an earlier session.
  bool was_idle = false;       ///< Output::idle was seen last: the process only ends since we close it.
  bool worktree_changed = false;
  std::string stderr_tail;
};

struct Succeeded {
  std::string summary;
};
struct Failed {
  std::string reason;  ///< One sentence.
};
/// It may go on later; see reset_time.
struct Limited {
  fanout::v1::AgentLimit limit;
  std::string reason;
};
struct NeedsLogin {
  std::string reason;
};
/// We stopped it.
struct Stopped {
  std::string reason;
};
/// The session to resume is not there: a new one must be begun.
struct SessionLost {
  std::string reason;
};
using Verdict = std::variant<Succeeded, Failed, Limited, NeedsLogin, Stopped, SessionLost>;

struct AgentRow;

/// | said            | process       | verdict                                              |
/// |-----------------|---------------|------------------------------------------------------|
/// | success         | 0, or idle    | succeeded; failed if denied calls left no change     |
/// | success         | anything else | failed                                               |
/// | limit           | any           | limited                                              |
/// | needs login     | any           | needs login                                          |
/// | other failure   | any           | failed; session lost if that is why it did nothing   |
/// | nothing         | stopped by us | stopped                                              |
/// | nothing         | 0             | failed; succeeded for agents that tell no result     |
/// | nothing         | anything else | what the exit code and stderr tell, else failed      |
/// ACP agents never lose a session: their adapter begins a new one and says so in a notice.
Verdict judge_run(const AgentRow& agent, const Witness& witness, const Ending& ending);

/// The reason or summary of any verdict.
const std::string& reason_of(const Verdict& verdict);

}  // namespace fanout::agent
