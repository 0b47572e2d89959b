#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tests/support/git_sandbox.hpp"

namespace fanout::git {

/// A file of a commit, exactly as it is stored.
struct StoredFile {
  std::string mode;  ///< 100644, 100755, 120000 or 160000.
  std::string path;
  std::string content;  ///< Of a submodule: a commit's id.
};

/// Stores a commit of these files on `branch` without any conversion, and returns its id.
std::string store_commit(const test::GitSandbox& sandbox, const std::vector<StoredFile>& files,
                         const std::string& branch = "generated");

/// Files with nasty names and contents, and .gitattributes of all kinds between them.
std::vector<StoredFile> generate_files(std::mt19937& random, std::size_t count);

/// Settings that have a say in how files are checked out, at random.
void generate_settings(std::mt19937& random, const test::GitSandbox& sandbox);

}  // namespace fanout::git
