#pragma once

#include <filesystem>
#include <string>
#include <vector>

/// Real repositories in temporary folders, made and looked at by the real git: the independent witness.
namespace fanout::test {

/// A new empty folder, removed with all that is in it at the end. Its path is canonical.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& relative) const { return path_ / relative; }

 private:
  std::filesystem::path path_;
};

/// For as long as it lives, HOME and XDG_CONFIG_HOME of this process are an empty folder, so that the
/// user's configuration has no say, and the GIT_* variables are gone. Make it before any thread starts.
class IsolatedHome {
 public:
  IsolatedHome();
  const std::filesystem::path& path() const { return home_.path(); }

 private:
  TempDir home_;
};

/// What a program wrote (stdout and stderr) and its exit code; 128 + n when signal n ended it.
struct Output {
  int status = 0;
  std::string text;
};

/// Runs a program in `folder`, with an environment of PATH, HOME and LC_ALL=C. Any thread may call.
Output run_in(const std::filesystem::path& folder, const std::vector<std::string>& argv);

/// Runs git in `folder`; its output without the last line end. Throws with the output when git fails.
std::string git_in(const std::filesystem::path& folder, const std::vector<std::string>& arguments);

void write_file(const std::filesystem::path& path, const std::string& content);
std::string read_file(const std::filesystem::path& path);
std::vector<std::string> lines_of(const std::string& text);

/// A repository on branch main, with a user and no commit yet.
class GitSandbox {
 public:
  GitSandbox();

  const std::filesystem::path& root() const { return root_; }
  /// The folder that the repository lies in, for neighbours such as a bare remote.
  const std::filesystem::path& outside() const { return folder_.path(); }

  std::string git(const std::vector<std::string>& arguments) const { return git_in(root_, arguments); }
  Output try_git(const std::vector<std::string>& arguments) const;

  /// Writes the file, commits it alone, and returns the commit.
  std::string commit_file(const std::string& path, const std::string& content,
                          const std::string& message = "change") const;

  /// A bare repository beside this one, known to it as remote `name`.
  std::filesystem::path add_bare_remote(const std::string& name = "origin") const;

 private:
  TempDir folder_;
  std::filesystem::path root_;
};

}  // namespace fanout::test
