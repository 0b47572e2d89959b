#include "server/orchestrator/housekeeping.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>
#include <ctime>
#include <fstream>
#include <sstream>

#include "common/byte_size.hpp"
#include "common/text.hpp"
#include "server/domain/plan/resolve.hpp"
#include "server/rebuild/run_folder.hpp"

namespace fanout::orchestrator {

using std::chrono::milliseconds;

namespace {

bool is_older(const store::EndedRun& run, milliseconds age) {
  return age.count() > 0 && milliseconds(std::chrono::seconds(std::time(nullptr) - run.ended_at)) >= age;
}

struct Config {
  domain::Retention retention;
  std::string fault;
};

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// BLOCKS. Where the file is wrong the defaults hold.
Config read_config(const std::filesystem::path& file) {
  std::vector<domain::Diagnostic> diagnostics;
  auto config = domain::parse_user_config(text_of(file), file.string(), diagnostics);
  for (const auto& diagnostic : diagnostics) {
    if (diagnostic.severity == domain::Diagnostic::Severity::error) return {{}, diagnostic.field + ": " + diagnostic.message};
  }
  return {config.retention, {}};
}

}  // namespace

awaitable<void> Housekeeping::live() {
  boost::asio::steady_timer pause(services_.executor);
  for (;;) {
    try {
      pause.expires_after(interval_);
      co_await pause.async_wait(boost::asio::use_awaitable);
      co_await tidy();
    } catch (const Error& error) {
      spdlog::warn("old runs could not be tidied up: {}", error.what());
    } catch (const boost::system::system_error&) {
      co_return;  // the daemon ends
    }
  }
}

awaitable<void> Housekeeping::tidy() {
  const auto limits = co_await retention();
  const auto ended = co_await services_.log.query([](store::Database& database) { return database.ended(); });
  co_await keep_records(ended);
  co_await bound_events(ended, limits);
  co_await bound_output(ended, limits);
}

awaitable<domain::Retention> Housekeeping::retention() {
  auto config = co_await services_.files.run([this](std::stop_token) { return read_config(config_); });
  if (config.fault != fault_ && !config.fault.empty()) spdlog::warn("{}: {}; the defaults hold", config_.string(), config.fault);
  fault_ = config.fault;
  co_return config.retention;
}

/// For runs of older daemons, and where a disk was full then.
awaitable<void> Housekeeping::keep_records(std::vector<store::EndedRun> ended) {
  for (const auto& run : ended) {
    const bool there = co_await services_.files.run([&](std::stop_token) {
      return rebuild::has_outcome(services_.runs_directory, run.id);
    });
    if (!there) co_await runs_.keep_records(run.id);
  }
}

awaitable<std::uint64_t> Housekeeping::log_size() {
  return services_.log.query([](store::Database& database) { return database.size(); });
}

awaitable<void> Housekeeping::bound_events(std::vector<store::EndedRun> ended, domain::Retention limits) {
  std::size_t count = 0;
  for (const auto& run : ended) {
    if (run.compacted) continue;
    const auto size = co_await log_size();
    const bool too_large = limits.events_size > 0 && size > limits.events_size;
    if (!too_large && !is_older(run, limits.events_age)) continue;
    const bool compacted = co_await runs_.compact(run.id);
    count += compacted ? 1 : 0;
  }
  if (count == 0) co_return;
  co_await services_.log.query([](store::Database& database) { database.give_back_space(); });
  const auto size = co_await log_size();
  spdlog::info("{} compacted to their outcomes; the log holds {}", counted(count, "run"), format_byte_size(size));
}

awaitable<void> Housekeeping::bound_output(std::vector<store::EndedRun> ended, domain::Retention limits) {
  std::vector<std::uintmax_t> sizes;
  std::uintmax_t total = 0;
  for (const auto& run : ended) {
    sizes.push_back(co_await services_.files.run(
        [&](std::stop_token) { return rebuild::archive_size(services_.runs_directory, run.id); }));
    total += sizes.back();
  }
  for (std::size_t i = 0; i < ended.size(); ++i) {
    const bool too_large = limits.output_size > 0 && total > limits.output_size;
    if (sizes[i] == 0 || (!too_large && !is_older(ended[i], limits.output_age))) continue;
    const bool removed = co_await runs_.remove_archive(ended[i].id);
    if (!removed) continue;
    total -= sizes[i];
    spdlog::info("run {}: what its programs printed is removed ({})", ended[i].id, format_byte_size(sizes[i]));
  }
}

}  // namespace fanout::orchestrator
