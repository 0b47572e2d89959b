#pragma once

#include <string>
#include <vector>

#include "client/session.hpp"

namespace fanout::client {

struct McpOptions {
  std::vector<std::string> repositories;  ///< As typed; empty: the one around the present folder.
  bool no_start = false;
  unsigned nested_depth = 0;
  unsigned nested_tasks = 8;
};

/// Serves the Model Context Protocol on standard input and output until the input ends.
int serve_mcp(Session& session, const McpOptions& options);

}  // namespace fanout::client
