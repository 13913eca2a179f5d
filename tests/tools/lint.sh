#!/usr/bin/env bash
# Checks what the compiler does not: layout, clang-tidy, banned functions, includes, export prefixes, what must not be committed.
# usage: tests/tools/lint.sh BUILD_DIR     (a configured and built clang tree with compile_commands.json)
#        tests/tools/lint.sh --fast        (what needs no build)
# One line per check: `ok NAME` or `not ok NAME: why`; exit 1 when one failed.
set -u
cd "$(dirname "$0")/../.." || exit 3
build=${1:?usage: tests/tools/lint.sh BUILD_DIR}
failed=0
report() { # NAME OUTPUT: passes when OUTPUT is empty
    if [ -z "$2" ]; then
        echo "ok lint-$1"
    else
        failed=1
        printf '%s\n' "$2" | head -40 >&2
        echo "not ok lint-$1: $(printf '%s\n' "$2" | head -1)"
    fi
}
mapfile -t c_files < <(git ls-files '*.c' '*.h')
mapfile -t product < <(git ls-files 'base/*.c' 'can/*.c' 'dbc/*.c' 'twin/*.c' 'diagnostics/*.c' 'policy/*.c' 'update/*.c' \
    'proto/*.c' 'gateway/*.c' 'fleet/*.c' 'sim/*.c' 'cli/*.c')

report format "$(clang-format --dry-run -Werror "${c_files[@]}" 2>&1 | grep -E 'error' | head -20)"
if [ "$build" != --fast ]; then
    report tidy "$(printf '%s\n' "${product[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy --quiet -p "$build" 2>/dev/null |
        grep -E '(warning|error):' | sort -u)"
    # Everything a library exports begins with ct_.
    report prefix "$(find "$build" -path "$build/tests" -prune -o -name 'lib*.a' ! -name 'libproto_pb.a' -print0 |
        xargs -0 nm --defined-only -g 2>/dev/null | awk 'NF == 3 && $3 !~ /^(ct_|__asan|__odr_asan|___asan|\.)/ { print $3 }' | sort -u)"
fi
report banned "$(grep -nE '\b(sprintf|vsprintf|strcpy|strcat|strncat|strtok|gets|atoi|atol|atof|alloca|tmpnam|mktemp|system|popen|rand|srand)[[:space:]]*\(' \
    "${product[@]}" | grep -vE ':[[:space:]]*(\*|/\*|//)')"
report sleep "$(git grep -nE '\b(sleep|usleep|nanosleep)[[:space:]]*\(' -- '*.c' '*.h')"
report includes "$(git grep -nE '#include "\.\./|#include "[^"]*/' -- '*.c' '*.h')"
report marks "$(git grep -nwE 'TODO|FIXME|XXX|HACK' -- '*.c' '*.h' '*.py' '*.js' 'vcan-scripts' ':!tests/tools/lint.sh')"
report committed "$(git ls-files | grep -E '\.(o|a|so|pyc|pb-c\.[ch]|log|blf|asc|zst|key|pem)$')"
# Frames leave the gateway in one place, which asks for policy's permit.
report gate "$(git grep -lE 'ct_port_write\(|ops->write' -- 'gateway/*.[ch]' ':!gateway/bus_gate.c'
    git grep -q 'ct_policy_pass' -- gateway/bus_gate.c || echo "gateway/bus_gate.c does not call ct_policy_pass")"
# Tests that the threat table names are there.
report ids "$(grep -ohE '`[a-z0-9_]+(\.py|\.sh)?`' docs/security.md | tr -d '`' | grep _ | sort -u | while read -r id; do
    git ls-files tests | grep -qE "/$id(\.[a-z]+)?\$" || git grep -qwF "$id" -- tests || echo "docs/security.md names $id, which is no test"
done)"
report spelling "$(git ls-files '*.md' '*.h' '*.c' '*.sh' '*.py' '*.proto' | xargs codespell -q 3 -L crc,nd,ba,hel,te,ans,statics,fo,sme,ot,ue,iif 2>&1 | head -20)"
report shell "$(git ls-files '*.sh' .ci/run | xargs shellcheck -S warning 2>&1 | grep -E '^In |SC[0-9]+' | head -20)"
exit $failed
