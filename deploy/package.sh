#!/usr/bin/env bash
# Builds the Debian package and the relocatable tarball into build/packages, and checks the package by lintian.
#
#   apt install ./build/packages/fanout_*.deb
#   tar -C ~/.local --strip-components=1 -xf build/packages/fanout-*.tar.gz
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. deploy/packages.sh

step() { printf '\n== %s\n' "$*"; }

step "Packages and build"
install_packages $build_packages $test_packages $package_packages
cmake -S . -B build -G Ninja -DCMAKE_CXX_COMPILER_LAUNCHER=ccache >/dev/null
cmake --build build -j "$(nproc)" --target fanoutd fanout manual

step "Package"
rm -rf build/packages
mkdir -p build/packages
(cd build/packages && umask 022 && cpack --config ../CPackConfig.cmake -B .)
rm -rf build/packages/_CPack_Packages

step "Check"
dpkg --info build/packages/fanout_*.deb
dpkg --contents build/packages/fanout_*.deb
lintian --allow-root --fail-on error --tag-display-limit 0 build/packages/fanout_*.deb
ls -l build/packages
