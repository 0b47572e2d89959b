#include "server/orchestrator/forecast.hpp"

#include <algorithm>

#include "server/domain/run/repositories.hpp"

namespace fanout::orchestrator {

using fanout::internal::v1::RunSpec;

std::size_t worktrees_of(const RunSpec& spec) {
  const auto& tasks = spec.tasks();
  return static_cast<std::size_t>(std::count_if(tasks.begin(), tasks.end(), [](const auto& task) { return !task.skipped(); }));
}

awaitable<pool::Wish> wish_for(subagent::Services& services, RunSpec spec, std::size_t count) {
  pool::Wish wish;
  wish.repository = spec.repository();
  wish.count = count;
  wish.limits = {spec.pool_most(), spec.pool_bytes()};
  wish.commit = co_await services.workers.run([&](std::stop_token) { return git::resolve_commit(spec.repository(), spec.base()); });
  co_return wish;
}

void learn_from(subagent::Services& services, const RunSpec& spec) {
  for (const auto& name : domain::repositories_of(spec)) {
    const auto alone = domain::alone_in_repository(spec, name);
    services.pool.learn(alone.repository(), worktrees_of(alone));
  }
}

awaitable<void> expect_plan(subagent::Services& services, RunSpec spec) {
  for (const auto& name : domain::repositories_of(spec)) {
    auto alone = domain::alone_in_repository(spec, name);
    const auto count = worktrees_of(alone);
    co_await expect_tasks(services, std::move(alone), count);
  }
}

awaitable<void> expect_next(subagent::Services& services, RunSpec spec) {
  for (const auto& name : domain::repositories_of(spec)) {
    auto alone = domain::alone_in_repository(spec, name);
    const auto count = services.pool.expected(alone.repository());
    co_await expect_tasks(services, std::move(alone), count);
  }
}

awaitable<void> expect_tasks(subagent::Services& services, RunSpec spec, std::size_t count) {
  if (!spec.pool() || count == 0) co_return;
  try {
    services.pool.want(co_await wish_for(services, std::move(spec), count));
  } catch (const Error&) {  // Who runs the plan will be told.
  }
}

}  // namespace fanout::orchestrator
