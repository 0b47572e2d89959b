#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "server/github/headers.hpp"
#include "server/github/types.hpp"

namespace fanout::github {

/// What is allowed. The defaults keep clear of GitHub's limits, those documented and those reported.
struct Limits {
  unsigned burst = 20;                   ///< Objects (issues, comments, pull requests) created at once,
  milliseconds refill{1'000};            ///< then one each,
  unsigned per_minute = 75;              ///< but no more than this
  unsigned per_hour = 450;               ///< nor this.
  milliseconds edit_spacing{1'000};      ///< Between writes that create nothing.
  unsigned points_per_minute = 800;      ///< A read costs 1, a write 5.
  unsigned reads_at_once = 10;
  unsigned batch = 20;                   ///< Issues in one GraphQL request.
  milliseconds first_penalty{60'000};    ///< After a secondary limit that names no time; doubles.
  milliseconds longest_penalty{900'000};
  milliseconds recovery{3'600'000};      ///< After a secondary limit the rate is halved for so long.
};

enum class Resource { core, graphql };

/// What somebody wants to send.
struct Ask {
  Resource resource = Resource::core;
  bool write = false;
  unsigned creates = 0;  ///< Objects that it would create.
};

enum class WaitReason { none, spacing, creations, points, primary_limit, secondary_limit, outage, paused };

struct Verdict {
  Time at;  ///< When it may go.
  WaitReason reason = WaitReason::none;
};

/// The arithmetic of the limiter: one budget per host and account. Pure: the time is a parameter. A value.
class Budget {
 public:
  explicit Budget(Limits limits = {});

  Verdict judge(const Ask& ask, Time now) const;
  /// How many objects, at most `most`, may be created in one request at `now`; 0: none yet.
  unsigned creatable(Resource resource, unsigned most, Time now) const;
  /// It is sent.
  void spend(const Ask& ask, Time now);
  /// Fewer objects than asked for were created after all.
  void give_back(unsigned creates);

  /// Of every answer.
  void learn(const RateHeaders& headers, Resource resource, Time now);
  /// A primary limit was hit.
  void exhaust(Resource resource, std::optional<milliseconds> resets_in, Time now);
  /// A secondary limit was hit: all writes stop, and go on at half the rate.
  void penalise(std::optional<milliseconds> retry_after, Time now);
  /// A write went through.
  void succeed() { strikes_ = 0; }

  /// By how much rate and batch are divided: 1, 2, 4 …
  unsigned divisor(Time now) const;
  std::optional<unsigned> remaining(Resource resource) const { return primary(resource).remaining; }

  unsigned limit(Resource resource) const { return primary(resource).limit.value_or(0); }
  Time resets(Resource resource) const { return primary(resource).resets; }
  unsigned created_within(milliseconds span, Time now) const;

  /// To be kept across restarts, and read again; what cannot be read counts as nothing.
  std::string save() const;
  static Budget restored(std::string_view saved, Limits limits, Time now);

 private:
  struct Primary {
    std::optional<unsigned> limit, remaining;
    Time resets;
  };
  using Log = std::deque<std::pair<Time, unsigned>>;

  const Primary& primary(Resource resource) const { return primary_[resource == Resource::graphql]; }
  Primary& primary(Resource resource) { return primary_[resource == Resource::graphql]; }
  Time primary_at(const Ask& ask, Time now) const;
  Time creation_at(unsigned creates, Time now) const;
  unsigned burst(Time now) const;
  double tokens(Time now) const;

  Limits limits_;
  Primary primary_[2];
  Log created_;  ///< Of the last hour.
  Log points_;   ///< Of the last minute.
  double tokens_;
  Time tokens_at_{};
  Time last_edit_{};
  Time stopped_until_{};
  unsigned halvings_ = 0;
  Time halved_at_{};
  unsigned strikes_ = 0;  ///< Secondary limits since the last write that went through.
};

}  // namespace fanout::github
