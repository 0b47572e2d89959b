#include "server/git/cleanliness.hpp"

#include "common/text.hpp"
#include "server/git/scan.hpp"

namespace fanout::git {

namespace {

/// Such as "2 files are staged and not committed".
std::string sentence(std::size_t count, const std::string& noun, const std::string& what) {
  return counted(count, noun) + (count == 1 ? " is " : " are ") + what;
}

Uncommitted of_files(std::vector<std::string> paths, const std::string& what) {
  if (paths.empty()) return {};
  return {sentence(paths.size(), "file", what), std::move(paths)};
}

Uncommitted of_left_out(const std::vector<LeftOut>& left_out) {
  Uncommitted found;
  for (const auto& one : left_out) {
    if (one.why != LeftOut::Why::special) found.details.push_back(one.path + " " + text_of(one.why));
  }
  if (!found.details.empty())
    found.reason = sentence(found.details.size(), "item", "nothing that git can keep");
  return found;
}

Uncommitted of_submodules(const std::vector<std::string>& paths) {
  if (paths.empty()) return {};
  return {sentence(paths.size(), "submodule", "filled, with files that may be nowhere else,"), paths};
}

}  // namespace

Uncommitted uncommitted_in(const Repository& bare, const Checkout& checkout, const Head& head,
                           std::stop_token stop) {
  const Tree tree = head.commit ? tree_of(find_commit(bare, *head.commit)) : Tree();
  const FileMap committed = tree ? files_of(tree) : FileMap();
  const Scan scan = scan_worktree(bare, checkout, committed, Contents::named, std::move(stop));
  auto found = of_files(differences(committed, scan.files), "not committed");
  if (found.reason.empty()) found = of_files(differences(committed, scan.staged), "staged and not committed");
  if (found.reason.empty()) found = of_left_out(scan.left_out);
  if (found.reason.empty()) found = of_submodules(scan.submodules);
  return found;
}

}  // namespace fanout::git
