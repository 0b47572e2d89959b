#include "server/git/blob_reader.hpp"

#include "common/text.hpp"
#include "server/git/checkouts.hpp"

namespace fanout::git {

BlobReader::BlobReader(const fs::path& common) : bare_(open_bare(common)) {
  check(git_repository_odb(odb_.out(), bare_.get()), "open the object database");
}

ReadBlob BlobReader::read(const git_oid& id, const std::string& path) const {
  git_odb_object* object = nullptr;
  check(git_odb_read(&object, odb_.get(), &id), "read the content of " + printable(path));
  ReadBlob blob(object);
  if (git_odb_object_type(object) == GIT_OBJECT_BLOB) return blob;
  throw Error(ErrorKind::system, "cannot read the content of " + printable(path) + ": it is no file in the repository");
}

}  // namespace fanout::git
