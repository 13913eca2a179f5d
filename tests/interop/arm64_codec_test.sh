#!/usr/bin/env bash
# The codec on arm64: dbc/ cross-compiled, NEON and scalar against the definition of a signal under qemu-user, and every
# decoded bit equal to this machine's. Lines: ok, not ok, skip.
set -u
source=${CANTWIN_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
corpus=${CANTWIN_CORPUS:-$source/../shared/corpus}
cross=aarch64-linux-gnu-gcc
for tool in $cross qemu-aarch64 gcc; do
    command -v $tool >/dev/null || { echo "skip arm64_codec: no $tool (packages gcc-aarch64-linux-gnu, qemu-user)"; exit 0; }
done
if [ ! -d "$corpus/dbc" ]; then
    [ "${CI:-}" = true ] && { echo "not ok arm64_codec: no corpus at $corpus"; exit 1; }
    echo "skip arm64_codec: no corpus at $corpus"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sources=("$source"/dbc/dbc*.c "$source"/dbc/codec*.c "$source"/base/errors.c "$source"/tests/unit/by_definition.c
    "$source"/tests/interop/arm64_codec.c)
flags=(-std=c17 -D_GNU_SOURCE -O2 -ffp-contract=off -Wall -Wextra -Werror -Wconversion -static
    -I"$source"/dbc -I"$source"/base -I"$source"/tests/unit)
if ! $cross "${flags[@]}" "${sources[@]}" -o "$work/arm64" -lm || ! gcc "${flags[@]}" "${sources[@]}" -o "$work/here" -lm; then
    echo "not ok arm64_codec_builds"
    exit 1
fi
echo "ok arm64_codec_builds: as scalar and NEON, warnings are errors"
mapfile -t files < <(ls "$corpus"/dbc/*/*.dbc "$corpus"/probes/*.dbc)
failed=0
qemu-aarch64 "$work/arm64" "${files[@]}" >"$work/arm64.out" || failed=1
"$work/here" "${files[@]}" >"$work/here.out" || failed=1
sed 's/^/# arm64: /' "$work/arm64.out"
sed 's/^/# here: /' "$work/here.out"
if [ $failed = 0 ] && grep -q ^neon "$work/arm64.out"; then
    echo "ok arm64_codec_equals_the_definition: scalar and NEON, ${#files[@]} databases"
else
    echo "not ok arm64_codec_equals_the_definition"
    failed=1
fi
if [ "$(cut -d' ' -f2- "$work"/*.out | sort -u | wc -l)" = 1 ]; then
    echo "ok arm64_codec_bits_equal_this_machine"
else
    echo "not ok arm64_codec_bits_equal_this_machine"
    failed=1
fi
exit $failed
