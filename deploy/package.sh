#!/usr/bin/env bash
# Builds the Debian package, the relocatable tarball and the extension for VS Code into build/packages, and checks the package
# by lintian. Where npm or a Node that fits is out of reach, the extension is left out, and that is said.
#
#   apt install ./build/packages/fanout_*.deb
#   tar -C ~/.local --strip-components=1 -xf build/packages/fanout-*.tar.gz
#   code --install-extension build/packages/fanout.vsix
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

step "Extension for VS Code"
extension() {
  install_packages protobuf-compiler
  fitting_node && install_from_npm client/vscode && (cd client/vscode && npm run --silent package)
}
if extension; then cp client/vscode/dist/fanout.vsix build/packages/; else echo "  !! LEFT OUT: npm, or Node 20, is out of reach"; fi

step "Check"
dpkg --info build/packages/fanout_*.deb
dpkg --contents build/packages/fanout_*.deb
lintian --allow-root --fail-on error --tag-display-limit 0 build/packages/fanout_*.deb
ls -l build/packages
