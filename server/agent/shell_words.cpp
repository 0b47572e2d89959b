#include "server/agent/shell_words.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "common/text.hpp"

namespace fanout::agent {

namespace {

/// Words that begin or belong to a compound command, and builtins that run or define what comes later.
bool is_reserved(std::string_view word) {
  constexpr std::array<std::string_view, 32> words{
      "if",    "then",  "else",   "elif",     "fi",      "for",      "while",   "until",
      "do",    "done",  "case",   "esac",     "in",      "select",   "time",    "coproc",
      "eval",  "exec",  "source", ".",        "trap",    "function", "set",     "unset",
      "shopt", "alias", "export", "readonly", "declare", "local",    "command", "builtin"};
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_assignment(std::string_view word) {
  const auto equals = word.find('=');
  if (equals == std::string_view::npos || equals == 0) return false;
  const auto is_name = [](char c) {
    return c == '_' || c == '+' || std::isalnum(static_cast<unsigned char>(c));
  };
  return std::all_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(equals), is_name);
}

/// Reads a line from left to right; `ok` falls when something is not certain.
class Reader {
 public:
  explicit Reader(std::string_view line) : rest_(line) {}

  std::optional<std::vector<ShellCommand>> read() {
    while (!rest_.empty() && ok_) step();
    end_command();
    return ok_ && !commands_.empty() ? std::optional(std::move(commands_)) : std::nullopt;
  }

 private:
  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  void step() {
    const char c = rest_.front();
    if (take(" ") || take("\t")) return end_word();
    if (take("\n") || take(";") || take("&&") || take("||") || take("|")) {
      end_word();
      if (c == '|' && rest_.starts_with("&")) ok_ = false;
      return end_command();
    }
    if (c == '#' && !in_word_) return skip_comment();
    if (c == '>' || c == '<') return redirect();
    if (std::string_view("&(){}`!\r").find(c) != std::string_view::npos || c == '\0') {
      // A brace or "!" inside a word is a letter to the shell, but braces may also expand.
      if (c == '!' && in_word_) return letter();
      ok_ = false;
      return;
    }
    if (c == '\'') return single_quotes();
    if (c == '"') return double_quotes();
    if (c == '\\') return escape();
    // A pattern at a word's beginning may match a file whose name is an option.
    const bool first = word_.text.empty();
    if (c == '$' || (first && std::string_view("*?[~").find(c) != std::string_view::npos))
      word_.plain = false;
    if (c == '$' && rest_.size() > 1 && std::string_view("('\"{").find(rest_[1]) != std::string_view::npos)
      ok_ = false;
    letter();
  }

  void letter() {
    in_word_ = true;
    word_.text += rest_.front();
    rest_.remove_prefix(1);
  }

  void skip_comment() {
    const auto end = rest_.find('\n');
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end);
  }

  void escape() {
    rest_.remove_prefix(1);
    if (rest_.empty() || rest_.front() == '\n') {
      ok_ = false;
      return;
    }
    letter();
  }

  void single_quotes() {
    const auto end = rest_.find('\'', 1);
    if (end == std::string_view::npos) {
      ok_ = false;
      return;
    }
    in_word_ = true;
    word_.text += rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
  }

  void double_quotes() {
    rest_.remove_prefix(1);
    in_word_ = true;
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '`' || rest_.starts_with("$(")) ok_ = false;
      if (rest_.front() == '$') word_.plain = false;
      if (rest_.front() == '\\' && rest_.size() > 1) {
        const bool special = std::string_view("$`\"\\\n").find(rest_[1]) != std::string_view::npos;
        if (special) rest_.remove_prefix(1);
      }
      letter();
    }
    if (!take("\"")) ok_ = false;
  }

  void redirect() {
    // The number before it belongs to it.
    if (in_word_ && (word_.text == "1" || word_.text == "2")) {
      word_ = {};
      in_word_ = false;
    }
    end_word();
    if (take(">&1") || take(">&2")) return must_end();
    if (take("<<") || take("<(") || take(">(") || take("<>") || take(">|") || take("<&")) {
      ok_ = false;
      return;
    }
    if (!take(">>") && !take(">")) take("<");
    while (take(" ")) {
    }
    if (take("/dev/null")) return must_end();
    command_.redirects = true;
    target_ = true;
  }

  /// What was read ends here, and is not the beginning of something longer.
  void must_end() {
    if (!rest_.empty() && std::string_view(" \t\n;|&").find(rest_.front()) == std::string_view::npos)
      ok_ = false;
  }

  void end_word() {
    if (!in_word_) return;
    if (std::exchange(target_, false)) {  // the file's name is no word of the command
      word_ = {};
      in_word_ = false;
      return;
    }
    const bool first = command_.words.empty();
    if (first && (is_reserved(word_.text) || is_assignment(word_.text) || !word_.plain)) ok_ = false;
    command_.words.push_back(std::exchange(word_, {}));
    in_word_ = false;
  }

  void end_command() {
    end_word();
    if (target_ || (command_.words.empty() && command_.redirects)) ok_ = false;
    if (!command_.words.empty()) commands_.push_back(std::exchange(command_, {}));
  }

  std::string_view rest_;
  ShellWord word_;
  bool in_word_ = false;
  bool target_ = false;  ///< The next word is where a redirection goes.
  bool ok_ = true;
  ShellCommand command_;
  std::vector<ShellCommand> commands_;
};

bool is_shell(std::string_view program) {
  const auto slash = program.rfind('/');
  if (slash != std::string_view::npos) program.remove_prefix(slash + 1);
  return program == "sh" || program == "bash" || program == "zsh" || program == "dash";
}

bool is_command_flag(std::string_view flag) { return flag == "-c" || flag == "-lc"; }

/// The words of a line that is quoted like one made by a quoting function; nothing when it is more than that.
std::optional<std::vector<std::string>> quoted_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  for (std::size_t i = 0; i < line.size();) {
    const char c = line[i];
    if (c == ' ') {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
      ++i;
      continue;
    }
    in_word = true;
    if (c == '\'' || c == '"') {
      for (++i; i < line.size() && line[i] != c; ++i) {
        const bool escaped = c == '"' && line[i] == '\\' && i + 1 < line.size() &&
                             std::string_view("$`\"\\").find(line[i + 1]) != std::string_view::npos;
        word += line[escaped ? ++i : i];
      }
      if (i++ >= line.size()) return std::nullopt;
    } else if (c == '\\' && i + 1 < line.size()) {
      word += line[i + 1];
      i += 2;
    } else {
      word += c;
      ++i;
    }
  }
  if (in_word) words.push_back(std::move(word));
  return words;
}

}  // namespace

std::optional<std::vector<ShellCommand>> parse_command_line(std::string_view line) {
  return Reader(line).read();
}

std::string without_shell(const std::vector<std::string>& argv) {
  if (argv.size() == 3 && is_shell(argv[0]) && is_command_flag(argv[1])) return argv[2];
  std::vector<std::string> quoted;
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("_-./=:,+@%").find(c) != std::string_view::npos;
  };
  for (const auto& word : argv) {
    const bool bare = !word.empty() && std::all_of(word.begin(), word.end(), plain);
    quoted.push_back(bare ? word : shell_quoted(word));
  }
  return join(quoted, " ");
}

std::string without_shell(std::string_view line) {
  const auto first = line.substr(0, line.find(' '));
  if (!is_shell(first)) return std::string(line);
  const auto words = quoted_words(line);
  if (words && words->size() == 3 && is_command_flag((*words)[1])) return (*words)[2];
  return std::string(line);
}

}  // namespace fanout::agent
