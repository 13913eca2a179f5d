#!/usr/bin/env bash
# The Debian packages: lintian finds no error, they install, run, upgrade and purge in a throw-away copy of this machine (an
# overlay over its root, with real dpkg and adduser), the units are tight, manual pages and completion tell what --help
# tells, and the SBOM is valid SPDX that names what was installed. Lines: ok, not ok, skip.
set -u
source=${CANTWIN_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
venv=${CANTWIN_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/cantwin/venv}
build=$source/build/package
cd "$source" || exit 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
check() { # NAME PROBLEMS: passes when there are none
    if [ -z "$2" ]; then
        echo "ok $1"
    else
        failed=1
        printf '%s\n' "$2" | head -20 >&2
        echo "not ok $1: $(printf '%s\n' "$2" | head -n 1)"
    fi
}
have() { command -v "$1" >/dev/null; }

have dpkg-shlibdeps || { echo "skip package: no dpkg-shlibdeps (package dpkg-dev)"; exit 0; }
rm -f "$build"/*.deb
if ! { cmake --preset package && nice cmake --build build/package && (cd "$build" && cpack -G DEB); } >"$work/build.txt" 2>&1; then
    tail -n 20 "$work/build.txt" >&2
    echo "not ok package_builds: $(grep -iE 'error' "$work/build.txt" | head -n 1)"
    exit 1
fi
debs=("$build"/cantwin-{gateway,fleet,tools}_*.deb)
check package_builds "$(for deb in "${debs[@]}"; do [ -e "$deb" ] || echo "no $deb"; done)"
for deb in "${debs[@]}"; do dpkg-deb -x "$deb" "$work/tree"; done

if have lintian; then
    lintian --allow-root "${debs[@]}" >"$work/lintian.txt" 2>&1
    sed 's/^/# /' "$work/lintian.txt"
    check package_lintian_no_error "$(grep '^E:' "$work/lintian.txt")"
else
    echo "skip package_lintian: no lintian"
fi

# What systemd makes of the units. 2.0 is the goal of both.
exposure() { # UNIT: what is above the goal
    systemd-analyze security --offline=true --no-pager "$work/tree/usr/lib/systemd/system/$1" 2>&1 | tail -n 1 |
        awk -v unit="$1" '{ for (i = 1; i <= NF; i++) if ($i ~ /^[0-9.]+$/) level = $i } END { if (level == "" || level > 2.0) print unit " says " $0 }'
}
if have systemd-analyze; then
    for unit in cantwin-gateway.service cantwin-fleet.service cantwin-enrol.service; do check "package_exposure_$unit" "$(exposure $unit)"; done
else
    echo "skip package_exposure: no systemd-analyze"
fi

# The receive buffer that a bus is given takes twice its size of what sysctl allows: what the gateway asks for when it gets less.
check package_sysctl_fits_the_receive_buffer "$(
    bytes=$(($(sed -n 's/^#define CT_SOCKETCAN_RECEIVE_BUFFER *\((.*)\).*/\1/p' can/socketcan.h)))
    most=$(sed -n 's/^net\.core\.rmem_max *= *\([0-9]*\)$/\1/p' "$work/tree/usr/lib/sysctl.d/60-cantwin.conf")
    [ "$bytes" -gt 0 ] && [ "${most:-0}" -eq $((2 * bytes)) ] || echo "rmem_max is ${most:-missing}, the gateway asks for 2 x $bytes")"

# Manual pages: every option of --help, and no other; the formatter has nothing to say.
options() { grep -oE -- '(^|[][ (|,])--?[a-zA-Z][a-z_-]*' | tr -d '][ (|,' | grep -vE -- '^-(able|of|style)$' | sort -u; }
help_of() { # PROGRAM: its help and that of every command and verb; cantwin's diag has a page of its own
    local command verb bin=$work/tree/usr/bin/${1%-diag}
    if [ "$1" = cantwin-diag ]; then
        for verb in $("$bin" diag --help | sed -n '/^verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do "$bin" diag "$verb" --help; done
        echo " --help --version -h"
        return
    fi
    "$bin" --help
    echo " --help --version -h"
    [ "$1" = cantwin ] || return
    for command in $("$bin" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
        "$bin" "$command" --help
        [ "$command" = diag ] && continue
        for verb in $("$bin" "$command" --help | sed -n '/^verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do "$bin" "$command" "$verb" --help; done
    done
}
for page in "$work"/tree/usr/share/man/man*/*.gz; do
    program=$(basename "${page%.[0-9].gz}")
    # Examples of --help show keys and options of other programs.
    help_of "$program" | grep -vE '^  (cantwin|candump|cansend)' | options >"$work/help"
    gunzip -c "$page" | sed '/^\.EX/,/^\.EE/d; s/\\f[A-Z]//g; s/\\-/-/g; s/"//g' | options >"$work/man"
    check "package_manual_$program" "$(diff "$work/help" "$work/man" | sed -n 's/^< /only in --help: /p; s/^> /only in the manual: /p'
        man --warnings -l -Tutf8 "$page" 2>&1 >/dev/null)"
done
check package_manual_commands "$(for name in $("$work/tree/usr/bin/cantwin" --help | sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'); do
    gunzip -c "$work/tree/usr/share/man/man1/cantwin.1.gz" | grep -q "^\.SS $name" || echo "no section of $name"
done)"

complete_words() { # WORD...: what completes the last one
    PATH=$work/tree/usr/bin:$PATH bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _cantwin; echo "${COMPREPLY[*]}"' _ \
        "$work/tree/usr/share/bash-completion/completions/cantwin" "$@"
}
expect() { # WANTED WORD...
    local wanted=$1 got
    shift
    got=$(complete_words "$@")
    [ "$got" = "$wanted" ] || echo "'$*' gives '$got' instead of '$wanted'"
}
check package_completion "$(cd "$work" || exit
    expect "dbc decode diag" cantwin d
    expect "clear list" cantwin diag dtc ""
    expect "--snapshots" cantwin diag dtc list --sn
    expect "check diff dump" cantwin dbc ""
    expect "dump" cantwin bus d
    expect "--no-comments" cantwin dbc diff --no
    expect "--check-config" cantwin-gateway --check)"

if have zsh; then
    # The file is the function's body; what it would offer is printed.
    cat >"$work/complete.zsh" <<'ZSH'
compadd() { shift; print -r -- ${(M)@:#${words[CURRENT]}*} }
_files() { print FILES }
file=$1; shift
words=("$@"); CURRENT=$#
functions[_it]="$(<$file)"
_it
ZSH
    expect_zsh() { # WANTED WORD...
        local wanted=$1 got
        shift
        got=$(PATH=$work/tree/usr/bin:$PATH zsh -f "$work/complete.zsh" "$work/tree/usr/share/zsh/vendor-completions/_$1" "$@" 2>&1 | tr ' ' '\n' | sort | xargs)
        [ "$got" = "$wanted" ] || echo "zsh: '$*' gives '$got' instead of '$wanted'"
    }
    check package_completion_zsh "$(cd "$work" || exit
        expect_zsh "check diff dump" cantwin dbc ""
        expect_zsh "dump" cantwin bus d
        expect_zsh "--no-comments" cantwin dbc diff --no
        expect_zsh "--check-config" cantwin-gateway --check
        expect_zsh "FILES" cantwin-fleet some)"
else
    echo "skip package_completion_zsh: no zsh"
fi

# SBOM: valid by a third party's rules, and true of the installed files.
for package in gateway fleet tools; do
    sbom=$work/tree/usr/share/doc/cantwin-$package/cantwin-$package.spdx.json
    if [ -x "$venv/bin/pyspdxtools" ]; then
        check "package_sbom_valid_$package" "$("$venv/bin/pyspdxtools" -i "$sbom" 2>&1)"
    else
        echo "skip package_sbom_valid_$package: no spdx-tools"
    fi
    check "package_sbom_true_$package" "$(jq -r '.files[] | [(.checksums[] | select(.algorithm == "SHA256").checksumValue), .fileName] | join("  ")' "$sbom" |
        (cd "$work/tree" && sha256sum --quiet -c) 2>&1
        # Every package that dpkg-shlibdeps found is named.
        dpkg-deb -f "$build"/cantwin-"$package"_*.deb Depends | tr ',' '\n' | awk '{ print $1 }' | grep -vx adduser | while read -r name; do
            jq -e --arg name "$name" 'any(.packages[]; .name == $name)' "$sbom" >/dev/null || echo "$name is not in it"
        done)"
done

# In the copy: steps print what went wrong. Nothing of this machine is written: the overlay's upper layer is a tmpfs.
cat >"$work/inside" <<'INSIDE'
set -u
cd /packages
quiet() { "$@" >/tmp/said 2>&1 </dev/null || { echo "$*: exit status $?: $(tail -n 2 /tmp/said | tr '\n' ' ')"; }; }
case $1 in
install)
    quiet dpkg -i ./*.deb
    for user in cantwin cantwin-fleet; do
        getent passwd $user | grep -q ':/nonexistent:/usr/sbin/nologin$' || echo "user $user: $(getent passwd $user)"
    done
    for program in cantwin cantwin-sim cantwin-gateway cantwin-fleet; do
        quiet $program --version
        quiet $program --help
    done
    quiet runuser -u cantwin -- cantwin-gateway --check-config --config /etc/cantwin/gateway.yaml
    quiet systemd-analyze verify --man=yes /usr/lib/systemd/system/cantwin-*.service
    cat /tmp/said
    quiet cantwin dbc check /etc/cantwin/example.dbc
    quiet bash -n /usr/share/bash-completion/completions/cantwin-fleet
    ;;
run)
    # As the unit has it: its user, no capability, the file system read-only but for its folders. strace writes what is called.
    command -v strace >/dev/null && command -v setpriv >/dev/null || exit 0
    printf '(1.0) can0 123#0100000000000000\n' >/packages/one.log
    quiet cantwin keys init --dir /packages/keys --vehicle demo
    chown -R cantwin /packages/keys
    sed 's|port: can0|port: file:/packages/one.log|' /etc/cantwin/gateway.yaml >/packages/confined.yaml
    cat >>/packages/confined.yaml <<'YAML'
link: { endpoint: "tcp://127.0.0.1:9", server_key: keys/fleet.curve.pub, key: keys/vehicle-demo.curve }
YAML
    sed -i 's|: \[example|: [/etc/cantwin/example|; s#^\(collection\|policy\): #&/etc/cantwin/#' /packages/confined.yaml
    cat >/packages/confine <<'CONFINE'
mkdir -p /run/cantwin /var/lib/cantwin-gateway
mount -t tmpfs -o mode=755 tmpfs /packages/trace && chown cantwin /packages/trace
mount -o remount,ro,bind / && mount -t tmpfs -o mode=750,uid=cantwin,gid=cantwin tmpfs /run/cantwin &&
    mount -t tmpfs -o mode=700,uid=cantwin,gid=cantwin tmpfs /var/lib/cantwin-gateway || exit 1
cd /
setpriv --reuid cantwin --regid cantwin --clear-groups --no-new-privs --inh-caps=-all --ambient-caps=-all --bounding-set=-all \
    strace -f -o /packages/trace/calls cantwin-gateway --config /packages/confined.yaml 2>/packages/trace/said &
traced=$!
said() { # TEXT: waits for it
    for ((i = 0; i < 1200; i++)); do
        grep -q "$1" /packages/trace/said && return
        kill -0 "$traced" || break
        sleep 0.1
    done
    echo "the gateway did not say '$1': $(tail -n 3 /packages/trace/said)"
    return 1
}
said ready && cantwin twin get --socket /run/cantwin/gateway.sock '*' >/dev/null || echo "twin get: $?"
gateway=$(head -n 1 /packages/trace/calls | cut -d' ' -f1)
kill -HUP "$gateway" && said reloaded
kill -TERM "$gateway"
wait $traced || echo "it ended with $?: $(tail -n 2 /packages/trace/said)"
cat /packages/trace/calls >&3
CONFINE
    mkdir /packages/trace
    unshare -m --propagation private bash /packages/confine 3>/packages/calls
    rmdir /run/cantwin
    ;;
upgrade)
    echo "# edited" >>/etc/cantwin/gateway.yaml
    mkdir -p /var/lib/cantwin-gateway && touch /var/lib/cantwin-gateway/kept
    for deb in ./*.deb; do
        rm -rf tree && dpkg-deb -R "$deb" tree && sed -i 's/^Version: .*/Version: 0.1.1-1/' tree/DEBIAN/control && dpkg-deb -b tree "$deb" >/dev/null
    done
    rm -rf tree
    quiet dpkg -i ./*.deb
    [ "$(dpkg-query -W -f '${Version}' cantwin-gateway)" = 0.1.1-1 ] || echo "not upgraded"
    grep -q "# edited" /etc/cantwin/gateway.yaml || echo "the configuration was lost"
    [ -e /var/lib/cantwin-gateway/kept ] || echo "the state was lost"
    ;;
remove)
    quiet dpkg -r cantwin-gateway cantwin-fleet cantwin-tools
    [ -e /etc/cantwin/gateway.yaml ] || echo "removing took the configuration"
    [ -e /var/lib/cantwin-gateway/kept ] || echo "removing took the state"
    ls /usr/bin/cantwin* 2>/dev/null
    quiet dpkg -i ./cantwin-gateway_*.deb
    ;;
purge)
    beside=${CANTWIN_SOURCE:-} beside=${beside%/*} # other builds of the same people
    quiet dpkg -P cantwin-gateway cantwin-fleet cantwin-tools
    getent passwd cantwin cantwin-fleet
    getent group cantwin cantwin-fleet
    find / -xdev \( -path /packages -o -path /proc -o -path /var/log -o -path /var/cache -o -path /dev -o -path /tmp -o -path /root -o -path /home \
        -o -path "${CANTWIN_SOURCE:-/nowhere}" -o -path "${beside:-/nowhere}" \) \
        -prune -o -cnewer /packages/begin -name '*cantwin*' -print
    dpkg-query -W -f '${Package} ${Status}\n' 'cantwin*' 2>/dev/null | grep -v not-installed
    ;;
esac
exit 0
INSIDE
# shellcheck disable=SC2016
in_copy='mount -t tmpfs tmpfs "$1/copy" && mkdir "$1"/copy/{upper,work,root} &&
    mount -t overlay overlay -o "lowerdir=/,upperdir=$1/copy/upper,workdir=$1/copy/work" "$1/copy/root" &&
    mount -t tmpfs tmpfs "$1/copy/root/dev" && (cd "$1/copy/root/dev" && mknod -m 666 null c 1 3 && mknod -m 666 zero c 1 5 &&
        mknod -m 666 random c 1 8 && mknod -m 666 urandom c 1 9 && ln -s /proc/self/fd fd && mkdir shm) && mount -t proc proc "$1/copy/root/proc" && mkdir "$1/copy/root/packages" &&
    cp "$1"/inside "${@:2}" "$1/copy/root/packages" && touch "$1/copy/root/packages/begin" || exit 77
    export DEBIAN_FRONTEND=noninteractive
    for step in install run upgrade remove purge; do
        echo "step $step"
        chroot "$1/copy/root" /usr/bin/env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin bash /packages/inside $step
        [ $step != run ] || cp "$1/copy/root/packages/calls" "$1/calls" 2>/dev/null
    done'
mkdir "$work/copy"
if [ "$(id -u)" != 0 ] || ! have adduser; then
    echo "skip package_installs: a copy of the root needs root and adduser"
    exit $failed
fi
unshare -mpf --propagation private bash -c "$in_copy" _ "$work" "${debs[@]}" >"$work/steps" 2>"$work/steps.err"
if [ $? = 77 ]; then
    echo "skip package_installs: no overlay over the root here: $(tail -n 1 "$work/steps.err")"
    exit $failed
fi
for step in install run upgrade remove purge; do
    if grep -qx "step $step" "$work/steps"; then
        check "package_${step}s" "$(awk -v step="step $step" '/^step / { on = $0 == step; next } on' "$work/steps")"
    else
        check "package_${step}s" "did not come to it: $(tail -n 1 "$work/steps.err")"
    fi
done

# What that run called is what the unit lets through: SystemCallFilter as systemd reads it, line by line.
expand() { # NAME or @SET: its system calls
    local entry
    case $1 in
    @*) for entry in $(systemd-analyze --no-pager syscall-filter "$1" | sed -n '2,$s/^ *\([@a-z0-9_-]*\).*/\1/p'); do expand "$entry"; done ;;
    *) echo "$1" ;;
    esac
}
allowed() { # UNIT
    local line entry
    : >"$work/allowed"
    while read -r line; do
        for entry in ${line#\~}; do expand "$entry"; done | sort -u >"$work/entries"
        case $line in
        \~*) comm -23 "$work/allowed" "$work/entries" ;;
        *) sort -u "$work/allowed" "$work/entries" ;;
        esac >"$work/next"
        mv "$work/next" "$work/allowed"
    done < <(sed -n 's/^SystemCallFilter=//p' "$1")
}
if ! have systemd-analyze || ! [ -s "$work/calls" ]; then
    echo "skip package_unit_limits: no systemd-analyze, or strace cannot follow here"
    exit $failed
fi
unit=$work/tree/usr/lib/systemd/system/cantwin-gateway.service
allowed "$unit"
sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' "$work/calls" | sort -u >"$work/called"
families=$(sed -n 's/^RestrictAddressFamilies=//p' "$unit")
check package_unit_limits "$([ "$(wc -l <"$work/called")" -gt 30 ] || echo "only $(wc -l <"$work/called") system calls seen"
    comm -23 "$work/called" "$work/allowed" | sed 's/$/ is called and not in SystemCallFilter/'
    sed -nE 's/^[0-9]+ +socket\((AF_[A-Z0-9]+|PF_[A-Z0-9]+).*/\1/p' "$work/calls" | sort -u | while read -r family; do
        [[ " $families " == *" $family "* ]] || echo "$family is not in RestrictAddressFamilies"
    done
    grep -E '(mmap|mprotect)\(.*PROT_WRITE\|PROT_EXEC|mprotect\(.*PROT_EXEC|CLONE_NEW' "$work/calls" | head -n 3)"
exit $failed
