#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/github/client.hpp"
#include "server/github/clock.hpp"
#include "server/github/ledger.hpp"

namespace fanout::github {

/// Something that a person may want to know.
struct Notice {
  enum class Kind {
    paused,         ///< The token was refused: nothing goes to GitHub until there is another.
    step_failed,    ///< An issue, comment, pull request or closing was refused for good.
    left_out,       ///< GitHub has dropped labels, or there is no such milestone.
    duplicate,      ///< An issue that was made twice, because an answer was lost, was closed.
    store,          ///< The outbox cannot be written; it is tried again.
  };
  Kind kind;
  std::string run, task;  ///< Empty: about the tracker as a whole.
  std::string text;       ///< One sentence.
};

/// When to look for what may have been made, and such.
struct Patience {
  /// After an answer was lost; only when the last of these looks has found nothing is it made again.
  std::vector<milliseconds> looks = {milliseconds(1'000), milliseconds(10'000), milliseconds(60'000)};
  milliseconds sweep_after{600'000};  ///< Look for duplicates of what was made again; lists lag.
  milliseconds margin{300'000};       ///< Further back than the clocks say.
  milliseconds after_trouble{10'000};
  std::size_t least_batch = 3;        ///< Fewer issues go one by one.
};

/// What all parts of the tracker use.
struct Services {
  Client& client;
  Ledger& ledger;
  Patience patience;
  std::function<void(Notice)> tell;

  Limiter& limiter() { return client.api().limiter(); }
  Clock clock() { return limiter().clock(); }
  /// Ledger::update, again and again until the disk takes it.
  awaitable<void> record(std::vector<WorkPtr> works, std::function<void(Step&)> change);
  awaitable<void> record(WorkPtr work, std::function<void(Step&)> change);
  /// `attempt` again and again, until the step is no longer open. What refuses it for good, if anything does.
  awaitable<std::optional<ApiError>> keep_trying(WorkPtr work, std::function<awaitable<void>()> attempt);
  /// It is made.
  awaitable<void> finish(WorkPtr work, std::string result);
  /// It is refused for good.
  awaitable<void> fail(WorkPtr work, ApiError error);
  void note(Notice::Kind kind, const Step& step, std::string text);
  /// Whether a body is that of what the step made. Of a run with a gap whose uuids are lost, the names tell.
  bool is_of(const Step& step, std::string_view body) const;
};

/// Changes for Services::record(): it is sent now; and nothing has come of that.
std::function<void(Step&)> attempt_at(Time now);
void take_attempt_back(Step& step);

/// Whether a failure ends a step, as opposed to being tried again.
bool is_final(const ApiError& error);
/// Whether nothing has happened and the limiter knows when to try again.
bool may_go_again(const ApiError& error);

/// What is known of the repositories in use, asked for once each.
class Places {
 public:
  struct Place {
    RepositoryInfo info;
    std::map<std::string, std::string> labels;  ///< Ids, by name in lower case.
    std::map<std::string, std::string> users;   ///< Ids, by login; empty: there is none.
    std::map<std::string, std::optional<Milestone>> milestones;  ///< By what they were asked for by.

    /// Empty: there is none.
    std::string id_of_label(const std::string& name) const;
  };

  Places(const async::Executor& executor, Client& client) : client_(client), lock_(executor, 1) {}

  /// Throws ApiError. The place lives as long as this.
  awaitable<Place*> find(Repository repository);
  /// Asks again what the repository is like now.
  awaitable<void> look_again(Place* place);
  /// Finds labels; with `make` those that are missing are made, as far as the token may.
  awaitable<void> ensure_labels(Place* place, std::vector<std::string> names, bool make);
  awaitable<void> find_user(Place* place, std::string login);
  /// Whether there is one.
  awaitable<bool> find_milestone(Place* place, std::string number_or_title);
  /// The id of "OWNER/NUMBER".
  awaitable<std::string> find_project(std::string project);
  /// Who the token belongs to; empty for an App, which has no user.
  awaitable<std::string> login();

 private:
  Client& client_;
  async::Slots lock_;
  std::map<Repository, std::unique_ptr<Place>> places_;
  std::map<std::string, std::string> projects_;
  std::optional<std::string> login_;
};

}  // namespace fanout::github
