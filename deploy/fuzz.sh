#!/usr/bin/env bash
# Builds the fuzz targets and runs each for so many seconds, from the seeds in tests/fuzz/corpus: 30 each when nothing is
# said, 3600 for a long one. What is found is left in build/fuzz/findings, and the script ends with 1.
# Usage: deploy/fuzz.sh [SECONDS [TARGET...]]     such as deploy/fuzz.sh 600 fuzz_plan
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/packages.sh

seconds=${1:-30}
[ $# -eq 0 ] || shift
install_packages $fuzz_packages
mkdir -p build
cmake -S deploy/presets --preset fuzz >build/fuzz.log 2>&1 || { cat build/fuzz.log; exit 1; }
cmake --build build/fuzz -j "$(nproc)" --target "${@:-fuzzers}"

export seconds findings=build/fuzz/findings
mkdir -p $findings

fuzz_one() { # PROGRAM
  local name corpus code=0
  name=$(basename "$1")
  corpus=$(mktemp -d)
  "$1" -max_total_time="$seconds" -max_len=16384 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix=$findings/"$name"- "$corpus" "tests/fuzz/corpus/${name#fuzz_}" >"build/fuzz/$name.log" 2>&1 || code=1
  rm -rf "$corpus"
  printf '%-20s %s\n' "$name" "$(sed -n 's/^stat::number_of_executed_units: */executions: /p' "build/fuzz/$name.log")"
  [ $code -eq 0 ] || tail -n 30 "build/fuzz/$name.log"
  return $code
}
export -f fuzz_one

# Each has one thread: one for each processor.
for program in $(find build/fuzz -type f -name 'fuzz_*' -perm -u+x | sort); do
  name=$(basename "$program")
  case " ${*:-$name} " in *" $name "*) echo "$program" ;; esac
done | xargs -r -P "$(nproc)" -n 1 bash -c 'fuzz_one "$1"' fuzz_one || exit 1
