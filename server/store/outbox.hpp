#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>

#include "server/github/outbox_store.hpp"

namespace fanout::store {

/// The tracker's outbox and its limiters' states in an SQLite file, which may be the event log's or its own:
/// it has its own connection, tables (outbox, outbox_limiter, outbox_gap) and schema version (outbox_schema).
/// Every commit is synced. BLOCKS. Not thread-safe: one call at a time, from any thread.
/// Throws Error{system} in words: which file, what is wrong.
class Outbox : public github::OutboxStore {
 public:
  /// Opens or makes `file` (0600). A newer schema is refused, and so is a damaged file.
  explicit Outbox(const std::filesystem::path& file);

  /// The same, but a damaged file is set aside whole, and a new one made; `notice` then says so.
  static std::unique_ptr<Outbox> open(const std::filesystem::path& file, std::string& notice);

  /// `tell` is called, on whatever thread finds it, when the file turns out to be damaged; the call that found it throws.
  void on_damage(std::function<void(const std::string& what)> tell);

  ~Outbox() override;
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  void put(const std::vector<github::Step>& steps) override;
  std::optional<github::Step> find(const std::string& run, const std::string& task, github::StepKind kind) override;
  std::vector<github::Step> open(const std::string& run) override;
  std::map<std::string, github::Time> gaps() override;
  void find_gap(const std::string& run, github::Time began) override;
  std::string limiter(const std::string& key) override;
  void save_limiter(const std::string& key, const std::string& state) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanout::store
