# Sourced by the scripts here: sees to it that Debian's packages are there.
# Everything Fanout is built from is in Debian 12.

build_packages="g++ cmake ninja-build ccache pkg-config git ca-certificates
  libboost1.81-dev libboost-json1.81-dev libssl-dev zlib1g-dev libgrpc++-dev protobuf-compiler-grpc libprotobuf-dev protobuf-compiler
  libc-ares-dev libgit2-dev libspdlog-dev libcli11-dev libyaml-cpp-dev libtomlplusplus-dev
  libsqlitecpp-dev libsqlite3-dev libutf8proc-dev libsystemd-dev"
test_packages="libgtest-dev libgmock-dev sqlite3 openssl python3 zsh fish"
package_packages="pandoc dpkg-dev file lintian man-db"
fuzz_packages="clang-19 libclang-rt-19-dev"

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
