#!/usr/bin/env bash
# Installs what is missing and runs the whole test suite; the last line is `N passed, N failed, N skipped`.
#
# usage: tests/run.sh [--quick] [--long] [--suite NAME[,NAME...]] [--match REGEX] [--no-install] [--list]
#   suites: lint unit flow sanitize coverage interop web faults bench kernel fuzz   (default: all)
#   --quick      fast lint, unit and flow with gcc only (under 3 minutes)
#   --long       also the campaigns, hours of them: an hour of CPU time for every fuzz target, 100,000 random messages,
#                many kills; they keep their state in CANTWIN_STATE (default ~/.cache/cantwin) and go on where they stopped
#   --match RE   only tests whose name matches
#   examples: tests/run.sh --quick;  tests/run.sh --suite interop --match python_can
# Environment: CANTWIN_CORPUS (real data, default ../shared/corpus), CANTWIN_VENV (Python packages), CI=true lists every
# skip and makes missing data a failure.
set -u
cd "$(dirname "$0")/.." || exit 3
root=$PWD
export CANTWIN_CORPUS=${CANTWIN_CORPUS:-$(realpath -m "$root/../shared/corpus")}
export CANTWIN_VENV=${CANTWIN_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/cantwin/venv}
export CANTWIN_SOURCE=$root CANTWIN_BIN=$root/build/test/bin CANTWIN_TEST_BIN=$root/build/test/tests
export CMOCKA_MESSAGE_OUTPUT=TAP PYTHONDONTWRITEBYTECODE=1
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1

suites=lint,unit,flow,sanitize,coverage,interop,web,faults,bench,kernel,fuzz match=. install=yes quick=no
unset CANTWIN_LONG
script_timeout=600
usage() { sed -n '2,13s/^# \{0,1\}//p' "$0"; }
while [ $# -gt 0 ]; do
    case $1 in
    --quick) suites=lint,unit,flow quick=yes ;;
    --long) export CANTWIN_LONG=yes && script_timeout=14400 ;;
    --suite) suites=${2:?--suite needs a name} && shift ;;
    --match) match=${2:?--match needs a regular expression} && shift ;;
    --no-install) install=no ;;
    --list) ls tests/interop/*_test.* tests/web/*_test.* tests/faults/*_test.* tests/kernel/*_test.[ps]* tests/bench/*_bench.* 2>/dev/null; exit 0 ;;
    --help | -h) usage; exit 0 ;;
    *) echo "tests/run.sh: error: unknown option '$1'; see tests/run.sh --help" >&2; exit 2 ;;
    esac
    shift
done
has() { [[ ,$suites, == *,$1,* ]]; }

passed=0 failed=0 skipped=0
failures=() skips=()
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); failures+=("$1"); echo "not ok $1"; }
skip() { skipped=$((skipped + 1)); skips+=("$1"); }

# Counts the lines `ok ..`, `not ok ..`, `skip ..` of a program's output; a program that ended badly without saying why
# failed as a whole, and one that ran no case at all did too.
count() { # LABEL EXIT_STATUS FILE
    local line any=no bad=no
    while IFS= read -r line; do
        case $line in
        *"# SKIP"* | *"# skip"*) any=yes; skip "$1: ${line#*ok }" ;;
        ok\ *) any=yes; pass ;;
        not\ ok\ *) any=yes bad=yes; fail "$1: ${line#not ok }" ;;
        skip\ *) any=yes; skip "$1: ${line#skip }" ;;
        esac
    done < <(grep -aE '^(ok|not ok|skip) ' "$3")
    if [ "$2" != 0 ] && [ $bad = no ]; then
        fail "$1: ended with exit status $2"
        bad=yes
    elif [ $any = no ]; then
        fail "$1: ran no case"
        bad=yes
    fi
    if [ $bad = yes ]; then tail -n 60 "$3"; fi
}

# How long each part took; the slowest are shown at the end.
took() { # NAME SECONDS_AT_START
    echo "$((SECONDS - $2)) $1" >>"$work/times"
}

build() { # PRESET [TARGET]: all of it, without one
    local from=$SECONDS
    echo "building: $1"
    if ! { cmake --preset "$1" && cmake --build "build/$1" ${2:+--target "$2"}; } >"$work/build.txt" 2>&1; then
        grep -E 'error|FAILED|Error' "$work/build.txt" | head -30
        fail "build $1"
        return 1
    fi
    took "build $1" "$from"
}

# Every unit and flow executable of one build, two at a time.
run_built() { # PRESET SUITE
    local name list=() from=$SECONDS
    mapfile -t list < <(ctest --test-dir "build/$1" -L "^$2\$" -N 2>/dev/null | sed -n 's/^ *Test *#[0-9]*: //p' | grep -E "$match")
    [ ${#list[@]} -eq 0 ] && return
    printf '%s\n' "${list[@]}" | xargs -P 2 -I{} bash -c \
        'cd "$1/tests" && timeout 600 ./"$2" >"$3/$2.out" 2>&1; echo $? >"$3/$2.rc"' _ "$root/build/$1" {} "$work"
    for name in "${list[@]}"; do
        count "$2 $name ($1)" "$(cat "$work/$name.rc")" "$work/$name.out"
    done
    took "$2 ($1)" "$from"
}

# A command in a network namespace of its own in which the virtual bus's multicast group is on loopback.
in_namespace() {
    local flags=-n
    [ "$(id -u)" = 0 ] || flags=-rn
    # shellcheck disable=SC2016
    unshare $flags bash -c 'ip link set lo up && ip link set lo multicast on && ip route add 239.0.0.0/8 dev lo && exec "$@"' _ "$@"
}

run_script() { # SUITE FILE
    local name with=()
    name=$(basename "$2")
    case $2 in *.py) with=("$CANTWIN_VENV/bin/python") ;; esac
    in_namespace timeout "${CANTWIN_TEST_TIMEOUT:-$script_timeout}" "${with[@]}" "$2" >"$work/$1.$name.out" 2>&1 </dev/null
    echo $? >"$work/$1.$name.rc"
    took "$1 $name" 0
}
export -f in_namespace run_script took
export work script_timeout

# The scripts of a suite, each in a network of its own, so many at once; benchmarks would be in each other's way.
run_scripts() { # SUITE AT_ONCE FILE...
    local suite=$1 at_once=$2 script name list=()
    for script in "${@:3}"; do
        name=$(basename "$script")
        [ -e "$script" ] && [[ $name =~ $match ]] || continue
        if [ $python = no ] && [[ $script == *.py ]]; then
            skip "$suite $name: the Python packages could not be installed"
        else
            list+=("$script")
        fi
    done
    [ ${#list[@]} -eq 0 ] && return
    echo "running: $suite, ${#list[@]} scripts"
    # shellcheck disable=SC2016
    printf '%s\n' "${list[@]}" | xargs -P "$at_once" -I{} bash -c 'run_script "$1" "$2"' _ "$suite" {}
    for script in "${list[@]}"; do
        name=$(basename "$script")
        count "$suite $name" "$(cat "$work/$suite.$name.rc")" "$work/$suite.$name.out"
        [ "$suite" = bench ] && grep '^# ' "$work/$suite.$name.out"
    done
}

started=$SECONDS
python=yes
if [ $install = yes ]; then
    vcan-scripts/install.sh test || python=no
    # Its libraries for arm64 are got here: the scripts themselves run without a network.
    if has interop; then vcan-scripts/arm64-sysroot >/dev/null 2>&1; fi
fi
[ -x "$CANTWIN_VENV/bin/python" ] || python=no

# The test kernel takes minutes to build, once: it is built beside everything else. Where this machine's kernel has all that
# the suite needs (vcan, ISO-TP sockets, gpio-sim for this user), the suite runs in that, in a network namespace.
host_has_can() {
    local flags=-n
    [ "$(id -u)" = 0 ] || flags=-rn
    # The socket: AF_CAN, SOCK_DGRAM, CAN_ISOTP.
    [ -w /sys/kernel/config/gpio-sim ] && unshare $flags ip link add vcan0 type vcan 2>/dev/null &&
        perl -e 'socket(my $socket, 29, 2, 6) or exit 1'
}
kernel_pid=
if has kernel && ! host_has_can; then
    if [ $install = yes ]; then vcan-scripts/install.sh kernel; fi
    vcan-scripts/test-kernel >"$work/kernel.txt" 2>&1 &
    kernel_pid=$!
fi

if has unit || has flow || has interop || has web || has faults || has kernel || has bench; then
    build test || { echo "$passed passed, $failed failed, $skipped skipped"; exit 1; }
fi
if has lint; then
    tree=--fast
    if [ $quick = no ]; then
        build clang-debug
        tree=build/clang-debug
    fi
    from=$SECONDS
    tests/tools/lint.sh $tree >"$work/lint.out" 2>&1
    count lint $? "$work/lint.out"
    took lint "$from"
fi
run_kernel_script() { # FILE [NAME CASE...]
    local name with=() from=$SECONDS
    name=${2:-$(basename "$1")}
    [[ $name =~ $match ]] || return
    case $1 in *.py) with=("$CANTWIN_VENV/bin/python") ;; esac
    echo "running: $1${2:+ ($2)}"
    local command=("${with[@]}" "$1" "${@:3}")
    if [ -n "$kernel_pid" ]; then
        vcan-scripts/in-test-kernel --timeout "${CANTWIN_TEST_TIMEOUT:-600}" "${command[@]}" >"$work/script.out" 2>&1
    else
        # shellcheck disable=SC2016
        in_namespace timeout "${CANTWIN_TEST_TIMEOUT:-600}" bash -c \
            'ip link add vcan0 type vcan && ip link set vcan0 mtu 72 up && exec "$@"' _ "${command[@]}" >"$work/script.out" 2>&1 </dev/null
    fi
    count kernel\ "$name" $? "$work/script.out"
    took "kernel $name" "$from"
}
run_kernel_suite() {
    local script status=0
    if [ -n "$kernel_pid" ]; then
        kill -0 "$kernel_pid" 2>/dev/null && echo "waiting for the test kernel's build"
        wait "$kernel_pid" || status=$?
        if [ $status = 3 ]; then
            skip "kernel: no test kernel: $(grep error: "$work/kernel.txt" | head -n 1)"
            return
        elif [ $status != 0 ]; then
            tail -n 20 "$work/kernel.txt"
            fail "kernel: the test kernel could not be built"
            return
        fi
        if ! vcan-scripts/in-test-kernel true >"$work/kernel.txt" 2>&1; then
            if grep -q 'is missing' "$work/kernel.txt"; then
                skip "kernel: $(grep error: "$work/kernel.txt" | head -n 1)"
            else
                tail -n 20 "$work/kernel.txt"
                fail "kernel: the test kernel does not run"
            fi
            return
        fi
    fi
    for script in tests/kernel/*_test.sh tests/kernel/*_test.py; do
        if [ $python = no ] && [[ $script == *.py ]]; then
            skip "kernel $(basename "$script"): the Python packages could not be installed"
        else
            run_kernel_script "$script"
        fi
    done
    [ $python = no ] || run_kernel_gpiod2
}

# The GPIO lines once more, with a gateway that was built with the other version of libgpiod.
run_kernel_gpiod2() {
    local gateway status=0 how=()
    [[ gpio_test.py-libgpiod2 =~ $match || gpio_states_test.py-libgpiod2 =~ $match ]] || return
    [ $install = yes ] || how=(--no-download)
    gateway=$(vcan-scripts/gpiod2-gateway "${how[@]}" 2>"$work/gpiod2.txt") || status=$?
    if [ $status = 3 ]; then
        skip "kernel gpio_test.py-libgpiod2, gpio_states_test.py-libgpiod2: $(tail -n 1 "$work/gpiod2.txt")"
    elif [ $status != 0 ]; then
        fail "kernel gpio_test.py-libgpiod2: $(tail -n 1 "$work/gpiod2.txt")"
    else
        export CANTWIN_GATEWAY=$gateway
        run_kernel_script tests/kernel/gpio_test.py gpio_test.py-libgpiod2
        # those in which the library has a part: outputs of both polarities, edges of both lines
        run_kernel_script tests/kernel/gpio_states_test.py gpio_states_test.py-libgpiod2 \
            run_to_off_active_high run_to_off_active_low after_run_to_run after_run_to_wake
        unset CANTWIN_GATEWAY
    fi
}

# Once more in Debian's own kernel: what the gateway's ports depend on.
run_stock_kernel() {
    local script status with
    for script in tests/kernel/{port_test.sh,frames_test.py,gateway_test.py}; do
        [[ $(basename "$script") =~ $match ]] || continue
        with=()
        case $script in *.py) with=("$CANTWIN_VENV/bin/python") ;; esac
        echo "running in Debian's kernel: $script"
        CANTWIN_DEADLINE_S=900 vcan-scripts/in-stock-kernel "${with[@]}" "$script" >"$work/script.out" 2>&1
        status=$?
        if [ $status = 3 ]; then
            skip "kernel (stock): $(tail -n 1 "$work/script.out")"
            return
        fi
        count "kernel (stock) $(basename "$script")" $status "$work/script.out"
    done
}

has unit && run_built test unit
has flow && run_built test flow
if has sanitize; then
    for preset in clang-debug tsan ${CANTWIN_LONG:+clang-release debug}; do
        build $preset || continue
        run_built $preset unit
        run_built $preset flow
    done
fi
# The folders whose coverage has a limit, by their own tests and by scripts; with --long all folders, by all tests.
measured=(measured) measured_target=measured_tests
if [ -n "${CANTWIN_LONG:-}" ]; then measured=(unit flow) measured_target=; fi
if has coverage && build coverage $measured_target; then
    find build/coverage -name '*.gcda' -delete
    for suite in "${measured[@]}"; do run_built coverage "$suite"; done
    CANTWIN_BIN=$root/build/coverage/bin CANTWIN_TEST_BIN=$root/build/coverage/tests CANTWIN_LONG="" \
        CANTWIN_PROPERTY_MESSAGES=500 run_scripts coverage 2 tests/interop/{dbc,decode}*_test.py tests/interop/protection_drive_test.py
    tests/tools/coverage.py >"$work/coverage.out" 2>&1
    count coverage $? "$work/coverage.out"
    # what the others' tests reach was not run
    if [ -n "${CANTWIN_LONG:-}" ]; then grep '^# ' "$work/coverage.out"; else grep -E '^# (dbc|update)/' "$work/coverage.out"; fi
fi
if has coverage && [ -n "${CANTWIN_LONG:-}" ]; then
    tests/tools/mutation.py >"$work/mutation.out" 2>&1
    count mutation $? "$work/mutation.out"
fi
has interop && run_scripts interop 2 tests/interop/*_test.py tests/interop/*_test.sh
has web && run_scripts web 2 tests/web/*_test.py tests/web/*_test.sh
has faults && run_scripts faults 1 tests/faults/*_test.py
has bench && run_scripts bench 1 tests/bench/*_bench.py
has kernel && run_kernel_suite
if has kernel && [ -n "${CANTWIN_LONG:-}" ]; then
    if [ $install = yes ]; then vcan-scripts/install.sh stock-kernel; fi
    run_stock_kernel
fi
# Every fuzz target, two at a time.
if has fuzz && build fuzz fuzz_targets; then
    from=$SECONDS
    mapfile -t targets < <(cd build/fuzz/tests && printf '%s\n' *_fuzz | grep -E "$match")
    echo "fuzzing: ${targets[*]}"
    printf '%s\n' "${targets[@]}" | xargs -P 2 -I{} bash -c \
        'tests/tools/fuzz.py $2 "$1" >"$3/$1.out" 2>&1; echo $? >"$3/$1.rc"' _ {} "${CANTWIN_LONG:+--long}" "$work"
    for name in "${targets[@]}"; do
        count fuzz "$(cat "$work/$name.rc")" "$work/$name.out"
    done
    took fuzz "$from"
fi

echo
echo "slowest (s):"
sort -rn "$work/times" 2>/dev/null | head -n 12 | sed 's/^/  /'
for name in "${failures[@]}"; do echo "failed: $name"; done
if [ "${CI:-}" = true ] || [ ${#skips[@]} -le 20 ]; then
    for name in "${skips[@]}"; do echo "skipped: $name"; done
fi
echo "$((SECONDS - started)) s"
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
