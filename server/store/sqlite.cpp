#include "server/store/sqlite.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "server/store/damaged.hpp"
#include "server/store/disk_full.hpp"

namespace fanout::store {

namespace {

constexpr int kBusyMilliseconds = 5000;
constexpr std::uintmax_t kLargestChecked = std::uintmax_t{256} << 20;  // about half a second

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

void check_whole(SQLite::Database& db, const std::string& file, const std::string& needed) {
  std::error_code error;
  const bool all = std::filesystem::file_size(file, error) <= kLargestChecked;
  SQLite::Statement check(db, "PRAGMA quick_check(" + (all ? std::string("1") : needed) + ")");
  std::string found = check.executeStep() ? check.getColumn(0).getString() : "ok";
  std::replace(found.begin(), found.end(), '\n', ' ');
  if (found != "ok") throw Damaged(ErrorKind::system, file + " is damaged (" + found + ")");
}

void throw_in_words(const std::string& file, const SQLite::Exception& error) {
  switch (error.getErrorCode()) {
    case SQLITE_FULL:
      throw DiskFull(ErrorKind::system, "the disk that holds " + file + " is full: free some space");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      throw Damaged(ErrorKind::system, file + " is damaged (" + error.what() + ")");
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
      throw Error(ErrorKind::system, "cannot write " + file + ": check its folder's permissions");
    default:
      throw Error(ErrorKind::system, file + ": " + error.what());
  }
}

}  // namespace fanout::store
