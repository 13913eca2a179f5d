#!/usr/bin/env bash
# Installs by package name what cantwin needs on Debian, and says so. Nothing is done for what is there already.
#   vcan-scripts/install.sh build            what building and running needs
#   vcan-scripts/install.sh test             what the test suite needs on top (clang, cmocka, tshark, Chromium, Python packages)
#   vcan-scripts/install.sh kernel           what vcan-scripts/test-kernel and tests/kernel need
#   vcan-scripts/install.sh stock-kernel     what vcan-scripts/in-stock-kernel needs
# Exit 0: everything is there; 3: something could not be installed (its name is printed).
set -u
build_packages=(gcc cmake ninja-build pkg-config protobuf-c-compiler libprotobuf-c-dev libzmq3-dev libsodium-dev
    libsqlite3-dev libzstd-dev zlib1g-dev libmicrohttpd-dev libcurl4-gnutls-dev libcyaml-dev libyaml-dev libcjson-dev libgpiod-dev libgnutls28-dev libc6-dev curl jq zstd openssl)
test_packages=(clang clang-tidy clang-format llvm libclang-rt-14-dev libcmocka-dev codespell shellcheck gcovr iproute2
    python3 python3-venv protobuf-compiler tshark chromium chromium-driver gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
    dpkg-dev lintian strace systemd adduser man-db zsh mosquitto can-utils)
kernel_packages=(bc flex bison make gcc libc6-dev xz-utils busybox iproute2 can-utils)
stock_packages=(qemu-system-x86 busybox cpio kmod iproute2 can-utils)
python_packages=(autosar-e2e paho-mqtt cantools python-can msgpack pyzmq protobuf can-isotp udsoncan pynacl websocket-client
    spdx-tools doipclient scapy gallia odxtools pyarrow schemathesis prometheus-client python-uds-server)

venv=${CANTWIN_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/cantwin/venv}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

missing_packages() {
    local name
    for name in "$@"; do
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || echo "$name"
    done
}

apt_install() {
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ ${#missing[@]} -eq 0 ] && return 0
    echo "installing: ${missing[*]}"
    as_root apt-get update -q >/dev/null 2>&1
    if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null; then
        echo "could not install: ${missing[*]}; check the package sources and run this again" >&2
        return 3
    fi
}

python_install() {
    if [ -f "$venv/installed" ] && [ "$(cat "$venv/installed")" = "${python_packages[*]}" ]; then
        return 0
    fi
    echo "installing Python packages: ${python_packages[*]}"
    /usr/bin/python3 -m venv "$venv" && "$venv/bin/pip" install -q --disable-pip-version-check "${python_packages[@]}" &&
        echo "${python_packages[*]}" >"$venv/installed" && return 0
    echo "could not install the Python packages; the tests that need them will be skipped" >&2
    return 3
}

# The checker of the page's accessibility. Without npm its test is skipped by name.
node_install() {
    local folder=${CANTWIN_NODE:-$(dirname "$venv")/node}
    if ! command -v npm >/dev/null || [ -f "$folder/node_modules/axe-core/axe.min.js" ]; then return 0; fi
    npm install --silent --no-audit --no-fund --prefix "$folder" axe-core >/dev/null 2>&1 ||
        echo "could not install axe-core; the accessibility test will be skipped" >&2
    return 0
}

case ${1:-} in
build) apt_install "${build_packages[@]}" ;;
test)
    apt_install "${build_packages[@]}" "${test_packages[@]}" || exit 3
    node_install
    python_install
    ;;
kernel) apt_install "${kernel_packages[@]}" ;;
stock-kernel) apt_install "${stock_packages[@]}" ;;
*)
    sed -n '2,7s/^# \{0,1\}//p' "$0"
    [ "${1:-}" = --help ] || exit 2
    ;;
esac
