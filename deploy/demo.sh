#!/usr/bin/env bash
# Shows Fanout at work on a fresh Debian 12: installs packages, builds, starts the daemon, runs a real plan
# to the end and looks at what came of it. Ends with 0 when that is as it should be, and checks it itself.
# Everything it makes is in a scratch folder, removed at the end (DEMO_KEEP=1 keeps it).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/packages.sh
source_folder=$PWD

step() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
check() { # WHAT COMMAND...
  local what=$1
  shift
  if "$@" >/dev/null 2>&1; then echo "  ✓ $what"; else echo "  ✗ $what"; failed=1; fi
}
run() { printf '\033[2m$ %s\033[0m\n' "$*"; "$@"; }

step "Packages and build"
install_packages $build_packages $test_packages
cmake -S . -B build -G Ninja -DCMAKE_CXX_COMPILER_LAUNCHER=ccache >/dev/null
cmake --build build -j "$(nproc)" --target fanoutd fanout
export PATH="$source_folder/build/client:$PATH"

scratch=$(mktemp -d)
export FANOUT_SOCKET=$scratch/run/fanoutd.sock FANOUT_STATE=$scratch/state FANOUT_CONFIG=$scratch/config.toml
finish() {
  fanout --no-start daemon stop >/dev/null 2>&1 || true
  if [ -n "${DEMO_KEEP:-}" ]; then echo "Kept: $scratch"; else rm -rf "$scratch"; fi
}
trap finish EXIT

step "A repository and a plan"
git init -q -b main "$scratch/project"
cd "$scratch/project"
git config user.name "Demo" && git config user.email "demo@example.com"
echo 'int main() {}' > main.c
mkdir -p .parallel/plans
cp -r "$source_folder/deploy/demo/plan.yaml" "$source_folder/deploy/demo/tasks" .parallel/plans/
cp "$source_folder/deploy/demo/agent.sh" "$scratch/agent.sh"
git add . && git commit -q -m "chore: begin"
run fanout plan validate .parallel/plans/plan.yaml
run fanout plan show .parallel/plans/plan.yaml

step "The run"
code=0
run fanout execute .parallel/plans/plan.yaml --agent ../agent.sh || code=$?

step "What the daemon knows"
run fanout status

step "What git has"
run git log --graph --oneline --all
run git status --short

step "Is it as it should be?"
failed=0
phase_of() { fanout status --json | python3 -c 'import json,sys
run = json.load(sys.stdin)["run"]
print(next(a["phase"] for a in run["subagents"] if a["taskId"] == sys.argv[1]))' "$1"; }
is() { [ "$(phase_of "$1")" = "$2" ]; }
check "execute ended with 1: one task did not complete" test "$code" -eq 1
for task in readme license ci site; do check "$task completed" is $task PHASE_COMPLETED; done
check "broken failed" is broken PHASE_FAILED
check "site stands on readme's work" git merge-base --is-ancestor feature/readme feature/site
check "site stands on license's work" git merge-base --is-ancestor feature/license feature/site
check "what license left was committed by Fanout" git log -1 --format=%B --grep 'Implements: license' feature/license
check "the failure touched no other branch" test -z "$(git log --all --format=%H --not feature/broken -- check.sh)"
check "main is as it was" test "$(git rev-list --count main)" -eq 1
check "only the task files' status: lines changed" \
  test "$(git diff --stat -- . ':!.parallel' | wc -l)" -eq 0 -a "$(git diff -U0 | grep -c '^+status: completed')" -eq 3
check "git fsck finds nothing" git fsck --strict --no-dangling

if [ "$failed" -ne 0 ]; then
  echo "Something is not as it should be; the daemon's log:"
  cat "$scratch/state/fanoutd.log" || true
  exit 1
fi
printf '\nAll as it should be.\n'
