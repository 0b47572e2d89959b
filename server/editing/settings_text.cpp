#include "server/editing/settings_text.hpp"

#include "common/text.hpp"
#include "server/editing/text.hpp"

namespace fanout::editing {

namespace v1 = fanout::v1;
using environment::Commands;

namespace {

v1::Finding finding(const char* kind, const std::string& value, const std::string& reason, bool active = false) {
  v1::Finding found;
  found.set_kind(kind);
  found.set_value(valid_utf8(value));
  found.set_reason(valid_utf8(reason));
  found.set_active(active);
  return found;
}

void add_each(const Looked& looked, const char* kind, std::vector<std::string> Commands::*commands, std::vector<v1::Finding>& all) {
  for (const auto& evidence : looked.kinds) {
    for (const auto& command : evidence.commands.*commands) all.push_back(finding(kind, command, evidence.file));
  }
}

/// The kind found first has the word, as in detect().
void add_first(const Looked& looked, const char* kind, std::string Commands::*command, bool active, std::vector<v1::Finding>& all) {
  for (const auto& evidence : looked.kinds) {
    const auto& said = evidence.commands.*command;
    if (!said.empty()) return all.push_back(finding(kind, said, evidence.file, active));
  }
}

/// Lines of the settings; those that are comments begin with "# ".
class SettingsPage {
 public:
  explicit SettingsPage(const std::vector<v1::Finding>& found) : found_(found) {}

  void say(const std::string& comment) { text_ += "\n# " + comment + "\n"; }

  void gates() {
    const bool any = has("test") || has("lint") || has("typecheck");
    say("Gates: commands that must succeed in a task's worktree before its work counts. A failed one goes back to the agent.");
    if (!any) text_ += "# gates:\n#   - {name: \"tests\", run: \"COMMAND\"}\n";
    if (any) text_ += std::string(has("test") ? "" : "# ") + "gates:\n";
    for (const auto& one : found_) {
      const auto kind = one.kind();
      if (kind != "test" && kind != "lint" && kind != "typecheck") continue;
      const std::string name = kind == "test" ? "tests" : kind == "lint" ? "lint" : "types";
      text_ += std::string(one.active() ? "" : "# ") + "  - {name: " + yaml_quoted(name) + ", run: " + yaml_quoted(one.value()) + "}  # by " +
               as_title(one.reason()) + "\n";
    }
  }

  void list(const char* kind, const std::string& comment) {
    say(comment);
    text_ += std::string("# ") + kind + ":" + (has(kind) ? "\n" : " []\n");
    for (const auto& one : found_) {
      if (one.kind() == kind) text_ += "#   - " + yaml_quoted(one.value()) + "  # by " + as_title(one.reason()) + "\n";
    }
  }

  void word(const char* kind, const char* key, const std::string& otherwise) {
    const auto* one = first(kind);
    text_ += std::string("# ") + key + ": " + yaml_quoted(one ? one->value() : otherwise) + "\n";
  }

  bool has(const std::string& kind) const { return first(kind) != nullptr; }
  const std::string& text() const { return text_; }

 private:
  const v1::Finding* first(const std::string& kind) const {
    for (const auto& one : found_) {
      if (one.kind() == kind) return &one;
    }
    return nullptr;
  }

  const std::vector<v1::Finding>& found_;
  std::string text_ =
      "# What Fanout does in this repository, begun by fanout init. A plan, and a task in it, may say otherwise.\n"
      "# A setting behind \"# \" says what was found or how it could be: take the \"# \" away to have it so.\n"
      "# All settings: fanout.toml(5).\n";
};

}  // namespace

std::vector<v1::Finding> findings(const Looked& looked) {
  std::vector<v1::Finding> all;
  add_first(looked, "test", &Commands::unit_test, true, all);
  add_first(looked, "lint", &Commands::lint, false, all);
  add_first(looked, "typecheck", &Commands::typecheck, false, all);
  add_each(looked, "setup", &Commands::setup, all);
  add_each(looked, "verify", &Commands::verify, all);
  if (!looked.branch.empty()) all.push_back(finding("base", looked.branch, "checked out"));
  if (!looked.remote.empty()) all.push_back(finding("remote", looked.place, "remote " + looked.remote));
  for (const auto& agent : looked.agents) all.push_back(finding("agent", agent, "in PATH"));
  return all;
}

std::string settings_text(const std::vector<v1::Finding>& found) {
  SettingsPage page(found);
  page.gates();
  page.list("setup", "Setup: makes a fresh worktree fit for work. Left out, it is found anew for every run, as it was here.");
  page.list("verify", "Verify: shows quickly, before the agent starts, that setup worked. Found likewise.");
  page.say("Base: what branches start from. Left out, it is what is checked out when a run starts.");
  page.word("base", "base", "main");
  page.say("Agent: claude, codex, gemini, opencode, or a command. Left out, it is the only one that is installed.");
  page.word("agent", "agent", "claude");
  page.say("How many agents work at once, and how long one may take.");
  const std::string usual = "# max_parallel: 4\n# timeout: 1h\n";
  auto text = page.text() + usual;
  if (page.has("remote")) {
    text += "\n# Issues and pull requests at GitHub, and branches that are pushed. fanout auth login logs in.\n# tracker: \"github\"\n# push: true\n";
  }
  return text;
}

}  // namespace fanout::editing
