#!/usr/bin/env bash
# The clients that are not in C++, for real, against the daemon: the examples in Python and Node, the Neovim client in a
# headless nvim, and the VS Code extension, which is checked, tested, packaged (build: client/vscode/dist/fanout.vsix), and
# used in a real editor: code-server in headless Chromium.
#
#   deploy/editors.sh [FOLDER]     FOLDER: where the build has client/fanout and server/fanoutd; build
#
# FANOUT_PICTURE: a file that a picture of the extension at work is written to.
# What cannot be had (npm out of reach) is skipped, and said so.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/packages.sh
build=$(realpath "${1:-build}")
program=$build/client/fanout
root=$PWD
scratch=$(mktemp -d)
export FANOUT_SOCKET=$scratch/run/d.sock FANOUT_STATE=$scratch/state FANOUT_CONFIG=$scratch/config.toml
finish() {
  "$program" --no-start daemon stop >/dev/null 2>&1 || true
  rm -rf "$scratch"
}
trap finish EXIT
[ -x "$program" ] || { echo "no program $program: build first" >&2; exit 2; }

passed=0 failed=0 skipped=0
step() { printf '\n== %s\n' "$*"; }
result() { # WHAT EXIT-CODE
  if [ "$2" -eq 0 ]; then echo "  ✓ $1"; passed=$((passed + 1)); else echo "  ✗ $1"; failed=$((failed + 1)); fi
}
try() { # WHAT COMMAND...
  local what=$1 code=0
  shift
  "$@" >"$scratch/log" 2>&1 || code=$?
  [ "$code" -eq 0 ] || sed 's/^/    /' "$scratch/log"
  result "$what" "$code"
}
skip() { printf '  !! SKIPPED: %s\n' "$@"; skipped=$((skipped + 1)); }

# A repository with a plan of two tasks, of which one fails.
make_repository() {
  git init -q -b main "$scratch/project"
  cd "$scratch/project"
  git config user.name Test && git config user.email test@example.com
  cat >plan.yaml <<'END'
metadata: {name: Two ways}
agent: 'echo "Looking at $FANOUT_TASK_ID"; echo done > $FANOUT_TASK_ID.txt; [ $FANOUT_TASK_ID = good ]'
tasks:
  - {id: good, prompt: Succeed.}
  - {id: bad, prompt: Fail.}
END
  git add . && git commit -qm "chore: begin"
  cd "$root"
}

# An example must say how both tasks ended, and end with 1 itself, since one of them failed.
example() { # COMMAND...
  local code=0
  (cd "$scratch/project" && timeout 100 "$@" plan.yaml) >"$scratch/said" 2>&1 || code=$?
  cat "$scratch/said"
  [ "$code" -eq 1 ] && grep -qi 'good .*completed' "$scratch/said" && grep -qi 'bad .*failed' "$scratch/said"
}

python_example() {
  mkdir -p "$scratch/generated"
  protoc -I proto --python_out="$scratch/generated" --grpc_out="$scratch/generated" \
    --plugin=protoc-gen-grpc=/usr/bin/grpc_python_plugin proto/fanout/v1/*.proto
  PYTHONPATH=$scratch/generated example /usr/bin/python3 "$root/client/examples/follow.py"
}

reflection() {
  timeout 60 node client/examples/reflect.mjs >"$scratch/said"
  cat "$scratch/said"
  local service
  for service in PlanService RunService AgentService DaemonService; do
    grep -q "^/fanout.v1.$service/" "$scratch/said" || { echo "not told: $service"; return 1; }
  done
  grep -q '^fanoutd ' "$scratch/said"
}

neovim() {
  (cd "$scratch/project" && timeout 120 nvim --headless -u NONE --cmd "set rtp+=$root/client/nvim" \
    --cmd "let g:fanout_program = '$program'" -S "$root/tests/editors/nvim.lua")
}

in_extension() { (cd client/vscode && timeout 180 "$@"); }

# code-server is built for one Node, and has native parts. Only the one that it does not start without is compiled.
node_of_the_editor=20
node_home=$(dirname "$(dirname "$(realpath "$(command -v node || echo /usr/bin/node)")")")
editor_folder=$PWD/build/editor
editor_is_missing() { # says why
  if [ "$(node -p 'process.versions.node.split(".")[0]')" -ne $node_of_the_editor ]; then
    echo "code-server needs Node $node_of_the_editor, and this is $(node --version)"
  elif [ ! -e "$node_home/include/node/node_api.h" ]; then
    echo "Node's headers are not in $node_home/include/node"
  elif ! install_packages $browser_packages >&2; then
    echo "Debian's chromium is out of reach"
  elif ! install_editor >&2; then
    echo "npm is out of reach"
  fi
}

install_editor() {
  mkdir -p "$editor_folder"
  cp tests/editors/package.json tests/editors/package-lock.json "$editor_folder/"
  [ -e "$editor_folder/complete" ] && install_from_npm "$editor_folder" && return
  rm -rf "$editor_folder/node_modules" "$editor_folder/complete"
  install_from_npm "$editor_folder" || return 1
  (cd "$editor_folder" && npm rebuild argon2 --build-from-source --nodedir="$node_home" --loglevel=error) || return 1
  (cd "$editor_folder/node_modules/code-server/lib/vscode" && ln -sfn node_modules node_modules.asar &&
    timeout 400 npm install --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error) || return 1
  touch "$editor_folder/complete"
}

in_a_real_editor() {
  timeout 300 node tests/editors/vscode.mjs "$editor_folder" "$program" "$PWD/client/vscode/dist/fanout.vsix" \
    "${FANOUT_PICTURE:-}"
}

step "Packages"
install_packages $editor_packages
step "Examples and Neovim"
make_repository
"$program" daemon start
try "Python, from the .proto files alone" python_example
try "Neovim: list, follow, open" neovim
fitting_node || { skip "all that needs Node 20 or newer: this is $(node --version)"; npm() { return 1; }; }
if install_from_npm client/examples; then
  try "Node, from the .proto files alone" example node "$root/client/examples/follow.mjs"
  try "server reflection, with a stock client" reflection
else
  skip "the examples in Node: npm is out of reach"
fi
step "VS Code"
if install_from_npm client/vscode; then
  try "the extension: types, lint, format" in_extension npm run --silent check
  try "the extension: unit tests" in_extension npm run --silent test
  try "the extension: the daemon's events fold into what the daemon says" in_extension npm run --silent test:real
  try "the extension: a .vsix" in_extension npm run --silent package
  why=$(editor_is_missing)
  if [ -z "$why" ]; then try "the extension: in a real editor" in_a_real_editor; else skip "the extension in a real editor: $why"; fi
else
  skip "the extension: npm is out of reach"
fi
printf '\n%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
