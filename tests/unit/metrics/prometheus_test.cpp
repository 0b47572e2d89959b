#include "server/metrics/prometheus.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fanout::metrics {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(Exposition, TellsWhatIsLeftOfEachTrackersLimits) {
  Readings readings;
  auto& github = readings.trackers.emplace_back();
  github.set_host("github.com");
  github.set_requests(7);
  github.set_pending(37);
  github.set_limit(5000);
  github.set_remaining(4321);
  github.set_created_last_hour(12);
  github.set_most_per_hour(450);
  auto& other = readings.trackers.emplace_back();
  other.set_host("ghe.example");
  other.set_paused(true);
  const auto text = exposition(readings);
  EXPECT_THAT(text, AllOf(HasSubstr("fanout_tracker_requests_remaining{host=\"github.com\"} 4321\n"),
                          HasSubstr("fanout_tracker_pending_steps{host=\"github.com\"} 37\n"),
                          HasSubstr("fanout_tracker_created_last_hour{host=\"github.com\"} 12\n"),
                          HasSubstr("fanout_tracker_sent_total{host=\"github.com\"} 7\n"),
                          HasSubstr("fanout_tracker_paused{host=\"ghe.example\"} 1\n")));
  EXPECT_THAT(text, Not(HasSubstr("fanout_tracker_requests_remaining{host=\"ghe.example\"}"))) << "it has not said yet";
}

TEST(Exposition, HasNoEmptyFamilies) { EXPECT_THAT(exposition({}), Not(HasSubstr("fanout_tracker_pending_steps"))); }

}  // namespace
}  // namespace fanout::metrics
