#pragma once

#include <string>
#include <vector>

#include "fanout/v1/editing.pb.h"
#include "server/environment/environment.hpp"

/// What a repository looks like, and the settings that follow. Pure.
namespace fanout::editing {

struct Looked {
  std::vector<environment::Evidence> kinds;  ///< Of projects in it.
  std::string branch;                        ///< Checked out; empty: none.
  std::string remote, place;                 ///< Name of the remote, and where at GitHub it is; empty: neither, or elsewhere.
  std::vector<std::string> agents;           ///< Installed.
};

/// For people, in the order of the settings.
std::vector<fanout::v1::Finding> findings(const Looked& looked);

/// `.fanout.yaml` as these findings have it, with a comment for each.
std::string settings_text(const std::vector<fanout::v1::Finding>& found);

}  // namespace fanout::editing
