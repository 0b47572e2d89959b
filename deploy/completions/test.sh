#!/usr/bin/env bash
# Tests the completions against a real daemon: bash's by its own variables, fish's and zsh's where these are there.
# Usage: deploy/completions/test.sh FOLDER-OF-FANOUT
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export PATH=$1:$PATH
scratch=$(mktemp -d)
export FANOUT_SOCKET=$scratch/run/fanoutd.sock FANOUT_STATE=$scratch/state FANOUT_CONFIG=$scratch/config.toml
finish() {
  fanout --no-start daemon stop >/dev/null 2>&1 || true
  rm -rf "$scratch"
}
trap finish EXIT

failed=0
expect() { # WHAT WANTED GOT
  if [ "$2" = "$3" ]; then echo "  ok: $1"; return; fi
  printf '  FAILED: %s\n    wanted: %s\n    got:    %s\n' "$1" "$2" "$3"
  failed=1
}

# What bash offers for the words given, the last of which is being typed; with spaces between.
bash_offers() { (
  . "$here/fanout.bash"
  COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
  _fanout
  echo "${COMPREPLY[*]}"
); }
# What fish offers for a command line, without descriptions, in order.
fish_offers() { fish --no-config -c "source $here/fanout.fish; complete -C \$argv[1]" "$1" | cut -f1 | sort | xargs; }
# What a command line is in zsh after Tab, in a pseudo terminal.
zsh_completes() { timeout 30 zsh -f "$here/type.zsh" "$here/fanout.zsh" "$1"; }

mkdir "$scratch/project"
cd "$scratch/project"
git init -q -b main
git config user.name Test && git config user.email test@example.com
cat > plan.yaml <<'PLAN'
metadata: {name: "Say \"id\":\"no-run\",\"name\":\"x\""}
gates: [{name: there, run: test -e done}]
tasks:
  - {id: alpha, title: "Say \"taskId\":\"no-task\",\"phase\":\"PHASE_FAILED\"", prompt: go}
  - {id: beta, prompt: go}
PLAN
cat > "$FANOUT_CONFIG" <<'CONFIG'
[agents.quick]
command = '''test $FANOUT_TASK_ID = beta || touch done; touch other'''
CONFIG
git add . && git commit -q -m "chore: begin"
ln -s plan.yaml "two words.yaml"

echo "Without a daemon"
expect "bash: no run is known, nothing is said, nothing started" "last" "$(bash_offers fanout status '' 2>&1)"
expect "no daemon was started" 3 "$(fanout --no-start daemon status >/dev/null 2>&1 || echo $?)"

fanout execute --agent quick --no-write-status >/dev/null 2>&1 || true
run=$(fanout status --json | sed -E 's/^\{"run":\{"id":"([^"]*)".*/\1/')

echo "bash"
expect "commands" "init execute extend plan status watch dashboard logs why cancel retry resume sync auth timeline metrics diff open review collisions merge report snapshots undo cleanup pool mcp agents answer send attach pause continue daemon config doctor version" "$(bash_offers fanout '')"
expect "a beginning" "resume" "$(bash_offers fanout res)"
expect "plan's commands" "validate show new add from-issues draft adopt" "$(bash_offers fanout plan '')"
expect "options of plan add" "--priority --prompt --plan" "$(bash_offers fanout plan add Title --p)"
expect "daemon's commands" "status start restart stop install logs" "$(bash_offers fanout --json daemon '')"
expect "pool's commands" "status warm drain" "$(bash_offers fanout pool '')"
expect "runs, and no more than there are" "last $run" "$(bash_offers fanout status '')"
expect "tasks of the newest run, and runs" "alpha beta last $run" "$(bash_offers fanout logs '')"
expect "tasks of the run that is named" "alpha beta" "$(bash_offers fanout logs "$run" '')"
expect "only what can be retried" "beta" "$(bash_offers fanout retry last '')"
expect "no run can be cancelled" "" "$(bash_offers fanout cancel '')"
expect "logs that there are" "gate-1-there.log" "$(bash_offers fanout logs last beta --log gate)"
expect "behind =" "gate-1-there.log" "$(bash_offers fanout logs --log = gate)"
expect "agents of the configuration" "quick" "$(bash_offers fanout execute --agent q)"
expect "refs" "feature/alpha feature/beta" "$(bash_offers fanout execute --base feat)"
expect "plans, with spaces" "two words.yaml" "$(bash_offers fanout plan show tw)"
expect "another daemon's socket" "last" "$(bash_offers fanout --socket "$scratch/none" status '')"
expect "a path of fanout's own" "last $run" "$(bash_offers "$1/fanout" status '')"
expect "options" "--no-start --no-color --no-colour --no-push --no-pr --no-cache --no-draft --no-follow --no-write-status" "$(bash_offers fanout execute --no)"

if command -v fish >/dev/null; then
  echo "fish"
  expect "commands" "agents answer attach auth cancel cleanup collisions config continue daemon dashboard diff doctor execute extend init logs mcp merge metrics open pause plan pool report resume retry review send snapshots status sync timeline undo version watch why" "$(fish_offers 'fanout ')"
  expect "runs" "$run" "$(fish_offers 'fanout status ')"
  expect "tasks of a run" "alpha beta" "$(fish_offers "fanout logs $run ")"
  expect "only what can be retried" "beta" "$(fish_offers 'fanout retry last ')"
  expect "no run can be cancelled" "" "$(fish_offers 'fanout cancel ')"
  expect "logs" "gate-1-there.log" "$(fish_offers 'fanout logs last beta --log gate')"
  expect "another daemon's socket" "" "$(fish_offers "fanout --socket $scratch/none status ")"
fi
if command -v zsh >/dev/null; then
  echo "zsh"
  expect "a command" "fanout retry " "$(zsh_completes 'fanout ret')"
  expect "a run" "fanout status $run " "$(zsh_completes 'fanout status ')"
  expect "a task of a run" "fanout logs last alpha " "$(zsh_completes 'fanout logs last al')"
  expect "only what can be retried" "fanout retry last beta " "$(zsh_completes 'fanout retry last ')"
  expect "no run can be cancelled" "fanout cancel " "$(zsh_completes 'fanout cancel ')"
  expect "logs" "fanout logs --log gate-1-there.log " "$(zsh_completes 'fanout logs --log gate')"
  expect "another daemon's socket" "fanout --socket /none status " "$(zsh_completes 'fanout --socket /none status ')"
fi
[ "$failed" -eq 0 ] && echo "All as wanted."
exit "$failed"
