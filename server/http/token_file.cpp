#include "server/http/token_file.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "common/error.hpp"
#include "common/whole_file.hpp"

namespace fanout::http {

namespace {

constexpr std::size_t kRandomBytes = 32;
constexpr std::size_t kMostBytes = 4096;

[[noreturn]] void fail(const std::string& doing, const std::filesystem::path& file) {
  throw Error(ErrorKind::system, "cannot " + doing + " " + file.string() + ": " + errno_text(errno));
}

}  // namespace

std::string random_token() {
  std::array<unsigned char, kRandomBytes> bytes;
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw Error(ErrorKind::system, "the system has no random numbers: " + errno_text(errno));
  }
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const auto byte : bytes) (text += digits[byte >> 4]) += digits[byte & 15];
  return text;
}

bool same_secret(std::string_view given, std::string_view wanted) {
  return given.size() == wanted.size() && CRYPTO_memcmp(given.data(), wanted.data(), wanted.size()) == 0;
}

std::string token_in(const std::filesystem::path& file) {
  int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 && errno == ENOENT) {
    write_whole(file, random_token() + "\n", {.mode = 0600});
    fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  }
  if (fd < 0) fail("read", file);
  struct stat status {};
  std::string text(kMostBytes, '\0');
  const auto got = ::fstat(fd, &status) == 0 ? ::read(fd, text.data(), text.size()) : -1;
  ::close(fd);
  if (got < 0) fail("read", file);
  if ((status.st_mode & 077) != 0) {
    throw Error(ErrorKind::system, "others may read " + file.string() + ": remove it, and a new one is made");
  }
  text.resize(static_cast<std::size_t>(got));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.empty()) throw Error(ErrorKind::system, file.string() + " is empty: remove it, and a new one is made");
  return text;
}

}  // namespace fanout::http
