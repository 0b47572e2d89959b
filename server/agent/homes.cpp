#include "server/agent/homes.hpp"

#include <array>
#include <vector>

namespace fanout::agent {

namespace {

using std::string_view;
using List = std::vector<string_view>;

struct Row {
  string_view id;
  List read, write, login, own, seed;
};

const std::array<Row, 4>& rows() {
  static const std::array<Row, 4> all{{
      {"claude",
       {"~/.claude/settings.json", "~/.claude/settings.local.json", "~/.claude/CLAUDE.md", "~/.claude/commands", "~/.claude/agents",
        "~/.claude/skills", "~/.claude/plugins", "~/.claude/hooks", "~/.claude/output-styles", "~/.claude/rules", "~/.local/share/claude"},
       {"~/.claude/projects", "~/.claude/todos", "~/.claude/file-history", "~/.claude/session-env", "$CLAUDE_CONFIG_DIR/"},
       {"~/.claude/.credentials.json"},
       {},
       {"~/.claude.json"}},
      {"codex",
       {"~/.codex/config.toml", "~/.codex/AGENTS.md", "~/.codex/prompts", "~/.codex/skills", "~/.codex/rules", "~/.codex/packages"},
       {"~/.codex/sessions", "$CODEX_HOME/"},
       {"~/.codex/auth.json"},
       {},
       {}},
      {"gemini",
       {"~/.gemini/settings.json", "~/.gemini/GEMINI.md", "~/.gemini/extensions", "~/.gemini/commands", "~/.gemini/policies",
        "~/.gemini/trustedFolders.json", "~/.gemini/installation_id"},
       {"~/.gemini/tmp"},
       {"~/.gemini/oauth_creds.json", "~/.gemini/google_accounts.json"},
       {"~/.gemini/tmp/bin"},
       {"~/.gemini/projects.json"}},
      {"opencode",
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
  const auto add = [](List& to, const List& from) { to.insert(to.end(), from.begin(), from.end()); };
  for (const auto& row : rows()) {
    add(all.read, row.read);
    add(all.write, row.write);
    add(all.login, row.login);
    add(all.own, row.own);
    add(all.seed, row.seed);
  }
  return all;
}

}  // namespace

HomeFiles home_files(string_view id) {
  static const Row any = all_of_them();
  for (const auto& row : rows()) {
    if (row.id == id) return {row.read, row.write, row.login, row.own, row.seed};
  }
  return {any.read, any.write, any.login, any.own, any.seed};
}

std::string expanded(string_view file, const std::function<std::string(string_view)>& variable) {
  const auto slash = file.find('/');
  const auto first = file.substr(0, slash);
  const auto base = variable(first == "~" ? "HOME" : first.substr(1));
  return base.empty() ? std::string() : base + std::string(file.substr(slash));
}

}  // namespace fanout::agent
