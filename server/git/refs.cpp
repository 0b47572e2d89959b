#include "server/git/refs.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "server/git/files.hpp"
#include "server/git/lock_file.hpp"

namespace fanout::git {

namespace {

/// Git itself waits for a second.
constexpr std::chrono::milliseconds kPatience{5000};

/// The name in "<id> <name>", a line of packed-refs; empty for other lines.
std::string name_in(const std::string& line) {
  const bool plain = line.size() > GIT_OID_HEXSZ + 1 && line[0] != '#' && line[0] != '^';
  return plain ? line.substr(GIT_OID_HEXSZ + 1) : "";
}

/// Without the line of this name, and the "^<id>" that belongs to it.
std::string without(const std::string& packed, const std::string& name) {
  std::istringstream lines(packed);
  std::string kept;
  bool dropped = false;
  for (std::string line; std::getline(lines, line);) {
    dropped = line.starts_with('^') ? dropped : name_in(line) == name;
    if (!dropped) kept += line + "\n";
  }
  return kept;
}

void forget_packed(const fs::path& common, const std::string& name) {
  const fs::path file = common / "packed-refs";
  const LockFile lock(common, file, kPatience);
  const std::string content = read_or_empty(file);
  const std::string kept = without(content, name);
  if (kept != content) lock.replace(kept);
}

void remove_empty_folders(const fs::path& common, const fs::path& name) {
  // "refs/heads" and the like stay.
  for (fs::path folder = name.parent_path(); std::distance(folder.begin(), folder.end()) > 2;
       folder = folder.parent_path()) {
    if (::rmdir((common / folder).c_str()) != 0) return;
  }
}

std::optional<git_oid> value_of(const Repository& bare, const std::string& name) {
  Reference found;
  const int code = git_reference_lookup(found.out(), bare.get(), name.c_str());
  if (code == GIT_ENOTFOUND) return std::nullopt;
  check(code, "read " + name);
  const git_oid* target = git_reference_target(found.get());
  return target ? *target : git_oid{};
}

/// Git keeps a/b in a folder a: there can be no reference a then.
void refuse_blocked(const Repository& bare, const std::string& name) {
  for (std::size_t slash = name.find('/'); slash != name.npos; slash = name.find('/', slash + 1)) {
    const std::string shorter = name.substr(0, slash);
    int valid = 0;
    if (git_reference_name_is_valid(&valid, shorter.c_str()) != 0 || !valid || !value_of(bare, shorter))
      continue;
    throw Error(ErrorKind::precondition, name + " cannot be made while there is " + shorter);
  }
}

/// Where git keeps a log of the reference; it is for people to look into, so that it matters to nobody if
/// this fails.
void log_move(const Repository& bare, const fs::path& log, const git_oid& from, const git_oid& to,
              const std::string& message) {
  const Fd file(::open(log.c_str(), O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return;
  const Signature who = identity(bare);
  const int offset = who.get()->when.offset, minutes = std::abs(offset);
  std::array<char, 8> zone;
  std::snprintf(zone.data(), zone.size(), "%c%02d%02d", offset < 0 ? '-' : '+', minutes / 60 % 100,
                minutes % 60);
  write_all(file.get(), text_of(from) + " " + text_of(to) + " " + who.get()->name + " <" + who.get()->email +
                            "> " + std::to_string(who.get()->when.time) + " " + zone.data() + "\t" + message +
                            "\n");
}

void refuse_moved(const RefDeletion& ref, const git_oid& value) {
  if (!ref.expected || git_oid_equal(&*ref.expected, &value)) return;
  throw Error(ErrorKind::precondition, ref.name + " is at " + text_of(value).substr(0, 7) +
                                           " and no longer at " + text_of(*ref.expected).substr(0, 7) +
                                           ": it is not deleted");
}

}  // namespace

bool move_ref(const Repository& bare, const fs::path& common, const std::string& name, const git_oid& target,
              const git_oid& expected, const std::string& message) {
  const LockFile lock(common, common / name, kPatience);
  const git_oid before = value_of(bare, name).value_or(git_oid{});
  if (!git_oid_equal(&before, &expected)) return false;
  if (git_oid_equal(&before, &target)) return true;
  refuse_blocked(bare, name);
  ::rmdir((common / name).c_str());  // An empty folder that longer names left.
  log_move(bare, common / "logs" / name, before, target, message);
  lock.replace(text_of(target) + "\n");
  return true;
}

/// As git does it: each reference is locked from the first look until its loose file is gone, and nobody can
/// pack it anew in between.
std::size_t delete_refs(const Repository& bare, const fs::path& common,
                        const std::vector<RefDeletion>& refs) {
  std::size_t count = 0;
  for (const auto& ref : refs) {
    {
      const LockFile lock(common, common / ref.name, kPatience);
      const auto value = value_of(bare, ref.name);
      if (value) {
        refuse_moved(ref, *value);
        forget_packed(common, ref.name);
        ::unlink((common / ref.name).c_str());
        ::unlink((common / "logs" / ref.name).c_str());
        ++count;
      }
    }
    remove_empty_folders(common, ref.name);
    remove_empty_folders(common / "logs", ref.name);
  }
  return count;
}

void for_each_reference(const Repository& bare, const std::function<void(const git_reference&, const std::string&)>& call) {
  ReferenceIterator iterator;
  check(git_reference_iterator_new(iterator.out(), bare.get()), "list the references");
  Reference reference;
  int code = 0;
  while ((code = git_reference_next(reference.out(), iterator.get())) == 0) {
    call(*reference.get(), git_reference_name(reference.get()));
  }
  if (code != GIT_ITEROVER) check(code, "list the references");
}

}  // namespace fanout::git
