#include "server/subagent/child_environment.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "common/environment.hpp"
#include "server/secrets/store.hpp"

namespace fanout::subagent {

namespace {

constexpr std::array<std::string_view, 14> kWithheld{
    "GIT_DIR",        "GIT_WORK_TREE",        "GIT_INDEX_FILE",      "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR", "GIT_NAMESPACE",        "GIT_PREFIX",          "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "NOTIFY_SOCKET",  "LISTEN_FDS",           "LISTEN_PID",          "LISTEN_FDNAMES",
    "WATCHDOG_USEC",  "WATCHDOG_PID"};

/// What programs usually need. Nothing of it is a secret; what may hold one is asked for by pass_env.
constexpr const char* kUsual[] = {
    // Who and where.
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "PWD", "HOSTNAME", "LANG", "LANGUAGE", "LC_*", "TZ", "TERM", "COLORTERM",
    "NO_COLOR", "FORCE_COLOR", "CLICOLOR*", "LS_COLORS", "TMPDIR", "TMP", "TEMP", "XDG_*", "EDITOR", "VISUAL", "PAGER",
    // The network.
    "http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY",
    "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    // Git's users.
    "GIT_AUTHOR_*", "GIT_COMMITTER_*", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GNUPGHOME",
    // Homes, caches and flags of tools.
    "JAVA_HOME", "JDK_HOME", "MAVEN_HOME", "M2_HOME", "MAVEN_OPTS", "GRADLE_HOME", "GRADLE_USER_HOME", "GRADLE_OPTS",
    "SDKMAN_DIR", "ANDROID_HOME", "ANDROID_SDK_ROOT", "GOPATH", "GOROOT", "GOBIN", "GOCACHE", "GOMODCACHE", "GOFLAGS",
    "GOPROXY", "GOPRIVATE", "GOSUMDB", "GOTOOLCHAIN", "CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_INCREMENTAL", "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN", "RUSTFLAGS", "RUSTC_WRAPPER", "NVM_DIR", "NVM_BIN", "FNM_*", "VOLTA_HOME", "PNPM_HOME",
    "BUN_INSTALL", "DENO_DIR", "DENO_INSTALL", "NODE_PATH", "NODE_OPTIONS", "NODE_ENV", "COREPACK_HOME", "npm_config_cache",
    "npm_config_prefix", "NPM_CONFIG_CACHE", "NPM_CONFIG_PREFIX", "NPM_CONFIG_USERCONFIG", "YARN_CACHE_FOLDER",
    "PLAYWRIGHT_BROWSERS_PATH", "PYTHONPATH", "PYTHONHOME", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYENV_ROOT",
    "PYENV_VERSION", "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_EXE", "PIP_CACHE_DIR", "PIPX_HOME", "PIPX_BIN_DIR", "POETRY_HOME",
    "POETRY_CACHE_DIR", "UV_CACHE_DIR", "UV_PYTHON", "UV_TOOL_DIR", "RBENV_ROOT", "RBENV_VERSION", "GEM_HOME", "GEM_PATH",
    "BUNDLE_PATH", "DOTNET_ROOT", "NUGET_PACKAGES", "COMPOSER_HOME", "ASDF_*", "MISE_*", "NIX_PATH", "NIX_PROFILES",
    "NIX_SSL_CERT_FILE", "CC", "CXX", "CPP", "LD", "AR", "CFLAGS", "CXXFLAGS", "CPPFLAGS", "LDFLAGS", "MAKEFLAGS", "CMAKE_*",
    "PKG_CONFIG_*", "LIBRARY_PATH", "LD_LIBRARY_PATH", "CPATH", "MANPATH", "INFOPATH", "CCACHE_*", "SCCACHE_DIR",
    "SOURCE_DATE_EPOCH", "*SAN_OPTIONS", "DEBIAN_FRONTEND", "CI"};

bool name_fits(const std::string& name, const std::string& pattern) { return fnmatch(pattern.c_str(), name.c_str(), 0) == 0; }

constexpr std::array<std::string_view, 5> kCallers{"PATH", "SHELL", "LANG", "TZ", "SSH_AUTH_SOCK"};

}  // namespace

bool is_withheld(const std::string& name) {
  return name.starts_with("FANOUT_") || secrets::is_daemons_own(name) || std::find(kWithheld.begin(), kWithheld.end(), name) != kWithheld.end();
}

bool is_callers_business(const std::string& name) {
  return name.starts_with("LC_") || std::find(kCallers.begin(), kCallers.end(), name) != kCallers.end();
}

Variables inheritable_environment() {
  auto variables = own_environment();
  std::erase_if(variables, [](const auto& variable) { return is_withheld(variable.first); });
  return variables;
}

Variables passed_on(const Variables& all, std::span<const std::string> patterns) {
  Variables passed;
  for (const auto& [name, value] : all) {
    const auto wants = [&name = name](const std::string& pattern) { return name_fits(name, pattern); };
    const bool usual = std::any_of(std::begin(kUsual), std::end(kUsual), wants);
    if (usual || std::any_of(patterns.begin(), patterns.end(), wants)) passed.emplace(name, value);
  }
  return passed;
}

Variables agents_own(const Variables& all, const agent::AgentRow& agent) {
  Variables own;
  for (const auto& [name, value] : all) {
    const auto wants = [&](const agent::OwnVariables& some) {
      return name_fits(name, std::string(some.pattern)) && (some.when.empty() || all.contains(std::string(some.when)));
    };
    if (std::any_of(agent.own_variables.begin(), agent.own_variables.end(), wants)) own.emplace(name, value);
  }
  return own;
}

Variables surroundings_of(const Variables& all, const fanout::internal::v1::RunSpec& run,
                          const fanout::internal::v1::TaskSpec& task) {
  auto known = all;
  for (const auto& [name, value] : run.environment()) known[name] = value;
  const std::vector<std::string> patterns(task.pass_env().begin(), task.pass_env().end());
  auto around = passed_on(known, patterns);
  for (const auto& [name, value] : task.env()) around[name] = value;
  return around;
}

std::vector<std::string> merged(std::initializer_list<const Variables*> layers) {
  Variables all;
  for (const auto* layer : layers) {
    for (const auto& [name, value] : *layer) all[name] = value;
  }
  std::vector<std::string> entries;
  for (const auto& [name, value] : all) entries.push_back(name + "=" + value);
  return entries;
}

}  // namespace fanout::subagent
