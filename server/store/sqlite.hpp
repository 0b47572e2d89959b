#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <string>

/// What the SQLite files of the daemon have in common.
namespace fanout::store {

/// Makes the file, if there is none, such that no other user can read it: SQLite would use the umask.
void make_private(const std::string& file);

/// Opens the file, or makes it (0600). WAL mode; every commit is synced. BLOCKS. Throws SQLite::Exception.
SQLite::Database open_database(const std::string& file);

/// Throws Damaged where the file is not whole. Reads all of it, up to about a quarter of a gigabyte; of a larger one the
/// table `needed` alone, and what is wrong elsewhere shows when it is read. BLOCKS.
void check_whole(SQLite::Database& db, const std::string& file, const std::string& needed);

/// What SQLite threw about `file`, as an Error{system} of one sentence, DiskFull or Damaged where it is that.
[[noreturn]] void throw_in_words(const std::string& file, const SQLite::Exception& error);

/// Runs `work`; what SQLite throws becomes one sentence.
template <class F>
auto in_words(const std::string& file, F&& work) {
  try {
    return work();
  } catch (const SQLite::Exception& error) {
    throw_in_words(file, error);
  }
}

}  // namespace fanout::store
