// Worktrees that are made before tasks need them.
#include "client/commands.hpp"
#include "client/plan_request.hpp"
#include "client/render/looks.hpp"
#include "client/render/table.hpp"
#include "client/render/times.hpp"
#include "common/exit_code.hpp"
#include "common/text.hpp"

namespace fanout::client {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kShortBase = 8;

std::string size_of(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  for (; bytes >= 10'000 && unit + 1 < std::size(kUnits); ++unit) bytes /= 1000;
  return std::to_string(bytes) + " " + kUnits[unit];
}

std::string remark_on(const v1::Pool& pool) {
  if (!pool.waiting_for().empty()) return "waits: " + pool.waiting_for();
  return pool.wanted() > 0 ? "being made" : "";
}

void print_pools(Session& session, const v1::GetPoolResponse& answer) {
  Table table({{"REPOSITORY", false, 0, 48}, {"BASE"}, {"READY", true}, {"WANTED", true}, {"SIZE", true}, {"LAST USED"}, {"REMARK"}});
  const auto now = std::chrono::system_clock::now();
  for (const auto& pool : answer.pools()) {
    table.add({{pool.repository()},
               {pool.base_commit().substr(0, kShortBase)},
               {std::to_string(pool.ready()), pool.ready() > 0 ? Ink::green : Ink::plain},
               {std::to_string(pool.ready() + pool.wanted())},
               {size_of(pool.bytes())},
               {ago(to_time(pool.last_used()), now), Ink::dim},
               {remark_on(pool)}});
  }
  session.print(table.lines(session.out().style(), {session.out().columns(), true, 3}));
}

}  // namespace

int pool_status(Session& session, const PoolOptions& options) {
  v1::GetPoolRequest request;
  if (!options.all) request.set_repository(present_folder().string());
  const auto answer = session.daemon().call(request);
  if (session.json()) {
    session.print_json(answer);
    return kExitOk;
  }
  if (answer.pools().empty()) {
    session.out().line("nothing waits, and nothing is wanted");
  } else {
    print_pools(session, answer);
  }
  session.out().line(numbered(answer.hits(), "worktree") + " taken from the pool, " + std::to_string(answer.misses()) +
                     " times there was none, " + std::to_string(answer.discarded()) + " thrown away, since the daemon was started");
  return kExitOk;
}

int pool_warm(Session& session, const PoolOptions& options) {
  const auto folder = present_folder();
  v1::WarmPoolRequest request;
  request.set_count(options.count);
  request.set_base(options.base);
  request.set_wait(options.wait);
  if (options.plan.empty()) {
    request.set_repository(folder.string());
  } else {
    request.set_plan_path(find_plan(options.plan, folder).string());
  }
  const auto answer = session.daemon().call(request);
  if (session.json()) {
    session.print_json(answer);
    return kExitOk;
  }
  const auto& pool = answer.pool();
  std::string line = numbered(pool.ready(), "worktree") + " ready";
  if (pool.wanted() > 0) line += ", " + std::to_string(pool.wanted()) + " to come";
  if (!pool.waiting_for().empty()) line += ": " + pool.waiting_for();
  session.out().line(printable(line));
  return options.wait && pool.wanted() > 0 ? kExitTasksFailed : kExitOk;
}

int pool_drain(Session& session, const PoolOptions& options) {
  v1::DrainPoolRequest request;
  if (!options.all) request.set_repository(present_folder().string());
  const auto answer = session.daemon().call(request);
  if (session.json()) {
    session.print_json(answer);
  } else {
    session.out().line(numbered(answer.removed(), "worktree") + " removed, " + size_of(answer.bytes()));
  }
  return kExitOk;
}

}  // namespace fanout::client
