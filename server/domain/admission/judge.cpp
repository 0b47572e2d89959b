#include "server/domain/admission/judge.hpp"

#include <algorithm>
#include <map>
#include <sstream>

#include "common/byte_size.hpp"

namespace fanout::domain::admission {

namespace v1 = fanout::v1;

namespace {

constexpr std::uint64_t kMostMemoryReserve = 2ull << 30;

std::string counted_agents(unsigned count) { return std::to_string(count) + (count == 1 ? " agent" : " agents"); }

/// Lets in one after the other, and counts.
class Judge {
 public:
  explicit Judge(State state) : state_(std::move(state)) {}

  std::vector<Verdict> judge_all() {
    std::vector<Verdict> verdicts;
    for (const auto& waiter : state_.waiters) {
      auto verdict = judge(waiter);
      verdict.admitted = verdict.kind == v1::WAIT_KIND_UNSPECIFIED;
      if (verdict.admitted) {
        state_.holders.push_back({waiter.kind, waiter.run, waiter.estimate, 0,
                                  waiter.kind == Kind::run ? waiter.disks : std::vector<Disk>{}});
      } else {
        verdict.position = ++queues_[queue_of(waiter, verdict)];
      }
      verdicts.push_back(std::move(verdict));
    }
    return verdicts;
  }

 private:
  Verdict judge(const Waiter& waiter) {
    switch (waiter.kind) {
      case Kind::run:
      case Kind::setup: return judge_disks(waiter);
      case Kind::agent: return judge_agent(waiter);
      case Kind::test: return judge_test(waiter);
    }
    return {};
  }

  /// Agents that a run's own limit holds back are a queue of their own.
  std::string queue_of(const Waiter& waiter, const Verdict& verdict) const {
    const bool own = waiter.kind == Kind::agent && verdict.kind == v1::WAIT_KIND_AGENT_SLOT;
    return std::to_string(static_cast<int>(waiter.kind)) + (own ? waiter.run : "");
  }

  std::size_t count(Kind kind, const std::string* run = nullptr) const {
    return static_cast<std::size_t>(std::count_if(state_.holders.begin(), state_.holders.end(), [&](const Holder& one) {
      return one.kind == kind && (!run || one.run == *run);
    }));
  }

  Verdict judge_agent(const Waiter& waiter) {
    if (count(Kind::agent, &waiter.run) >= waiter.run_agents) {
      return {false, v1::WAIT_KIND_AGENT_SLOT,
              "an agent slot (" + counted_agents(waiter.run_agents) + " at once in this run)",
              "the end of one of this run's agents, or a higher max_parallel", 0};
    }
    const auto agents = state_.settings.agents;
    if (agents > 0 && count(Kind::agent) >= agents) {
      return {false, v1::WAIT_KIND_AGENT_SLOT,
              "an agent slot (" + counted_agents(agents) + " at once over all runs)",
              "the end of an agent of any run, or a higher agents under [admission] in the configuration", 0};
    }
    auto verdict = judge_disks(waiter);
    return verdict.kind == v1::WAIT_KIND_UNSPECIFIED ? judge_memory(waiter) : verdict;
  }

  Verdict judge_memory(const Waiter& waiter) {
    const auto& memory = state_.memory;
    const bool lone = count(Kind::agent) == 0;
    const bool patient = count(Kind::agent, &waiter.run) == 0 && waiter.waited_for_memory >= kLoneRunPatience;
    if (memory.total == 0 || lone) return {};
    if (state_.settings.memory_pressure > 0 && memory.pressure.value_or(0) >= state_.settings.memory_pressure) {
      return {false, v1::WAIT_KIND_MEMORY, "memory: programs on this machine already have to wait for it",
              "an agent's end, or less pressure on memory (memory_pressure in the configuration)", 0};
    }
    if (patient) return {};
    // Whoever comes behind one that is kept waiting does not pass: else the large would wait for ever.
    const auto taken = reserve_of(state_.settings, memory) + promised(state_.holders);
    const auto left = memory.available - std::min(memory.available, taken);
    short_of_memory_ = short_of_memory_ || left < waiter.estimate;
    if (!short_of_memory_) return {};
    return {false, v1::WAIT_KIND_MEMORY,
            "memory for another agent (about " + format_byte_size(waiter.estimate) + "; " + format_byte_size(left) +
                " are left of " + format_byte_size(memory.total) + ", beyond what is kept free or set aside)",
            "an agent's end, or memory that other programs give back", 0};
  }

  Verdict judge_test(const Waiter& waiter) {
    const auto tests = tests_at_once(state_.settings);
    if (count(Kind::test) >= tests) {
      return {false, v1::WAIT_KIND_TEST_SLOT,
              "a test slot (" + std::to_string(tests) + " gate" + (tests == 1 ? "" : "s") + " and verify commands at once)",
              "the end of a gate or verify command of any run", 0};
    }
    return judge_disks(waiter);
  }

  std::uint64_t still_to_be_written(const std::string& path) const {
    std::uint64_t bytes = 0;
    for (const auto& holder : state_.holders) {
      for (const auto& disk : holder.disks) bytes += disk.path == path ? disk.need : 0;
    }
    return bytes;
  }

  Verdict judge_disks(const Waiter& waiter) const {
    for (const auto& disk : waiter.disks) {
      if (disk.total == 0) continue;
      const bool begins = waiter.kind == Kind::run;
      const auto reserve = reserve_of(state_.settings, disk) / (begins ? 1 : kUnderWayPart);
      const auto need = begins ? disk.need + still_to_be_written(disk.path) : 0;
      if (disk.free >= reserve + need) continue;
      return {false, v1::WAIT_KIND_DISK,
              "room on the disk of " + disk.path + " (" + format_byte_size(disk.free) + " are free, " +
                  (need > 0 ? "about " + format_byte_size(need) + " will be written, " : "") + format_byte_size(reserve) +
                  " stay free)",
              "free space there, or a smaller disk_reserve under [admission] in the configuration", 0};
    }
    return {};
  }

  State state_;
  bool short_of_memory_ = false;
  std::map<std::string, unsigned> queues_;
};

}  // namespace

std::vector<Verdict> judge(State state) { return Judge(std::move(state)).judge_all(); }

unsigned tests_at_once(const Settings& settings) { return std::max(1u, settings.tests > 0 ? settings.tests : settings.cores); }

std::uint64_t reserve_of(const Settings& settings, const Memory& memory) {
  return settings.memory_reserve.value_or(std::min(kMostMemoryReserve, memory.total / 10));
}

std::uint64_t reserve_of(const Settings& settings, const Disk& disk) {
  const auto share = static_cast<double>(disk.total) * settings.disk_reserve_percent / 100;
  return std::max(settings.disk_reserve, static_cast<std::uint64_t>(share));
}

std::uint64_t promised(const std::vector<Holder>& holders) {
  std::uint64_t bytes = 0;
  for (const auto& holder : holders) {
    if (holder.kind == Kind::agent) bytes += holder.estimate - std::min(holder.estimate, holder.measured);
  }
  return bytes;
}

Memory parse_meminfo(const std::string& text) {
  Memory memory;
  std::istringstream lines(text);
  std::string name, unit;
  for (std::uint64_t value; lines >> name >> value; std::getline(lines, unit)) {
    if (name == "MemTotal:") memory.total = value * 1024;
    if (name == "MemAvailable:") memory.available = value * 1024;
  }
  return memory;
}

std::optional<double> parse_pressure(const std::string& text) {
  const auto line = text.find("some avg10=");
  if (line == std::string::npos) return std::nullopt;
  std::istringstream number(text.substr(line + std::string("some avg10=").size()));
  double percent = 0;
  if (number >> percent) return percent;
  return std::nullopt;
}

}  // namespace fanout::domain::admission
