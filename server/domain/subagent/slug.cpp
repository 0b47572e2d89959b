#include "server/domain/subagent/slug.hpp"

#include <cstdint>

namespace fanout::domain {

namespace {

constexpr std::size_t kMost = 40;
constexpr std::size_t kHashDigits = 8;

/// FNV-1a: only to tell names apart that look the same once they are cleaned.
std::string hash_of(const std::string& text) {
  std::uint32_t hash = 2166136261u;
  for (const unsigned char c : text) hash = (hash ^ c) * 16777619u;
  constexpr char digits[] = "0123456789abcdef";
  std::string hex;
  for (int shift = 28; shift >= 0; shift -= 4) hex += digits[(hash >> shift) & 15];
  return hex;
}

}  // namespace

std::string worktree_slug(const std::string& run_id, const std::string& task_id, unsigned given_up) {
  auto name = run_id + "_" + task_id;
  if (given_up > 0) name += "_v" + std::to_string(given_up + 1);
  std::string slug;
  bool lossy = task_id.find('_') != std::string::npos;  // else "a_b" and "a-b" were the same
  for (const unsigned char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    slug += plain ? static_cast<char>(c) : '_';
    lossy = lossy || !(plain || c == '-' || c == '_');
  }
  if (slug.front() < 'a' || slug.front() > 'z') slug.insert(0, "r");
  if (!lossy && slug.size() <= kMost) return slug;
  return slug.substr(0, kMost - kHashDigits - 1) + "_" + hash_of(name);
}

}  // namespace fanout::domain
