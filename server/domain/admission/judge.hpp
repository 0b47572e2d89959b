#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fanout/v1/run.pb.h"

/// Who may start what: the arithmetic of admission. Pure: no clock, no files.
namespace fanout::domain::admission {

using fanout::v1::WaitKind;

/// What is asked for.
enum class Kind {
  run,    ///< To begin a run at all: its worktrees must fit on the disk.
  setup,  ///< To make a worktree.
  agent,  ///< To start an agent: a slot of its run, one of the daemon, memory.
  test,   ///< To run a gate or a verify command.
};

/// As configured.
struct Settings {
  unsigned agents = 0;  ///< At once over all runs; 0: as many as the runs allow.
  unsigned tests = 0;   ///< Gates and verify commands at once, over all runs; 0: one for each core.
  unsigned cores = 1;
  std::optional<std::uint64_t> memory_reserve;  ///< Bytes that stay free for others; unset: see reserve_of().
  double memory_pressure = 20;                  ///< Percent of stalled time from which no agent starts; 0: never mind.
  std::uint64_t disk_reserve = 2ull << 30;      ///< Bytes that stay free, and
  double disk_reserve_percent = 5;              ///< so much of the disk: whichever is more.
};

struct Memory {
  std::uint64_t available = 0, total = 0;  ///< Bytes; total 0: not known.
  std::optional<double> pressure;          ///< Percent of the last ten seconds; unset: the kernel does not tell.
};
/// Of the text of /proc/meminfo; total 0 where it cannot be read.
Memory parse_meminfo(const std::string& text);
/// "some avg10" in the text of /proc/pressure/memory.
std::optional<double> parse_pressure(const std::string& text);

/// A disk, as far as it matters to somebody.
struct Disk {
  std::string path;                   ///< A folder on it.
  std::uint64_t free = 0, total = 0;  ///< Bytes; total 0: not known, and then it holds nobody up.
  std::uint64_t need = 0;             ///< Bytes that will be written there.
};

/// What was let in and has not ended.
struct Holder {
  Kind kind = Kind::agent;
  std::string run;
  std::uint64_t estimate = 0, measured = 0;  ///< Of an agent: memory it will need, and has by now.
  std::vector<Disk> disks;                   ///< Of a run: what it still has to write.
};

struct Waiter {
  Kind kind = Kind::agent;
  std::string run;
  unsigned run_agents = 1;     ///< `max_parallel` of its run.
  std::uint64_t estimate = 0;  ///< Memory that the agent will need.
  std::chrono::milliseconds waited_for_memory{0};
  std::vector<Disk> disks;
};

struct State {
  Settings settings;
  Memory memory;
  std::vector<Holder> holders;
  std::vector<Waiter> waiters;  ///< In the order in which they are served.
};

struct Verdict {
  bool admitted = false;
  WaitKind kind = fanout::v1::WAIT_KIND_UNSPECIFIED;  ///< What it waits for.
  std::string text;                                   ///< The same in words, to stand behind "waits for".
  std::string release;                                ///< What would release it; a sentence.
  unsigned position = 0;                              ///< From 1: who is served next among those who wait for the same.
};

/// One for each waiter. Whoever is let in counts as a holder for those behind. Never is everybody kept waiting for
/// memory: where no agent is at work one may start, and a run none of whose agents is may start one after a while.
std::vector<Verdict> judge(State state);

/// Gates and verify commands that may run at once.
unsigned tests_at_once(const Settings& settings);
/// What stays free of the memory: as configured, else a tenth, at most 2 GiB.
std::uint64_t reserve_of(const Settings& settings, const Memory& memory);
std::uint64_t reserve_of(const Settings& settings, const Disk& disk);
/// Memory set aside for agents that have not grown to their estimate yet.
std::uint64_t promised(const std::vector<Holder>& holders);

/// So long a run that has no agent at work waits for memory; then it may start one, unless memory is short this moment.
inline constexpr std::chrono::minutes kLoneRunPatience{2};
/// Once a run has begun, things are started for as long as this part of the reserve is free.
inline constexpr std::uint64_t kUnderWayPart = 4;

}  // namespace fanout::domain::admission
