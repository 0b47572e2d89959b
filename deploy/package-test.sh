#!/usr/bin/env bash
# Installs the Debian package that deploy/package.sh built as a user would, sees that it works, and purges it again;
# then the tarball, in a folder of its own. A package that was there before stays, in the new version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/packages.sh

step() { printf '\n== %s\n' "$*"; }
failed=0
check() { # WHAT COMMAND...
  local what=$1
  shift
  if "$@" >"$scratch/out" 2>&1; then echo "  ✓ $what"; else echo "  ✗ $what"; cat "$scratch/out"; failed=1; fi
}
as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
installed() { dpkg-query -W -f='${Status}' fanout 2>/dev/null | grep -q 'ok installed'; }

scratch=$(mktemp -d)
chmod 755 "$scratch"  # apt reads the package as another user
export FANOUT_SOCKET=$scratch/run/fanoutd.sock FANOUT_STATE=$scratch/state FANOUT_CONFIG=$scratch/config.toml
before=no
if installed; then before=yes; fi
finish() {
  if [ -n "${daemon_of:-}" ]; then "$daemon_of" --no-start daemon stop >/dev/null 2>&1 || true; fi
  if [ $before = no ] && installed; then "${as_root[@]}" apt-get purge -y -qq fanout >/dev/null; fi
  rm -rf "$scratch"
}
trap finish EXIT

deb=$(ls "$PWD"/build/packages/fanout_*.deb)
tarball=$(ls "$PWD"/build/packages/fanout-*.tar.gz)
version=$(dpkg-deb --field "$deb" Version)
source_folder=$PWD

# A plan of two tasks, the second on the work of the first, by an agent in shell, with the fanout given.
runs_a_plan() { # FANOUT
  daemon_of=$1
  rm -rf "$scratch/project" "$scratch/state"
  git init -q -b main "$scratch/project"
  cd "$scratch/project"
  git config user.name Test && git config user.email test@example.com
  cat > plan.yaml <<'PLAN'
metadata: {name: "Package test"}
gates: [test -e one.txt]
tasks:
  - {id: one, prompt: Write one.txt.}
  - {id: two, prompt: Write two.txt., dependencies: [one]}
PLAN
  git add . && git commit -q -m "chore: begin"
  check "a plan runs to its end" "$1" execute plan.yaml --agent 'tee prompt.log >/dev/null; echo done > $FANOUT_TASK_ID.txt'
  check "its work is on the branches" git cat-file -e feature/two:one.txt
  check "status tells of it" "$1" status last
  check "the daemon ends" "$1" daemon stop
  cd "$source_folder"
}

step "The Debian package"
cp "$deb" "$scratch/"
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "$scratch/$(basename "$deb")" >/dev/null
check "it is installed, in this version" test "$(dpkg-query -W -f='${Version}' fanout)" = "$version"
check "fanout is of this version" test "$(/usr/bin/fanout --version)" = "fanout ${version%-*}"
check "fanoutd is of this version" test "$(/usr/bin/fanoutd --version)" = "fanoutd ${version%-*}"
deploy/hardening.sh /usr/bin/fanout /usr/bin/fanoutd /usr/bin/fanout-shim || failed=1
check "fanout-shim needs no library" bash -c '! readelf --wide --program-headers /usr/bin/fanout-shim | grep INTERP'
pages=$(dpkg -L fanout | grep '/man/man')
check "there are all manual pages" test "$(wc -l <<< "$pages" | tr -d ' ')" -ge 12
if [ -e "$(grep 'man1/fanout\.1' <<< "$pages")" ]; then  # some machines leave out manuals on purpose
  for page in $(grep '\.gz$' <<< "$pages"); do
    check "$(basename "$page") is formatted without a warning" \
      bash -c "MANPAGER=cat MANWIDTH=80 man --warnings -l '$page' 2>&1 >/dev/null | { ! grep . ; }"
  done
  check "man finds the pages" man -w fanout fanout-execute 'fanout-plan(5)' 'fanout.toml(5)' 'fanoutd(8)'
fi
check "bash can complete" bash -c '. /usr/share/bash-completion/completions/fanout && complete -p fanout'
if command -v systemd-analyze >/dev/null; then
  check "systemd accepts the units" env XDG_RUNTIME_DIR="$scratch" systemd-analyze --user verify --man=no \
    /usr/lib/systemd/user/fanoutd.socket /usr/lib/systemd/user/fanoutd.service
fi
runs_a_plan /usr/bin/fanout
files=$(dpkg -L fanout | grep -E '/[^/]*fanout[^/]*$')
if [ $before = no ]; then
  "${as_root[@]}" apt-get purge -y -qq fanout >/dev/null
  check "purging leaves nothing" bash -c 'for file in $1; do test ! -e "$file" || { echo "$file"; exit 1; }; done' - "$files"
fi

step "The tarball"
mkdir "$scratch/anywhere"
tar -C "$scratch/anywhere" --strip-components=1 -xf "$tarball"
check "fanout is of this version" test "$("$scratch/anywhere/bin/fanout" --version)" = "fanout ${version%-*}"
check "its unit starts what lies in ~/.local" \
  grep -qx 'ExecStart=%h/.local/bin/fanoutd' "$scratch/anywhere/share/systemd/user/fanoutd.service"
runs_a_plan "$scratch/anywhere/bin/fanout"

step "Result"
if [ "$failed" -ne 0 ]; then echo "Something is not as it should be."; exit 1; fi
echo "All as it should be."
