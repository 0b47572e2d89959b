#include "server/environment/toolchain.hpp"

#include <sys/stat.h>

#include <chrono>
#include <map>
#include <mutex>
#include <tuple>

#include "common/child.hpp"
#include "common/programs.hpp"
#include "common/text.hpp"

namespace fanout::environment {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kAnswerTime{10};
constexpr std::chrono::minutes kKept{10};  // version managers switch behind the same file

struct Tool {
  const char* word;                 ///< In a command.
  std::vector<const char*> runs;    ///< What it comes to.
};

const std::vector<Tool>& tools() {
  static const std::vector<Tool> all{
      {"node", {"node"}},          {"npm", {"node", "npm"}},     {"npx", {"node", "npm"}},
      {"yarn", {"node", "yarn"}},  {"pnpm", {"node", "pnpm"}},   {"bun", {"bun"}},
      {"corepack", {"node"}},      {"deno", {"deno"}},           {"python", {"python"}},
      {"python3", {"python3"}},    {"pip", {"python3"}},         {"pip3", {"python3"}},
      {"uv", {"uv", "python3"}},   {"poetry", {"poetry", "python3"}}, {"pipenv", {"pipenv", "python3"}},
      {"cargo", {"cargo", "rustc"}}, {"go", {"go"}},             {"cmake", {"cmake", "cc", "c++"}},
      {"meson", {"meson", "cc"}},  {"make", {"make", "cc", "c++"}}, {"bundle", {"ruby", "bundle"}},
      {"composer", {"php", "composer"}}, {"mix", {"elixir"}},    {"mvn", {"java", "mvn"}},
      {"gradle", {"java"}}};
  return all;
}

/// What a program is known by until it is exchanged for another.
struct Identity {
  std::string path, directory;
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  long modified = 0;
  bool operator<(const Identity& other) const {
    return std::tie(path, directory, device, inode, size, modified) <
           std::tie(other.path, other.directory, other.device, other.inode, other.size, other.modified);
  }
};

/// What tools said, for all who ask: facts about the machine, which belong to no run.
class Answers {
 public:
  std::string version_of(const std::string& tool, const Recipe& recipe, const std::stop_token& stop) {
    Identity identity;
    identity.path = find_program(tool, search_path(recipe.surroundings)).string();
    identity.directory = recipe.repository.string();
    struct stat status {};
    if (identity.path.empty() || ::stat(identity.path.c_str(), &status) != 0) return "not there";
    identity.device = status.st_dev;
    identity.inode = status.st_ino;
    identity.size = status.st_size;
    identity.modified = status.st_mtim.tv_sec;
    if (auto known = find(identity)) return *known;
    const std::string question = tool == "go" ? "version" : "--version";
    auto said = output_of({tool, question}, "", recipe.surroundings, kAnswerTime, stop, identity.directory);
    // One that does not say is known by its file.
    auto answer = said ? std::move(*said) : std::to_string(identity.size) + "@" + std::to_string(identity.modified);
    if (!stop.stop_requested()) keep(identity, answer);
    return answer;
  }

 private:
  struct Kept {
    std::string answer;
    Clock::time_point until;
  };
  std::optional<std::string> find(const Identity& identity) {
    const std::scoped_lock lock(mutex_);
    const auto found = kept_.find(identity);
    if (found == kept_.end() || found->second.until < Clock::now()) return std::nullopt;
    return found->second.answer;
  }
  void keep(const Identity& identity, const std::string& answer) {
    const std::scoped_lock lock(mutex_);
    const auto now = Clock::now();
    std::erase_if(kept_, [&](const auto& kept) { return kept.second.until < now; });
    kept_[identity] = {answer, now + kKept};
  }

  std::mutex mutex_;
  std::map<Identity, Kept> kept_;
};

}  // namespace

std::set<std::string, std::less<>> words_of(const std::vector<std::string>& commands) {
  constexpr std::string_view apart = " \t\r\n\"'`;|&()<>{}=,";
  std::set<std::string, std::less<>> words;
  for (const std::string_view command : commands) {
    for (std::size_t at = 0; at < command.size();) {
      const auto begin = command.find_first_not_of(apart, at);
      if (begin == std::string_view::npos) break;
      const auto end = std::min(command.find_first_of(apart, begin), command.size());
      words.emplace(command.substr(begin, end - begin));
      at = end;
    }
  }
  return words;
}

std::vector<std::string> toolchain(const Recipe& recipe, const std::stop_token& stop) {
  static Answers answers;
  const auto words = words_of(recipe.setup);
  std::set<std::string> wanted;
  for (const auto& tool : tools()) {
    if (words.contains(std::string_view(tool.word))) wanted.insert(tool.runs.begin(), tool.runs.end());
  }
  std::vector<std::string> lines;
  for (const auto& tool : wanted) {
    lines.push_back(tool + " " + std::string(trimmed(answers.version_of(tool, recipe, stop))));
  }
  return lines;
}

}  // namespace fanout::environment
