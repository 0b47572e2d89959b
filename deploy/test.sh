#!/usr/bin/env bash
# Installs what is needed, builds, and runs every test under AddressSanitizer and UndefinedBehaviorSanitizer, then a
# small benchmark of the programs as users get them, then a short fuzz of each parser. One command on a fresh Debian 12.
#
#   deploy/test.sh            everything
#   deploy/test.sh --quick    the tests in the plain build only
#   deploy/test.sh --tsan     the tests under ThreadSanitizer instead
#   deploy/test.sh --faults   the daemon killed each time it passes a crash point and at 200 random instants; takes hours
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/packages.sh

mode=${1:-all}
jobs=$(nproc)
test_jobs=$((jobs * 2 + 1))  # many tests wait for programs rather than work
export CTEST_OUTPUT_ON_FAILURE=1
export ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export LSAN_OPTIONS=suppressions=$PWD/tests/lsan.supp:print_suppressions=0
export TSAN_OPTIONS=suppressions=$PWD/tests/tsan.supp:report_atomic_races=0:second_deadlock_stack=1

# Tests of the programs as users get them, whatever the tests themselves are built with.
tests_in=build
[ "$mode" != all ] || tests_in=build/asan
program_tests() { FANOUT_TEST_BUILD=$PWD/build ctest --test-dir "$tests_in" "$@"; }

step() { printf '\n== %s\n' "$*"; }

build() { # PRESET TARGET
  mkdir -p build
  cmake -S deploy/presets --preset "$1" >"build/$1.log" 2>&1 || { cat "build/$1.log"; return 1; }
  cmake --build "build/$1" -j "$jobs" --target "$2"
}

plain() { # TARGET...
  step "Build"
  cmake -S . -B build -G Ninja -DCMAKE_CXX_COMPILER_LAUNCHER=ccache
  cmake --build build -j "$jobs" --target "$@"
}

tests() {
  step "Tests"
  ctest --test-dir build -j "$test_jobs" --timeout 300 -LE "agents|counterparts|faults"
}

# A sample of the crash points, and of random instants.
faults() {
  step "The daemon dies"
  program_tests -j "$test_jobs" -L faults
}

# The agents' own programs, from npm, against a model on loopback: about two minutes. How fast they are is not ours to say,
# so what fails is tried once more.
real_agents() {
  step "Tests with real agents"
  if install_agents build/agents; then
    program_tests -j "$jobs" -L agents --repeat until-pass:2
  else
    printf '\n!! SKIPPED, since npm cannot install the agents:\n'
    program_tests -N -L agents | sed -n 's/^ *Test *#[0-9]*: /!!   /p'
  fi
}

# Against programs of npm and Debian that none of us wrote; those out of reach are named, and their tests skipped.
counterparts() {
  step "Tests against what others wrote"
  deploy/counterparts.sh
  program_tests -j "$test_jobs" -L counterparts --repeat until-pass:2
}

# The clients in TypeScript, Lua, Python and Node, and one of them in a real editor: about three minutes. What npm cannot
# bring is skipped.
editors() {
  step "Clients in other languages, and editors"
  deploy/editors.sh build
}

benchmark() {
  step "The benchmark, small: that it works, not how fast anything is"
  install_packages $bench_packages
  BENCH_BUILD=build deploy/bench.sh --small --out build/bench-small.json
}

# Sanitized daemons are slow, and a loaded machine makes some tests give up on them: those are tried again.
sanitized() { # PRESET
  step "Build for $1"
  build "$1" all
  step "Tests under $1"
  ctest --test-dir "build/$1" -j "$test_jobs" --timeout 300 --repeat until-pass:2 -LE "agents|counterparts|faults"
}

all_faults() {
  step "Every crash point, 200 random instants"
  FANOUT_FAULTS_ALL=1 build/tests/faults/faults_test
}

fuzz() {
  step "Fuzz"
  deploy/fuzz.sh "${FUZZ_SECONDS:-15}"
}

step "Packages"
install_packages $build_packages $test_packages
case $mode in
  all) sanitized asan; plain fanoutd fanout fanoutd-with-crash-points; faults; real_agents; counterparts; editors; benchmark; fuzz ;;
  --quick) plain all; tests; faults; real_agents; counterparts; editors ;;
  --tsan) sanitized tsan ;;
  --faults) plain faults_test; all_faults ;;
  *) echo "usage: deploy/test.sh [--quick|--tsan|--faults]" >&2; exit 2 ;;
esac
step "All passed"
