#!/usr/bin/env bash
# Checks that programs were built hardened, by what readelf tells of them.
# Usage: deploy/hardening.sh PROGRAM...
set -euo pipefail

failed=0
program=
check() { # WHAT COMMAND...
  local what=$1
  shift
  if "$@" >/dev/null 2>&1; then echo "  ✓ $program: $what"; else echo "  ✗ $program: $what"; failed=1; fi
}
has() { grep -qE -- "$1" <<< "$2"; }

# The mark that all code of a program expects indirect jumps and a shadow stack. The linker leaves it out when anything
# that it joins lacks it, and Debian 12's C library begins every program with a part that does (crt1.o): there the code
# itself must do.
marked() { has 'IBT' "$notes" && has 'SHSTK' "$notes"; }
start_is_marked() {
  local start
  start=$(gcc -print-file-name=Scrt1.o 2>/dev/null) || return 1
  readelf --notes "$start" 2>/dev/null | grep -q IBT
}
# The bytes of ENDBR64, at the beginning of many functions.
guards_its_functions() { [ "$(LC_ALL=C grep -aoP '\xf3\x0f\x1e\xfa' "$1" | wc -l)" -ge 100 ]; }

for path in "$@"; do
  program=$(basename "$path")
  header=$(readelf --wide --file-header "$path")
  segments=$(readelf --wide --program-headers "$path")
  dynamic=$(readelf --wide --dynamic "$path")
  symbols=$(readelf --wide --dyn-syms "$path")
  notes=$(readelf --wide --notes "$path" 2>/dev/null)
  check "is position independent" has 'Type: +DYN' "$header"
  check "is marked as a program, not a library" has 'FLAGS_1.*PIE' "$dynamic"
  check "has its relocations read-only" has 'GNU_RELRO' "$segments"
  check "has them all at its start" has 'BIND_NOW|FLAGS_1.*NOW' "$dynamic"
  check "has no stack that can be executed" has 'GNU_STACK .* RW +0x' "$segments"
  check "has no part that can be written and executed" bash -c '! grep -qE "LOAD .* RWE " <<< "$1"' - "$segments"
  if has 'INTERP' "$segments"; then  # in a static program the C library's own calls look the same
    check "notices a smashed stack" has '__stack_chk_fail' "$symbols"
    check "has checked calls of the C library" has '_chk(@|$)' "$(grep -v '__stack_chk' <<< "$symbols")"
  fi
  if has 'Machine: .*(X86-64|80386)' "$header"; then
    if start_is_marked; then
      check "is marked for indirect branch tracking and shadow stacks" marked
    else
      check "has its functions guarded against indirect jumps" guards_its_functions "$path"
    fi
  fi
done
exit "$failed"
