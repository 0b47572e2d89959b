#pragma once

#include <filesystem>
#include <initializer_list>
#include <string>

#include "server/environment/environment.hpp"

namespace fanout::environment {

/// What lies at the top of a checkout. BLOCKS.
class Project {
 public:
  explicit Project(std::filesystem::path root) : root_(std::move(root)) {}
  bool has_file(const std::string& name) const { return std::filesystem::is_regular_file(at(name)); }
  bool has_folder(const std::string& name) const { return std::filesystem::is_directory(at(name)); }
  /// Empty when it is not there or cannot be read.
  std::string text(const std::string& name) const;
  bool mentions(const std::string& file, const std::string& words) const {
    return text(file).find(words) != std::string::npos;
  }

 private:
  /// The status, such that an unreadable entry counts as not there.
  std::filesystem::file_status at(const std::string& name) const {
    std::error_code ignored;
    return std::filesystem::status(root_ / name, ignored);
  }

  std::filesystem::path root_;
};

/// The kind found first has the word.
inline void offer(std::string& command, const std::string& proposal) {
  if (command.empty()) command = proposal;
}

// Each adds what its kind of project needs, or nothing when the project is not of that kind.
void add_javascript(const Project& project, Commands& commands);
void add_python(const Project& project, Commands& commands);
void add_rust(const Project& project, Commands& commands);
void add_go(const Project& project, Commands& commands);
void add_cmake(const Project& project, Commands& commands);
void add_make(const Project& project, Commands& commands);

}  // namespace fanout::environment
