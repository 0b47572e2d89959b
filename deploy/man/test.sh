#!/usr/bin/env bash
# The manual and the completions know every command and option that `fanout --help` and `fanoutd --help` tell of,
# and the manual knows every setting, placeholder and exit code of the source.
# Usage: deploy/man/test.sh FANOUT FANOUTD
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
fanout=$1 fanoutd=$2
man=deploy/man
failed=0
declare -A texts  # read once each: there are a thousand questions
require() { # WHAT TEXT FILE: the text must be in the file
  [ -n "${texts[$3]:-}" ] || texts[$3]=$(<"$3")
  [[ ${texts[$3]} == *"$2"* ]] && return 0
  echo "FAILED: $3 does not tell of $1"
  failed=1
}

# The words in the first column of the sections of a help page whose titles begin so.
column() { # SECTION < HELP
  awk -v section="$1" 'index($0, section) == 1 && /:$/ { on = 1; next } /^[^ ]/ { on = 0 } on && /^  [^ ]/ { print }' |
    sed -E 's/^  //; s/  .*//'
}
long_options() { column Options | grep -oE -- '--[a-z-]+' | grep -vx -- '--help' || true; }

check_options() { # PAGE HELP
  local option
  for option in $(long_options <<< "$2"); do
    require "$option" "**$option**" "$1"
    require "$option" "$option" deploy/completions/fanout.bash
    require "$option" "$option" deploy/completions/fanout.zsh
    require "$option" "-l ${option#--}" deploy/completions/fanout.fish
  done
}
check_command() { # COMMAND...
  local help page=$man/fanout-$1.1.md
  help=$("$fanout" "$@" --help)
  [ -f "$page" ] || page=$man/fanout.1.md
  require "the command $*" "$*" "$page"
  require "the command $*" "**$1" $man/fanout.1.md
  for shell in bash zsh fish; do require "the command $*" "${*: -1}" deploy/completions/fanout.$shell; done
  check_options "$page" "$help"
  local inner
  for inner in $(column Commands <<< "$help"); do check_command "$@" "$inner"; done
}

check_options $man/fanout.1.md "$("$fanout" --help)"
commands=$("$fanout" --help | column Commands)
[ -n "$commands" ] || { echo "FAILED: fanout --help names no command"; exit 1; }
for command in $commands; do check_command "$command"; done
for option in $("$fanoutd" --help | grep -oE '^ +--[a-z-]+'); do require "$option" "**$option**" $man/fanoutd.8.md; done

# The quoted words between a line and the end of its list.
quoted() { sed -n "/$2/,/};/p" "$1" | grep -oE '"[a-z_.0-9]+"' | tr -d '"'; }
# Of a key in a table its own name, or the table's with it: **budget.run** tells of "run".
for key in $(sed -nE 's/^ +\{"([a-z_.*]+(\[\]\.[a-z]+)?)"[,}].*/\1/p' server/domain/plan/config_keys.cpp | sed -E 's/\.\*$//; s/.*\.//' | sort -u); do
  grep -qE "\*\*([a-z]+\.)?$key\*\*" $man/fanout.toml.5.md && continue
  echo "FAILED: $man/fanout.toml.5.md does not tell of the key $key"
  failed=1
done
for name in $(quoted server/domain/plan/template.cpp 'names{'); do
  require "the placeholder {$name}" "**$name**" $man/fanout-plan.5.md
done
for code in $(sed -nE 's/^ +kExit[A-Za-z]+ = ([0-9]+),.*/\1/p' common/exit_code.hpp); do
  require "exit code $code" "**$code**" $man/fanout.1.md
done

# Every page says what a page must say, and refers to pages that there are.
for page in $man/*.md; do
  for section in NAME SYNOPSIS "SEE ALSO"; do require "$section" "# $section" "$page"; done
  case $page in
    *.1.md) for section in DESCRIPTION OPTIONS "EXIT STATUS" EXAMPLES; do require "$section" "# $section" "$page"; done ;;
  esac
  for other in $(grep -oE '\*\*fanoutd?[a-z.-]*\*\*\([1578]\)' "$page" | tr -d '*()' | sed -E 's/([1578])$/.\1/' | sort -u); do
    [ -f "$man/$other.md" ] || { echo "FAILED: $page refers to $other, which is not there"; failed=1; }
  done
done
# The examples of the file formats are files that the daemon accepts.
scratch=$(mktemp -d)
export FANOUT_SOCKET=$scratch/run/fanoutd.sock FANOUT_STATE=$scratch/state FANOUT_CONFIG=$scratch/config.toml
finish() {
  "$fanout" --no-start daemon stop >/dev/null 2>&1 || true
  rm -rf "$scratch"
}
trap finish EXIT
# example PAGE [FILE]: the indented lines behind "*FILE*:", or behind "# EXAMPLES".
example() {
  awk -v start="${2:+*$2*:}" '$0 == (start == "" ? "# EXAMPLES" : start) { on = 1; next }
    on && /^[^ ]/ { exit } on { sub(/^    /, ""); print }' "$1" | sed '1{/^$/d}'
}
project=$scratch/project
git init -q -b main "$project"
mkdir -p "$project/.parallel/plans/tasks"
for file in .parallel/plans/plan.yaml .parallel/plans/tasks/readme.md .fanout.yaml; do
  example $man/fanout-plan.5.md $file > "$project/$file"
  [ -s "$project/$file" ] || { echo "FAILED: the manual has no example of $file"; failed=1; }
done
example $man/fanout.toml.5.md > "$FANOUT_CONFIG"
said=$("$fanout" plan validate "$project/.parallel/plans" 2>&1) || failed=1
grep -q 'no faults$' <<< "$said" || { echo "FAILED: the examples have faults: $said"; failed=1; }
shown=$("$fanout" plan show "$project/.parallel/plans" 2>&1)
for word in claude "npm ci && npm run build" "make test" "max parallel  6" "after readme"; do
  case $shown in
    *"$word"*) ;;
    *) echo "FAILED: the examples do not lead to \"$word\""; failed=1 ;;
  esac
done

[ "$failed" -eq 0 ] && echo "The manual and the completions tell of everything that there is."
exit "$failed"
