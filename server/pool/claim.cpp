#include "server/pool/claim.hpp"

#include "common/error.hpp"

namespace fanout::pool {

namespace {

std::optional<git::Worktree> make(const git::WorktreeRequest& request, const Taken& taken) {
  git::Spare spare = taken.spare;
  if (!git::is_pristine(spare, taken.look)) return std::nullopt;
  if (spare.commit != request.start && !git::move_spare(request.repository, spare, request.start)) return std::nullopt;
  return git::use_spare(request, spare);
}

}  // namespace

std::optional<git::Worktree> claim(const git::WorktreeRequest& request, const Taken& taken) {
  try {
    return make(request, taken);
  } catch (const Error&) {  // What really stands in the way, the usual way will find as well.
    return std::nullopt;
  }
}

}  // namespace fanout::pool
