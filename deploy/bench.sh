#!/usr/bin/env bash
# The benchmark: from `execute` to the last agent's first instruction, against what people would use instead. Prints
# a table and writes a JSON file (build/bench.json). Every figure is a ratio taken in the same run, in alternation.
# Usage: deploy/bench.sh [--small] [--only PART] [--rounds N] [--tasks N,N] [--files N,N] [--out FILE] …
#   --small   everything at a size of seconds, to see that it works: the figures mean nothing
# BENCH_BUILD names a build folder that is there; else an optimised one is made in build/bench.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/packages.sh

build=${BENCH_BUILD:-}
if [ -z "$build" ]; then
  install_packages $build_packages $bench_packages
  build=build/bench
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DFANOUT_TESTS=OFF \
    -DCMAKE_CXX_COMPILER_LAUNCHER=ccache >/dev/null
  cmake --build "$build" -j "$(nproc)" --target fanoutd fanout fanout-shim
fi
mkdir -p build
exec python3 -B tests/bench/bench.py --build "$build" --out build/bench.json "$@"
