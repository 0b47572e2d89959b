#pragma once

#include <filesystem>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/environment.hpp"
#include "server/environment/include_rules.hpp"

/// What tells one environment from another: what set it up, and what that depends on.
namespace fanout::environment {

/// How an environment is set up.
struct Recipe {
  std::vector<std::string> setup;   ///< Commands, as they are run.
  std::vector<std::string> inputs;  ///< Patterns of further files that they depend on; .gitignore syntax.
  Environment variables;            ///< Those of the plan, which the commands see.
  Environment surroundings;         ///< All that the commands see: tools are found in its PATH.
  std::filesystem::path repository; ///< The main checkout: tools are asked there, so that pool and task hear the same.
};

/// A file that setting up depends on.
struct Input {
  std::string path;  ///< In the checkout.
  std::string blob;  ///< Object id of its content as git would store it, hexadecimal.
  auto operator<=>(const Input&) const = default;
};

/// Which files setting up depends on: lock files and manifests of package managers, files that pin a tool's version,
/// files that a command names, and what the recipe's patterns name.
class InputRules {
 public:
  explicit InputRules(const Recipe& recipe);
  bool wants(std::string_view path) const;

 private:
  std::set<std::string, std::less<>> named_;
  IncludeRules patterns_;
};

/// Those in a commit's tree. BLOCKS. Throws Error{not_found or system}.
std::vector<Input> inputs_of_commit(const std::filesystem::path& repository, const std::string& commit,
                                    const InputRules& rules);
/// Those that git tracks in a checkout, as they are on the disk: an agent may have changed them. BLOCKS.
/// Throws Error{precondition or system}.
std::vector<Input> inputs_of_checkout(const std::filesystem::path& checkout, const InputRules& rules);

/// The git folder that a repository's checkouts share. BLOCKS. Throws Error{system}.
std::filesystem::path git_folder_of(const std::filesystem::path& repository);

/// The environment's name: the same for the same commands, variables, inputs, and versions of the tools that the
/// commands run; hexadecimal. Empty when there are no commands: there is no environment then. BLOCKS: a tool that was
/// not asked for its version lately is asked. Thread-safe. Throws Error{cancelled}.
std::string fingerprint(const Recipe& recipe, std::vector<Input> inputs, const std::stop_token& stop = {});

}  // namespace fanout::environment
