#include "server/agent/homes.hpp"

#include <array>
#include <deque>
#include <string>
#include <vector>

namespace fanout::agent {

namespace {

using std::string_view;
using List = std::vector<string_view>;

struct Row {
  string_view id;
  string_view folder;  ///< That the user may move,
  List moved;          ///< to where this variable says.
  List read, write, login, own, seed;
};

constexpr List Row::*kLists[] = {&Row::moved, &Row::read, &Row::write, &Row::login, &Row::own, &Row::seed};

/// What lies below the agent's folder, also where the user may have moved it to.
Row with_moved(Row row) {
  static std::deque<std::string> places;
  for (const auto list : kLists) {
    for (const auto place : List(row.*list)) {
      if (!place.starts_with(row.folder)) continue;
      places.push_back(std::string(row.moved.front()).append(place.substr(row.folder.size())));
      (row.*list).push_back(places.back());
    }
  }
  return row;
}

const std::array<Row, 4>& rows() {
  static const std::array<Row, 4> all{{
      with_moved({"claude", "~/.claude/", {"$CLAUDE_CONFIG_DIR/"},
       {"~/.claude/settings.json", "~/.claude/settings.local.json", "~/.claude/CLAUDE.md", "~/.claude/commands", "~/.claude/agents",
        "~/.claude/skills", "~/.claude/plugins", "~/.claude/hooks", "~/.claude/output-styles", "~/.claude/rules", "~/.local/share/claude"},
       {"~/.claude/projects", "~/.claude/todos", "~/.claude/file-history", "~/.claude/session-env"},
       {"~/.claude/.credentials.json"},
       {},
       {"~/.claude.json", "$CLAUDE_CONFIG_DIR/.claude.json"}}),
      with_moved({"codex", "~/.codex/", {"$CODEX_HOME/"},
       {"~/.codex/config.toml", "~/.codex/AGENTS.md", "~/.codex/prompts", "~/.codex/skills", "~/.codex/rules", "~/.codex/packages"},
       {"~/.codex/sessions"},
       {"~/.codex/auth.json"},
       {},
       {}}),
      {"gemini", {}, {},
       {"~/.gemini/settings.json", "~/.gemini/GEMINI.md", "~/.gemini/extensions", "~/.gemini/commands", "~/.gemini/policies",
        "~/.gemini/trustedFolders.json", "~/.gemini/installation_id"},
       {"~/.gemini/tmp"},
       {"~/.gemini/oauth_creds.json", "~/.gemini/google_accounts.json"},
       {"~/.gemini/tmp/bin"},
       {"~/.gemini/projects.json"}},
      {"opencode", {}, {},
       {"~/.config/opencode/node_modules", "$XDG_CONFIG_HOME/opencode/node_modules", "~/.opencode"},
       {"~/.local/share/opencode", "~/.local/state/opencode", "$XDG_DATA_HOME/opencode", "$XDG_STATE_HOME/opencode"},
       {},
       {"~/.local/share/opencode/bin", "~/.local/share/opencode/snapshot", "~/.local/share/opencode/repos", "$XDG_DATA_HOME/opencode/bin",
        "$XDG_DATA_HOME/opencode/snapshot", "$XDG_DATA_HOME/opencode/repos"},
       {"~/.config/opencode", "$XDG_CONFIG_HOME/opencode"}},  // without a .gitignore of its own there it does not begin
  }};
  return all;
}

Row all_of_them() {
  Row all;
  for (const auto& row : rows()) {
    for (const auto list : kLists) (all.*list).insert((all.*list).end(), (row.*list).begin(), (row.*list).end());
  }
  return all;
}

}  // namespace

HomeFiles home_files(string_view id) {
  static const Row any = all_of_them();
  for (const auto& row : rows()) {
    if (row.id == id) return {row.read, row.write, row.login, row.own, row.seed, row.moved};
  }
  return {any.read, any.write, any.login, any.own, any.seed, any.moved};
}

std::string expanded(string_view file, const std::function<std::string(string_view)>& variable) {
  const auto slash = file.find('/');
  const auto first = file.substr(0, slash);
  const auto base = variable(first == "~" ? "HOME" : first.substr(1));
  return base.empty() ? std::string() : base + std::string(file.substr(slash));
}

}  // namespace fanout::agent
