#include "server/github/token.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/child.hpp"
#include "common/text.hpp"
#include "server/github/repository_name.hpp"

namespace fanout::github {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

namespace {

std::string variable(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? "" : std::string(trimmed(found->second));
}

/// One that could break out of a header is none.
bool is_token(std::string_view text) {
  return !text.empty() && text.size() < 4096 &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

fs::path hosts_file(const Environment& environment) {
  if (const auto folder = variable(environment, "GH_CONFIG_DIR"); !folder.empty()) return fs::path(folder) / "hosts.yml";
  if (const auto folder = variable(environment, "XDG_CONFIG_HOME"); !folder.empty()) return fs::path(folder) / "gh/hosts.yml";
  if (const auto home = variable(environment, "HOME"); !home.empty()) return fs::path(home) / ".config/gh/hosts.yml";
  return {};
}

std::string content_of(const fs::path& file) {
  constexpr std::size_t kMost = 1u << 20;
  std::error_code error;
  if (file.empty() || !fs::is_regular_file(file, error)) return "";
  std::ifstream stream(file, std::ios::binary);
  std::string text(kMost, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(kMost));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

Environment for_programs(const Environment& environment) {
  auto asked = for_helpers(environment);
  asked["GH_PROMPT_DISABLED"] = "1";
  asked["GH_NO_UPDATE_NOTIFIER"] = "1";
  return asked;
}

std::string told_by_gh(const std::string& host, const Environment& environment, const std::stop_token& stop) {
  const auto said = output_of({"gh", "auth", "token", "--hostname", host}, "", for_programs(environment), 8s, stop);
  return said ? std::string(trimmed(*said)) : "";
}

std::string told_by_git(const std::string& host, const Environment& environment, const std::stop_token& stop) {
  const auto said = output_of({"git", "-c", "core.askPass=", "credential", "fill"},
                              "protocol=https\nhost=" + host + "\n\n", for_programs(environment), 10s, stop);
  std::istringstream lines(said.value_or(""));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("password=")) return line.substr(9);
  }
  return "";
}

bool is_host(const std::string& host) {
  return !host.empty() && !host.starts_with('-') && std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '-' || c == ':' || c == '_';
  });
}

}  // namespace

std::optional<Token> token_in_environment(const std::string& host, const Environment& environment) {
  const bool cloud = is_github_cloud(host);
  for (const char* name : {cloud ? "GH_TOKEN" : "GH_ENTERPRISE_TOKEN", cloud ? "GITHUB_TOKEN" : "GITHUB_ENTERPRISE_TOKEN"}) {
    auto value = variable(environment, name);
    if (is_token(value)) return Token{std::move(value), name};
  }
  return std::nullopt;
}

std::string token_in_hosts_file(std::string_view yaml, const std::string& host) {
  try {
    const auto entry = YAML::Load(std::string(yaml))[host];
    if (!entry || !entry.IsMap()) return "";
    if (const auto token = entry["oauth_token"]; token && token.IsScalar()) return token.as<std::string>();
    const auto user = entry["user"];
    const auto users = entry["users"];
    if (!user || !user.IsScalar() || !users || !users.IsMap()) return "";
    const auto login = users[user.as<std::string>()];
    if (login && login.IsMap() && login["oauth_token"]) return login["oauth_token"].as<std::string>();
  } catch (const YAML::Exception&) {
    // Not ours to complain about.
  }
  return "";
}

std::optional<Token> find_token(const std::string& host, const Environment& environment, std::stop_token stop) {
  if (!is_host(host)) return std::nullopt;
  if (auto token = token_in_environment(host, environment)) return token;
  const auto file = hosts_file(environment);
  if (auto value = token_in_hosts_file(content_of(file), host); is_token(value)) return Token{std::move(value), file};
  if (auto value = told_by_gh(host, environment, stop); is_token(value)) return Token{std::move(value), "gh auth token"};
  if (auto value = told_by_git(host, environment, stop); is_token(value)) {
    return Token{std::move(value), "git's credential helpers"};
  }
  return std::nullopt;
}

}  // namespace fanout::github
