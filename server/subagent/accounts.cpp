#include "server/subagent/accounts.hpp"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/system/system_error.hpp>
#include <random>

#include "server/agent/catalog.hpp"

namespace fanout::subagent {

namespace asio = boost::asio;
using domain::Parking;
using domain::WallTime;
using std::chrono::milliseconds;

namespace {

/// The wall clock may be set meanwhile, and a machine may sleep: nobody waits longer without looking.
constexpr milliseconds kLongestLook = std::chrono::seconds(30);

WallTime now() { return std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now()); }

std::uint64_t any_up_to(std::uint64_t most) {
  std::random_device source;
  return std::uniform_int_distribution<std::uint64_t>(0, most)(source);
}

}  // namespace

const Parking::Parked& Accounts::meet_limit(const std::string& account, std::optional<WallTime> resets,
                                            std::string reason) {
  return parking_.meet_limit(account, resets, std::move(reason), now(), any_up_to, first_);
}

void Accounts::restore(const std::string& account, Parking::Parked parked) { parking_.restore(account, std::move(parked)); }

void Accounts::work(const std::string& account) {
  if (!parking_.work(account)) return;
  for (auto* timer : waiting_) timer->cancel();
}

const Parking::Parked* Accounts::parked(const std::string& account) const { return parking_.parked(account, now()); }
bool Accounts::enter(const std::string& account) { return parking_.enter(account, now()); }

async::awaitable<void> Accounts::wait(std::string account) {
  co_await async::checkpoint();
  const auto* parked = parking_.parked(account, now());
  if (!parked) co_return;
  asio::steady_timer timer(executor_, std::clamp(parked->until - now(), milliseconds(1), kLongestLook));
  const auto place = waiting_.insert(waiting_.end(), &timer);
  boost::system::error_code woken;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  waiting_.erase(place);
  // Freed and cancelled look the same.
  if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none) {
    throw boost::system::system_error(asio::error::operation_aborted);
  }
}

std::string account_of(const fanout::internal::v1::AgentSpec& agent, const std::vector<std::string>& environment) {
  const auto* row = agent::find_agent(agent.kind());
  std::string account = agent.kind() + "|" + (row && row->executable.empty() ? agent.command() : "");
  std::vector<std::string> names{"HOME", "CODEX_HOME", "CLAUDE_CONFIG_DIR", "ANTHROPIC_BASE_URL", "OPENAI_BASE_URL"};
  if (row) names.insert(names.end(), row->login_variables.begin(), row->login_variables.end());
  const auto value_of = [&](const std::string& name) {
    if (const auto own = agent.env().find(name); own != agent.env().end()) return own->second;
    const auto entry = std::find_if(environment.begin(), environment.end(),
                                    [&](const auto& one) { return one.starts_with(name + "="); });
    return entry == environment.end() ? std::string() : entry->substr(name.size() + 1);
  };
  for (const auto& name : names) account += "|" + std::to_string(std::hash<std::string>()(value_of(name)));
  return account;
}

}  // namespace fanout::subagent
