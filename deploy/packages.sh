# Sourced by the scripts here: sees to it that Debian's packages are there.
# Everything Fanout is built from is in Debian 12.

build_packages="g++ cmake ninja-build ccache pkg-config git ca-certificates
  libboost1.81-dev libboost-json1.81-dev libssl-dev zlib1g-dev libgrpc++-dev protobuf-compiler-grpc libprotobuf-dev protobuf-compiler
  libc-ares-dev libgit2-dev libspdlog-dev libcli11-dev libyaml-cpp-dev libtomlplusplus-dev
  libsqlitecpp-dev libsqlite3-dev libutf8proc-dev libsystemd-dev prometheus-cpp-dev"
test_packages="bubblewrap libgtest-dev libgmock-dev mold sqlite3 openssl python3 zsh fish dbus-daemon"
# The agents' own programs that the tests run, from npm: pinned, since the recordings are of these.
agent_packages="nodejs npm"
agents="@anthropic-ai/claude-code@2.1.197 @openai/codex@0.169.0 @agentclientprotocol/sdk@2.4.0"
editor_packages="protobuf-compiler protobuf-compiler-grpc python3-grpcio python3-protobuf neovim git"
# code-server and what drives it, from npm, are built against Node's own headers.
browser_packages="chromium g++ make python3"
bench_packages="python3 curl procps"
package_packages="pandoc binutils dpkg-dev file lintian man-db"
fuzz_packages="clang-19 libclang-rt-19-dev"

# install_agents FOLDER: what the tests with real agents need; fails, and says why, where npm cannot be reached. A folder
# that has them is left alone.
install_agents() {
  local folder=$1
  command -v npm >/dev/null || install_packages $agent_packages
  mkdir -p "$folder"
  [ "$(cat "$folder/installed" 2>/dev/null)" = "$agents" ] && return 0
  echo "Installing: $agents"
  npm install --prefix "$folder" --no-audit --no-fund --loglevel error $agents || return 1
  echo "$agents" >"$folder/installed"
}

# install_from_npm FOLDER: packages as package-lock.json there has them; none of them runs a script of its own. A folder that
# has them is left alone.
install_from_npm() {
  cmp -s "$1/package-lock.json" "$1/node_modules/installed" && return
  (cd "$1" && timeout 400 npm ci --ignore-scripts --no-audit --no-fund --loglevel=error) || return 1
  cp "$1/package-lock.json" "$1/node_modules/installed"
}

# fitting_node: VS Code's tools need Node 20; Debian 12 has an older one.
fitting_node() {
  command -v node >/dev/null && command -v npm >/dev/null || install_packages nodejs npm
  [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ]
}

# install_packages NAME...: installs those that are missing, and says so only then.
install_packages() {
  local missing=() name
  for name in "$@"; do
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  echo "Installing: ${missing[*]}"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
