#!/usr/bin/env bash
# arm64: every program cross-compiled with Debian's compiler and libraries, warnings as errors; unit and flow tests under
# qemu-user: a part of them, all with --long (about 40 minutes on a busy machine of 2 cores). Lines: ok, not ok, skip.
set -u
cd "${CANTWIN_SOURCE:-$(dirname "$0")/../..}" || exit 3
for tool in aarch64-linux-gnu-gcc qemu-aarch64 cmake; do
    command -v $tool >/dev/null || { echo "skip arm64_build: no $tool (packages gcc-aarch64-linux-gnu, qemu-user)"; exit 0; }
done
if ! sysroot=$(vcan-scripts/arm64-sysroot 2>&1); then
    echo "skip arm64_build: $(tail -n 1 <<<"$sysroot")"
    exit 0
fi
# What depends on byte order, alignment, atomics, vector code, float formats and the size of types.
part=(bytes_test ring_test hub_test frame_test codec_test outbox_test journal_test batch_test envelope_test
    command_flow_test telemetry_flow_test isotp_pair_test hist_test pace_test)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
cmake --preset arm64 >"$log" 2>&1 || { tail -n 5 "$log" >&2; echo "not ok arm64_configures"; exit 1; }
targets=(all)
if [ -z "${CANTWIN_LONG:-}" ]; then
    mapfile -t targets < <({ echo cantwin; echo cantwin-gateway; echo cantwin-fleet; echo cantwin-sim
        printf '%s\n' "${part[@]}"; } | while read -r name; do ninja -C build/arm64 -t query "$name" >/dev/null 2>&1 && echo "$name"; done)
fi
if ! nice cmake --build build/arm64 --target "${targets[@]}" >"$log" 2>&1; then
    grep -E 'error|FAILED' "$log" | head -n 10 >&2
    echo "not ok arm64_builds: $(grep -m 1 'error' "$log")"
    exit 1
fi
echo "ok arm64_builds"
for program in cantwin cantwin-gateway cantwin-fleet cantwin-sim; do
    if [[ $(qemu-aarch64 -L "$(vcan-scripts/arm64-sysroot --path)" build/arm64/bin/$program --version) == "$program "* ]]; then
        echo "ok arm64_runs_$program"
    else
        echo "not ok arm64_runs_$program" && failed=1
    fi
done
match=$(IFS='|' && echo "^(${part[*]})\$")
[ -z "${CANTWIN_LONG:-}" ] || match=.
ctest --test-dir build/arm64 -j2 -L '^(unit|flow)$' -R "$match" --timeout 3000 >"$log" 2>&1
sed -n 's/^ *[0-9]*\/[0-9]* Test *#[0-9]*: \([a-z0-9_]*\) .*Passed.*/ok arm64_\1/p; s/^ *[0-9]*\/[0-9]* Test *#[0-9]*: \([a-z0-9_]*\) \.*\(\*\*\*.*\)/not ok arm64_\1: \2/p' "$log"
grep -q '^100% tests passed' "$log" || failed=1
exit $failed
