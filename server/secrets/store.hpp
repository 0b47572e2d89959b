#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "common/environment.hpp"
#include "common/redact.hpp"

namespace fanout::secrets {

/// Values that plans name and never hold: those of `secrets.toml` beside the user's configuration, then the variables
/// that the daemon was started with. What it gives out is redacted from then on. Thread-safe; all of it BLOCKS.
///
/// A variable that only the daemon may know, such as GITHUB_TOKEN, is given out by no name: else a plan could ask for it.
class Store {
 public:
  Store(std::filesystem::path file, Environment variables, Redactor& redactor);

  /// Of that name; empty: there is none. Error{precondition}: the file has faults, or others may read it.
  std::optional<std::string> value(const std::string& name) const;
  /// For each variable its value. Error{precondition} names the first secret that there is not.
  std::map<std::string, std::string> values(const std::map<std::string, std::string>& names) const;
  /// Has all that there is redacted, also what is likely to be a secret among the variables.
  void learn_all() const;

  const std::filesystem::path& file() const { return file_; }

 private:
  std::map<std::string, std::string> read() const;

  const std::filesystem::path file_;
  const Environment variables_;
  Redactor& redactor_;
};

/// Whether only the daemon may know a variable of that name: tokens of the tracker.
bool is_daemons_own(const std::string& name);

}  // namespace fanout::secrets
