#pragma once

#include <string>
#include <vector>

#include "client/render/style.hpp"
#include "fanout/v1/run.pb.h"

namespace fanout::client {

/// How a state is shown: a glyph, and a word that says the same.
struct Look {
  const char* glyph;
  std::string word;
  Ink ink;
};

Look look_of(fanout::v1::Phase phase);
/// Of a task: its phase, unless its agent waits for a person, or stands still.
Look look_of(const fanout::v1::Subagent& agent);
/// The same in its run: who raced and did not win is not said to have completed anything.
Look look_in(const fanout::v1::Run& run, const fanout::v1::Subagent& agent);
Look look_of(fanout::v1::RunState state);

/// Whether a subagent is between its start and its end.
bool at_work(fanout::v1::Phase phase);

/// "1 commit", "3 commits".
std::string numbered(std::size_t count, const std::string& noun);

/// The first digits of an object id.
std::string short_commit(const std::string& id);

/// "main@1a2b3c4d"; either part may be missing.
std::string base_of(const fanout::v1::Run& run);

/// What one of several repositories is called: its name, or its folder's.
std::string shown_repository(const std::string& name, const std::string& path);

/// The run's subagents, those of one repository together.
std::vector<const fanout::v1::Subagent*> by_repository(const fanout::v1::Run& run);

/// Of one of by_repository(), the first of a repository where there are several: what that is called; else empty.
class RepositoryTitles {
 public:
  explicit RepositoryTitles(const fanout::v1::Run& run) : run_(run) {}
  bool several() const { return run_.repositories_size() > 1; }
  std::string of(const std::string& name);

 private:
  const fanout::v1::Run& run_;
  const std::string* last_ = nullptr;
};

/// As `--sandbox` names it.
const char* sandbox_word(fanout::v1::SandboxLevel level);

/// Completed or skipped.
std::size_t count_done(const fanout::v1::Run& run);

}  // namespace fanout::client
