#include "server/agent/limits.hpp"

#include <gmock/gmock.h>

namespace fanout::agent {
namespace {

namespace v1 = fanout::v1;
using namespace std::chrono;

TEST(Limits, AreToldApart) {
  const auto kind = [](const char* text, std::optional<int> status = std::nullopt) {
    const auto limit = limit_in(text, status);
    return limit ? limit->kind() : v1::AgentLimit::KIND_UNSPECIFIED;
  };
  EXPECT_EQ(kind("exceeded retry limit, last status: 429 Too Many Requests"), v1::AgentLimit::KIND_RATE);
  EXPECT_EQ(kind("You've hit your usage limit. Try again at 3:05 PM."), v1::AgentLimit::KIND_USAGE);
  EXPECT_EQ(kind("You exceeded your current quota", 429), v1::AgentLimit::KIND_USAGE);
  EXPECT_EQ(kind("anything", 429), v1::AgentLimit::KIND_RATE);
  EXPECT_EQ(kind("Overloaded", 529), v1::AgentLimit::KIND_OVERLOADED);
  EXPECT_EQ(kind("Credit balance is too low", 400), v1::AgentLimit::KIND_CREDIT);
  EXPECT_EQ(kind("bad request", 400), v1::AgentLimit::KIND_UNSPECIFIED);
  EXPECT_EQ(kind("no such file"), v1::AgentLimit::KIND_UNSPECIFIED);
}

std::optional<std::int64_t> waits(const char* text) {
  const auto limit = limit_in(text, 429);
  return limit && limit->has_retry_after() ? std::optional(limit->retry_after().seconds()) : std::nullopt;
}

TEST(Limits, SayHowLong) {
  EXPECT_EQ(waits("Suggested retry after 1s."), 1);
  EXPECT_EQ(waits("Please retry in 34.07s"), 34);
  EXPECT_EQ(waits("try again in 2 hours 5 minutes"), 7500);
  EXPECT_EQ(waits("Try again in 1h30m"), 5400);
  EXPECT_EQ(waits("Retry-After: 20"), 20);
  EXPECT_EQ(waits("try again in 3 days and 2 hours"), 3 * 86400 + 7200);
  EXPECT_EQ(waits("try again in a while"), std::nullopt);
  EXPECT_EQ(waits("retry after 99999999999999999999"), std::nullopt);
}

TEST(Limits, SayWhen) {
  EXPECT_EQ(limit_in("usage limit reached|1795480000")->resets_at().seconds(), 1795480000);
  EXPECT_FALSE(limit_in("usage limit reached|12")->has_resets_at());
  EXPECT_EQ(limit_in("You've hit your limit · resets 3pm (Europe/Berlin)")->resets_text(),
            "3pm (Europe/Berlin)");
  EXPECT_EQ(limit_in("usage limit. Try again at 3:05 PM.")->resets_text(), "3:05 PM");
}

TEST(Limits, ATimeOfDayIsTheNextOne) {
  const sys_seconds noon = sys_days(year(2026) / 11 / 24) + hours(12);
  const auto at = [&](const char* words, seconds offset = seconds(0)) {
    v1::AgentLimit limit;
    limit.set_resets_text(words);
    return reset_time(limit, noon, offset);
  };
  EXPECT_EQ(at("3pm"), noon + hours(3));
  EXPECT_EQ(at("3:05 PM"), noon + hours(3) + minutes(5));
  EXPECT_EQ(at("15:00"), noon + hours(3));
  EXPECT_EQ(at("11am"), noon + hours(23));
  EXPECT_EQ(at("12am"), noon + hours(12));
  EXPECT_EQ(at("3pm", hours(1)), noon + hours(2));
  EXPECT_EQ(at("3pm (UTC)", hours(1)), noon + hours(3));
  EXPECT_EQ(at("25:00"), std::nullopt);
  EXPECT_EQ(at("soon"), std::nullopt);
  EXPECT_EQ(at("3"), std::nullopt);
}

TEST(Limits, AMomentOrAWaitIsTakenAsToldFirst) {
  v1::AgentLimit limit;
  limit.mutable_retry_after()->set_seconds(90);
  const sys_seconds told{seconds(1000)};
  EXPECT_EQ(reset_time(limit, told, seconds(0)), told + seconds(90));
  limit.mutable_resets_at()->set_seconds(5000);
  EXPECT_EQ(reset_time(limit, told, seconds(0)), sys_seconds(seconds(5000)));
  EXPECT_EQ(reset_time(v1::AgentLimit(), told, seconds(0)), std::nullopt);
}

TEST(Limits, AStatusIsFoundInTheText) {
  EXPECT_EQ(status_in(R"([API Error: {"error":{"code":400,"message":"x"}}])"), 400);
  EXPECT_EQ(status_in("last status: 429 Too Many Requests"), 429);
  EXPECT_EQ(status_in("API Error: 529 Overloaded"), 529);
  EXPECT_EQ(status_in("status: 12"), std::nullopt);
  EXPECT_EQ(status_in("nothing"), std::nullopt);
}

TEST(Limits, ALoginThatIsMissingIsToldApart) {
  EXPECT_TRUE(is_login_trouble("Invalid API key · Please run /login"));
  EXPECT_TRUE(is_login_trouble("unexpected status 401 Unauthorized"));
  EXPECT_TRUE(is_login_trouble("x", 401));
  EXPECT_FALSE(is_login_trouble("x", 400));
}

}  // namespace
}  // namespace fanout::agent
