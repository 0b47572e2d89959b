#include "server/git/index_file.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "common/error.hpp"

namespace fanout::git {

namespace {

constexpr std::size_t kFixedPart = 62;  ///< Of an entry: all but the path.
constexpr std::size_t kLongestLength = 0xfff;

void put32(std::string& out, std::uint32_t value) {
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(value >> shift & 0xff);
}

void put_entry(std::string& out, const PlannedFile& file, const IndexStat& state) {
  for (const auto value : {state.ctime, state.ctime_ns, state.mtime, state.mtime_ns, state.device, state.inode, file.mode,
                           state.uid, state.gid, state.size}) {
    put32(out, value);
  }
  out.append(reinterpret_cast<const char*>(file.id.id), GIT_OID_RAWSZ);
  const std::size_t length = std::min(file.path.size(), kLongestLength);
  out += static_cast<char>(length >> 8);
  out += static_cast<char>(length & 0xff);
  // At least one zero, up to a multiple of eight.
  out.append(file.path).append(8 - (kFixedPart + file.path.size()) % 8, '\0');
}

std::string sha1(const std::string& content) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned length = 0;
  if (EVP_Digest(content.data(), content.size(), digest.data(), &length, EVP_sha1(), nullptr) != 1) {
    throw Error(ErrorKind::system, "cannot compute the checksum of an index: OpenSSL refuses SHA-1");
  }
  return {reinterpret_cast<const char*>(digest.data()), length};
}

std::uint32_t get32(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

/// The entry at the start of `rest`, which is taken from there; empty: there is none.
std::optional<IndexedFile> take_entry(std::string_view& rest) {
  if (rest.size() <= kFixedPart) return std::nullopt;
  const auto path = rest.substr(kFixedPart, rest.find('\0', kFixedPart) - kFixedPart);
  const std::size_t size = (kFixedPart + path.size() + 8) / 8 * 8;
  if (path.empty() || size > rest.size()) return std::nullopt;
  IndexedFile file;
  file.path = path;
  file.state = {get32(rest, 0), get32(rest, 4), get32(rest, 8), get32(rest, 12), get32(rest, 16), get32(rest, 20),
                get32(rest, 28), get32(rest, 32), get32(rest, 36)};
  file.mode = get32(rest, 24);
  std::copy_n(rest.data() + 40, GIT_OID_RAWSZ, reinterpret_cast<char*>(file.id.id));
  rest.remove_prefix(size);
  return file;
}

std::uint32_t low(auto value) { return static_cast<std::uint32_t>(value); }

}  // namespace

IndexStat IndexStat::of(const struct stat& file) {
  return {low(file.st_ctim.tv_sec), low(file.st_ctim.tv_nsec), low(file.st_mtim.tv_sec), low(file.st_mtim.tv_nsec), low(file.st_dev),
          low(file.st_ino),         low(file.st_uid),          low(file.st_gid),         low(file.st_size)};
}

std::string index_of(const CheckoutPlan& plan, const std::vector<IndexStat>& states) {
  std::string out = "DIRC";
  std::size_t size = plan.cache_tree.size() + 64;
  for (const auto& file : plan.files) size += kFixedPart + file.path.size() + 8;
  out.reserve(size);
  put32(out, 2);
  put32(out, low(plan.files.size()));
  for (std::size_t i = 0; i < plan.files.size(); ++i) put_entry(out, plan.files[i], states[i]);
  out += "TREE";
  put32(out, low(plan.cache_tree.size()));
  out += plan.cache_tree;
  return out + sha1(out);
}

std::optional<std::vector<IndexedFile>> read_index(std::string_view content) {
  constexpr std::size_t kHeader = 12;
  if (content.size() < kHeader || !content.starts_with("DIRC") || get32(content, 4) != 2) return std::nullopt;
  const std::size_t count = get32(content, 8);
  std::vector<IndexedFile> files;
  files.reserve(std::min(count, content.size() / kFixedPart));
  for (content.remove_prefix(kHeader); files.size() < count;) {
    auto file = take_entry(content);
    if (!file) return std::nullopt;
    files.push_back(std::move(*file));
  }
  return files;
}

}  // namespace fanout::git
