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

/// Somebody looks at a plan, or has run one: tasks like these are to be expected. Does nothing where the plan or the
/// configuration switches it off, or its base cannot be found.
awaitable<void> expect_tasks(subagent::Services& services, fanout::internal::v1::RunSpec spec, std::size_t count);

}  // namespace fanout::orchestrator
