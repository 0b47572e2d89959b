#include "server/secrets/store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "common/error.hpp"
#include "common/text.hpp"
#include "server/domain/plan/tree.hpp"

namespace fanout::secrets {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMostBytes = 1 << 20;
constexpr std::array<std::string_view, 4> kDaemonsOwn{"GH_TOKEN", "GITHUB_TOKEN", "GH_ENTERPRISE_TOKEN",
                                                      "GITHUB_ENTERPRISE_TOKEN"};

[[noreturn]] void refuse(const fs::path& file, const std::string& why) {
  throw Error(ErrorKind::precondition, file.string() + why);
}

/// A file for this user alone; empty when there is none.
std::string text_of(const fs::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0 && errno == ENOENT) return {};
  if (descriptor < 0) refuse(file, " cannot be read: " + errno_text(errno));
  const std::unique_ptr<const int, void (*)(const int*)> closing(&descriptor, [](const int* one) { ::close(*one); });
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) refuse(file, " is no file");
  if (status.st_uid != ::geteuid() || (status.st_mode & 0077) != 0) {
    refuse(file, " may be read by others, so no secret is taken from it: chmod 600 " + shell_quoted(file.string()));
  }
  std::string text(kMostBytes + 1, '\0');
  std::size_t length = 0;
  for (ssize_t got = 1; got > 0 && length < text.size(); length += static_cast<std::size_t>(std::max<ssize_t>(got, 0))) {
    got = ::read(descriptor, text.data() + length, text.size() - length);
    if (got < 0) refuse(file, " cannot be read: " + errno_text(errno));
  }
  if (length > kMostBytes) refuse(file, " is larger than 1 MiB");
  text.resize(length);
  return text;
}

}  // namespace

bool is_daemons_own(const std::string& name) {
  return std::find(kDaemonsOwn.begin(), kDaemonsOwn.end(), name) != kDaemonsOwn.end();
}

Store::Store(fs::path file, Environment variables, Redactor& redactor)
    : file_(std::move(file)), variables_(std::move(variables)), redactor_(redactor) {}

std::map<std::string, std::string> Store::read() const {
  std::map<std::string, std::string> values;
  const auto text = text_of(file_);
  if (text.empty()) return values;
  domain::Diagnostics faults;
  const auto tree = domain::parse_toml(text, file_.string(), faults);
  if (!faults.empty()) {  // the message of a fault may repeat a value
    refuse(file_, ":" + std::to_string(faults.front().place.line) + ": this is no TOML: write NAME = \"value\" on each line");
  }
  for (const auto& member : tree.members) {
    if (member.value.kind == domain::Value::Kind::scalar) {
      values[member.key] = member.value.text;
    } else {
      refuse(file_, ":" + std::to_string(member.place.line) + ": " + printable(member.key) + " must be a text: NAME = \"value\"");
    }
  }
  return values;
}

std::optional<std::string> Store::value(const std::string& name) const {
  const auto written = read();
  auto found = written.find(name);
  if (found == written.end()) {
    found = is_daemons_own(name) ? variables_.end() : variables_.find(name);
    if (found == variables_.end()) return std::nullopt;
  }
  redactor_.learn(found->second);
  return found->second;
}

std::map<std::string, std::string> Store::values(const std::map<std::string, std::string>& names) const {
  std::map<std::string, std::string> all;
  for (const auto& [variable, name] : names) {
    auto found = value(name);
    if (!found) {
      throw Error(ErrorKind::precondition, "there is no secret " + name + " for the variable " + variable + ": write " + name +
                                               " = \"…\" into " + file_.string() + " (mode 600), or start the daemon with it");
    }
    all[variable] = std::move(*found);
  }
  return all;
}

void Store::learn_all() const {
  for (const auto& [name, value] : variables_) {
    if (is_secret_name(name)) redactor_.learn(value);
  }
  for (const auto& [name, value] : read()) redactor_.learn(value);
}

}  // namespace fanout::secrets
