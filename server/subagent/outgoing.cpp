// The gate before the push: what must not leave this machine.
#include "server/git/outgoing.hpp"

#include <algorithm>

#include "common/byte_size.hpp"
#include "common/text.hpp"
#include "server/subagent/subagent.hpp"

namespace fanout::subagent {

namespace v1 = fanout::v1;

namespace {

constexpr std::size_t kMostFaultsTold = 5;
constexpr std::size_t kShortCommit = 12;

/// Tests and documents are full of examples; and what only stands in a secret's place, such as a url's password, is
/// redacted but holds nobody up.
std::vector<SecretFound> certain_secrets(const Redactor& redactor, std::string_view text) {
  auto found = redactor.find(text);
  std::erase_if(found, [&](const SecretFound& secret) {
    if (secret.kind == kKnownSecret) return false;
    return !secret.certain || is_placeholder_secret(text.substr(secret.offset, secret.length));
  });
  return found;
}

std::string outgoing_told(const git::OutgoingFault& fault) {
  const auto commit = "commit " + head(fault.commit, kShortCommit);
  if (fault.file.empty()) return "the message of " + commit + " " + fault.what;
  return printable(fault.file) + (fault.line > 0 ? ":" + std::to_string(fault.line) : "") + " (" + commit + ") " + fault.what;
}

std::string all_told(const std::vector<git::OutgoingFault>& faults) {
  std::vector<std::string> some;
  for (const auto& fault : faults) {
    if (some.size() < kMostFaultsTold) some.push_back(outgoing_told(fault));
  }
  return join(some, "; ") + (faults.size() > kMostFaultsTold ? "; and " + std::to_string(faults.size() - kMostFaultsTold) + " more" : "");
}

}  // namespace

/// Why nothing may be pushed, in one sentence; empty: it may.
awaitable<std::string> Subagent::fault_in_outgoing() {
  git::OutgoingRules rules{task_.max_file_bytes(), {}};
  const bool warns = task_.secret_scan() == "warn";
  if (warns || task_.secret_scan() == "on") {
    rules.find_secrets = [this](std::string_view text) { return certain_secrets(services_.redactor, text); };
  }
  if (rules.max_file_bytes == 0 && !rules.find_secrets) co_return "";
  auto faults = co_await services_.workers.run([&](std::stop_token stop) {
    return git::faults_in_outgoing(spec_.repository(), spec_.remote(), base_commit_, worktree_.branch, rules, stop);
  });
  const auto stops = [&](const git::OutgoingFault& fault) { return !fault.secret || !warns; };
  const auto middle = std::stable_partition(faults.begin(), faults.end(), stops);
  const std::vector<git::OutgoingFault> harmless(middle, faults.end());
  faults.erase(middle, faults.end());
  if (!harmless.empty()) {
    co_await notice(v1::Notice::SEVERITY_WARNING, all_told(harmless) + "; it is pushed all the same (secret_scan: warn)");
  }
  if (faults.empty()) co_return "";
  const bool secret = std::any_of(faults.begin(), faults.end(), [](const auto& fault) { return fault.secret; });
  co_return "nothing was pushed: " + all_told(faults) + ". Take it out of these commits, or set " +
      (secret ? "secret_scan: warn, if it is no secret" : "max_file_size, which is " + format_byte_size(rules.max_file_bytes));
}

}  // namespace fanout::subagent
