#pragma once

#include "server/git/checkouts.hpp"
#include "server/git/shadow.hpp"

/// What a shadow is made of. Private to server/git.
namespace fanout::git {

/// The repository's folder of objects, then those that it borrows from, each once.
std::vector<fs::path> objects_of(const fs::path& common);

/// All of it but its tip and rules.
void make_shadow(const Repository& bare, const Checkout& checkout, const std::string& branch, const Shadow& shadow);

}  // namespace fanout::git
