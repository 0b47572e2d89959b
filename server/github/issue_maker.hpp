#pragma once

#include <deque>
#include <list>
#include <set>
#include <string>
#include <vector>

#include "server/github/services.hpp"
#include "server/github/wait.hpp"

namespace fanout::github {

/// What an issue's step wants, and what came of it.
std::string issue_payload(const NewIssue& issue);
NewIssue issue_wanted(const Step& step);
std::string issue_result(const Issue& issue);
Issue issue_made(const Step& step);

/// Makes issues, each exactly once, many in one request where that is possible.
///
/// What was sent without an answer is looked for by its marker in the list of issues, all such in one scan,
/// and made again only when the last look has found nothing. An issue that shows up a second time later is
/// closed. Lives on the I/O thread. Lifetime: outlives its two loops, which run until they are cancelled.
class IssueMaker {
 public:
  IssueMaker(const async::Executor& executor, Services& services, Places& places);

  /// To be made; never asked for before.
  void make(WorkPtr work);
  /// It may have been made: look first.
  void look_for(WorkPtr work);
  /// Done, but a duplicate may show up.
  void sweep(WorkPtr work);

  awaitable<void> create_loop();
  awaitable<void> look_loop();

 private:
  struct Lost {
    WorkPtr work;
    Time lost_at;
    std::size_t misses = 0;
  };

  awaitable<void> prepare(Repository repository);
  awaitable<void> create_some(Repository repository);
  void note_missing(const WorkPtr& work, const Places::Place& place, const std::string& what);
  void look_up(NewIssue& wanted, const Places::Place& place) const;
  bool is_ready(const Work& work, const Repository& repository) const;
  std::vector<WorkPtr> take(const Repository& repository, std::size_t count);
  awaitable<void> create_batch(const Limiter::Permit& permit, Places::Place* place, std::vector<WorkPtr> works);
  awaitable<void> create_singly(const Limiter::Permit& permit, Places::Place* place, std::vector<WorkPtr> works);
  awaitable<void> take_outcome(WorkPtr work, Created outcome);
  awaitable<void> put_back(std::vector<WorkPtr> works);
  awaitable<void> created(WorkPtr work, Issue issue);
  awaitable<void> fail_all(Repository repository, ApiError error);

  const Listed* find_in(const std::vector<Listed>& listed, const Step& step) const;
  Time due(const Lost& lost) const;
  std::optional<Time> next_look() const;
  Repository due_at(Time time) const;
  awaitable<void> look(Repository repository);
  awaitable<void> look_again(Repository repository, const std::vector<Listed>& listed);
  awaitable<void> sweep_over(Repository repository, const std::vector<Listed>& listed);
  awaitable<void> close_duplicates(WorkPtr work, const std::vector<Listed>& listed);

  Services& services_;
  Places& places_;
  std::set<std::string> noted_;     ///< What was said to be missing.
  std::set<std::string> prepared_;  ///< Uuids: what their issues need is known.
  std::deque<WorkPtr> queue_;
  async::Signal queued_;
  unsigned most_in_batch_;  ///< Halved when a whole batch got no answer, doubled when one did.
  std::list<Lost> lost_;
  std::list<WorkPtr> swept_;
  Alarm looks_;
};

}  // namespace fanout::github
