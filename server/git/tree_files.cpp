#include "server/git/tree_files.hpp"

#include "server/git/blob_reader.hpp"
#include "server/git/file_map.hpp"
#include "server/git/repository.hpp"

namespace fanout::git {

std::map<std::string, std::string> files_below(const fs::path& path, const std::string& commit, const std::string& folder,
                                               std::uint64_t most) {
  const Repository repository = open_repository(path);
  const BlobReader reader(common_folder(repository));
  const FileMap all = files_of(tree_of(find_commit(repository, commit)));
  const auto prefix = folder + "/";
  std::map<std::string, std::string> found;
  std::uint64_t bytes = 0;
  for (auto file = all.lower_bound(prefix); file != all.end() && file->first.starts_with(prefix); ++file) {
    const auto& [name, entry] = *file;
    if (entry.mode == GIT_FILEMODE_LINK || entry.mode == GIT_FILEMODE_COMMIT) continue;
    const auto blob = reader.read(entry.id, name);
    bytes += blob.content().size();
    if (bytes > most) throw Error(ErrorKind::precondition, "what is in " + folder + " has more than " + std::to_string(most) + " bytes");
    found.emplace(name.substr(prefix.size()), blob.content());
  }
  return found;
}

}  // namespace fanout::git
