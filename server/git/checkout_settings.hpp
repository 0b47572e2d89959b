#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/git/path_rules.hpp"
#include "server/git/repository.hpp"

namespace fanout::git {

/// What git's configuration says about how files come into a new checkout. Private to server/git.
struct CheckoutSettings {
  enum class AutoCrlf { off, on, input };
  AutoCrlf auto_crlf = AutoCrlf::off;
  bool windows_line_ends = false;  ///< For text that no attribute says more about.
  bool symlinks = true;
  PathProtection protection;
  std::string attributes_file;    ///< The user's; may be empty.
  std::set<std::string> filters;  ///< Names of those that are programs.
  /// Why no file of this repository can be written by us, as the end of a sentence; empty: they can.
  std::string left_to_git;
};

/// `bare` is the common folder opened by open_bare, and is changed: it knows the main checkout's own settings afterwards.
CheckoutSettings read_checkout_settings(const Repository& bare);

/// A name for all that has a say in how the files of a commit come into a checkout, but for the commit: the settings, and
/// the attributes that are not in it.
std::string rules_in_force(const Repository& bare);

/// The attributes of the system, of the user (as settings name them) and of the repository, which come in that order.
std::vector<std::string> attributes_outside(const Repository& bare, const CheckoutSettings& settings);

}  // namespace fanout::git
