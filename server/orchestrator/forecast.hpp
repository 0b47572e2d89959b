#pragma once

#include <cstddef>

#include "server/pool/pool.hpp"
#include "server/subagent/subagent.hpp"

/// Worktrees are made before anyone asks for them.
namespace fanout::orchestrator {

using async::awaitable;

/// How many worktrees a plan comes to.
std::size_t worktrees_of(const fanout::internal::v1::RunSpec& spec);

/// What the pool is to hold for a plan: `count` worktrees of its base. Error as git::resolve_commit.
awaitable<pool::Wish> wish_for(subagent::Services& services, fanout::internal::v1::RunSpec spec, std::size_t count);

/// So many worktrees are to be expected in the spec's own repository. Does nothing where the plan or the configuration
/// switches it off, or its base cannot be found.
awaitable<void> expect_tasks(subagent::Services& services, fanout::internal::v1::RunSpec spec, std::size_t count);

/// Somebody looks at a plan: its tasks are to be expected, in each of its repositories.
awaitable<void> expect_plan(subagent::Services& services, fanout::internal::v1::RunSpec spec);

/// A plan is being run: more like it are to be expected from time to time; and it has been run, so that the next may be near.
void learn_from(subagent::Services& services, const fanout::internal::v1::RunSpec& spec);
awaitable<void> expect_next(subagent::Services& services, fanout::internal::v1::RunSpec spec);

}  // namespace fanout::orchestrator
