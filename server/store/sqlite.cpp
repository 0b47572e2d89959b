#include "server/store/sqlite.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "server/store/disk_full.hpp"

namespace fanout::store {

namespace {

constexpr int kBusyMilliseconds = 5000;

}  // namespace

void make_private(const std::string& file) {
  const int fd = ::open(file.c_str(), O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd >= 0) ::close(fd);
}

SQLite::Database open_database(const std::string& file) {
  make_private(file);
  SQLite::Database db(file, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOFOLLOW, kBusyMilliseconds);
  db.exec("PRAGMA journal_mode = WAL");
  db.exec("PRAGMA synchronous = FULL");
  return db;
}

void throw_in_words(const std::string& file, const std::string& remedy, const SQLite::Exception& error) {
  switch (error.getErrorCode()) {
    case SQLITE_FULL:
      throw DiskFull(ErrorKind::system, "the disk that holds " + file + " is full: free some space");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      throw Error(ErrorKind::system,
                  file + " is damaged" + (remedy.empty() ? "" : ": " + remedy) + " (" + error.what() + ")");
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
      throw Error(ErrorKind::system, "cannot write " + file + ": check its folder's permissions");
    default:
      throw Error(ErrorKind::system, file + ": " + error.what());
  }
}

}  // namespace fanout::store
