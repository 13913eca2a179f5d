#!/usr/bin/env bash
# The whole of cantwin on this machine: a virtual bus, a simulated vehicle, the gateway and the fleet backend.
# Installs what is missing, builds, runs, shows the live twin and the page's address, sends one command and one diagnostic
# request and shows their round trip.
#
# usage: vcan-scripts/demo.sh [--seconds N] [--replay LOG --dbc [CHANNEL=]FILE...] [--run-dir DIR] [--no-install]
#   --seconds N        end by itself after N seconds; exit 0 only if frames were decoded, mirrored to the backend, a command
#                      made the round trip and no value was lost (without it: until Ctrl-C)
#   --replay LOG       instead of the simulated vehicle, play a log (candump, ASC, BLF; plain, .zst, .gz) once, in real time
#   --dbc [CH=]FILE    the DBC of the log's channel CH (can0 when left out); once per channel
#   --speed N          replay N times faster (0: as fast as the chain takes it)
#   --run-dir DIR      keep configuration, keys, logs and stores in DIR (default: a temporary folder, removed at the end)
# examples:
#   vcan-scripts/demo.sh --seconds 30
#   vcan-scripts/demo.sh --replay drive.log.zst --dbc can0=pt.dbc --dbc can1=radar.dbc
set -u
from=$PWD
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
seconds='' replay='' speed=1 run='' keep=no install=yes
dbcs=()
usage() { sed -n '2,17s/^# \{0,1\}//p' "$0"; }
die() { echo "demo.sh: error: $2" >&2; exit "$1"; }
while [ $# -gt 0 ]; do
    case $1 in
    --seconds | --replay | --dbc | --speed | --run-dir)
        [ $# -ge 2 ] || die 2 "$1 needs a value; see demo.sh --help"
        case $1 in
        --seconds) seconds=$2 ;;
        --replay) replay=$(realpath -e "$2" 2>/dev/null) || die 3 "no log file '$2'" ;;
        --dbc) dbcs+=("$2") ;;
        --speed) speed=$2 ;;
        --run-dir) run=$(realpath -m "$2") keep=yes ;;
        esac
        shift
        ;;
    --no-install) install=no ;;
    --help | -h) usage; exit 0 ;;
    *) die 2 "unknown option '$1'; see demo.sh --help" ;;
    esac
    shift
done
[[ $seconds =~ ^[0-9]*$ ]] || die 2 "--seconds wants a whole number, not '$seconds'"
[ -z "$replay" ] || [ ${#dbcs[@]} -gt 0 ] || die 2 "--replay needs --dbc [CHANNEL=]FILE"

if [ $install = yes ]; then "$here/install.sh" build || exit 3; fi
echo "building build/release (about a minute the first time)"
log=$(mktemp)
(cd "$root" && cmake --preset release && cmake --build build/release) >"$log" 2>&1 || { tail -20 "$log" >&2; die 3 "the build failed"; }
rm -f "$log"
PATH=$root/build/release/bin:$PATH

[ -n "$run" ] || run=$(mktemp -d /tmp/cantwin-demo-XXXXXX)
mkdir -p "$run" && cp -r "$root"/sim/vehicle/. "$run" && cd "$run" || die 3 "cannot use the folder $run"
declare -A pid=()
cleanup() {
    trap - EXIT INT TERM
    kill "${pid[@]}" 2>/dev/null
    wait 2>/dev/null
    if [ $keep = no ]; then rm -rf "$run"; fi
}
trap cleanup EXIT
trap 'stop=yes' INT TERM
stop=no

start() { # NAME COMMAND...: in the background, its messages in NAME.log
    local name=$1
    shift
    "$@" >"$name.out" 2>"$name.log" &
    pid[$name]=$!
}
await() { # WHAT PID COMMAND...: until COMMAND succeeds
    local what=$1 of=$2 tries=0
    shift 2
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        if ! kill -0 "$of" 2>/dev/null || [ $tries -gt 300 ]; then
            tail -n 5 -- *.log >&2
            die 1 "$what did not come up"
        fi
        sleep 0.1
    done
}

front=http://127.0.0.1:17680
api() { curl -sS --max-time 5 "$@"; }
buses=(can0 can1) show='Vehicle.*'
gateway_config=gateway.yaml
if [ -n "$replay" ]; then
    # A configuration of our own: one bus per --dbc, everything collected on change, nothing may be sent.
    buses=() show='*'
    gateway_config=replay.yaml
    {
        cat <<'YAML'
vehicle_id: demo
collection: replay-collection.yaml
policy: replay-policy.yaml
link: { endpoint: "tcp://127.0.0.1:17601", server_key: keys/fleet.curve.pub, key: keys/vehicle-demo.curve }
trust: [{ role: director, key: keys/director.ed25519.pub }]
state_dir: state-gateway
status_socket: gateway.sock
YAML
        echo "buses:"
        for entry in "${dbcs[@]}"; do
            channel=can0 file=$entry
            case $entry in *=*) channel=${entry%%=*} file=${entry#*=} ;; esac
            file=$(cd "$from" && realpath -e "$file" 2>/dev/null) || die 3 "no DBC file '$entry'"
            buses+=("$channel")
            printf '  - { name: %s, port: "unix:%s.sock", dbc: ["%s"], fd: false, transmit: false }\n' "$channel" "$channel" "$file"
        done
    } >$gateway_config || exit 3
    printf 'signals:\n  - { match: "*", interval_ms: 0, on_change: true, purpose: replay }\n' >replay-collection.yaml
    printf 'transmit: []\nframes: []\nuds: []\ndesired: []\n' >replay-policy.yaml
fi

cantwin keys init --dir keys --vehicle demo >keys.log || die 1 "could not make the demo's keys"
start hub cantwin bus serve "${buses[@]/%/.sock}"
await "the virtual bus" "${pid[hub]}" test -S "${buses[-1]}.sock"
start fleet cantwin-fleet --config fleet.yaml
await "the fleet backend" "${pid[fleet]}" grep -q ready fleet.log
start gateway cantwin-gateway --config $gateway_config
await "the gateway" "${pid[gateway]}" grep -q ready gateway.log
await "the buses" "${pid[gateway]}" grep -q "bus ${buses[-1]} is up" gateway.log
await "the link" "${pid[gateway]}" sh -c "curl -s $front/api/v1/vehicles | jq -e '.vehicles[] | select(.connected)'"
if [ -n "$replay" ]; then
    for channel in "${buses[@]}"; do
        start "replay_$channel" cantwin replay "$replay" "unix:$channel.sock" --channel "$channel" --speed "$speed"
    done
else
    start sim cantwin-sim --config sim.yaml
    await "the simulated vehicle" "${pid[sim]}" grep -q ready sim.log
fi

echo
echo "page:       $front/"
echo "run folder: $run   (in it: CANTWIN_SOCKET=gateway.sock $root/build/release/bin/cantwin twin watch Vehicle.Speed)"
echo

show_twin() {
    api "$front/api/v1/vehicles/demo/twin?match=$show" | jq -r '.signals[] | select(.value != null) |
        [.name, ((.text // (.value | if type == "number" then . * 1000 | round / 1000 else . end | tostring)) + " " + .unit), (.quality | join(","))] | @tsv' |
        awk -F'\t' '{ printf "  %-62s %18.18s %s\n", $1, $2, $3 }' | head -n "${1:-40}"
}
round_trip() { # LABEL METHOD PATH BODY: sends it and waits for its end; prints one line; 0 when done
    local began id state='' line
    began=$(date +%s%N)
    id=$(api -X "$2" -H 'Content-Type: application/json' -d "$4" "$front$3" | jq -r '.command_id // empty')
    [ -n "$id" ] || { echo "$1: not accepted by the backend"; return 1; }
    while :; do
        line=$(api "$front/api/v1/commands/$id")
        state=$(jq -r .state <<<"$line")
        case $state in done | failed | refused | expired | cancelled | outcome-unknown) break ;; esac
        [ $(($(date +%s%N) - began)) -lt 15000000000 ] || break
        sleep 0.02
    done
    jq -r --arg what "$1" --arg ms $((($(date +%s%N) - began) / 1000000)) \
        '"\($what): " + ([.history[].state] | join(" -> ")) + ", \($ms) ms" + (if (.response // "") != "" then ", response \(.response)" else "" end) + (if (.reason // "none") != "none" then ", reason \(.reason)" else "" end)' <<<"$line"
    [ "$state" = "done" ]
}

round_trips=0
began=$SECONDS
commanded=no
while [ $stop = no ]; do
    elapsed=$((SECONDS - began))
    if [ -n "$seconds" ] && [ $elapsed -ge "$seconds" ]; then break; fi
    if [ -n "$replay" ] && [ -z "$seconds" ]; then
        running=no
        for channel in "${buses[@]}"; do
            kill -0 "${pid[replay_$channel]}" 2>/dev/null && running=yes
        done
        [ $running = yes ] || break
    fi
    if [ $commanded = no ] && [ -z "$replay" ]; then
        commanded=yes
        round_trip "command  low beam on      " PUT /api/v1/vehicles/demo/desired \
            '{"path":"Vehicle.Body.Lights.Beam.Low.IsOn","value":true}' && round_trips=$((round_trips + 1))
        round_trip "diagnose engine reads VIN " POST /api/v1/vehicles/demo/diagnostics \
            '{"ecu":"engine","request":"22F190"}' && round_trips=$((round_trips + 1))
    fi
    if [ -t 1 ]; then
        printf '\033[s\033[J'
        echo "live twin at the backend, ${elapsed} s:"
        show_twin $(($(tput lines) - 12))
        printf '\033[u'
    fi
    sleep 1
done
printf '\033[J' | { [ -t 1 ] && cat; }
echo "twin at the backend:"
show_twin 40
echo

# The end: the vehicle falls silent, the gateway stops cleanly (everything on disk is sent), then the counts.
if [ -n "$replay" ]; then
    for channel in "${buses[@]}"; do
        kill "${pid[replay_$channel]}" 2>/dev/null
        wait "${pid[replay_$channel]}" 2>/dev/null
    done
else
    kill "${pid[sim]}" 2>/dev/null
    wait "${pid[sim]}"
fi
# The silent bus lets values go stale, which is news too, so both sides are asked until they agree.
settled() {
    cantwin twin status --socket "$(sed -n 's/^status_socket: *//p' $gateway_config)" --json >status.json &&
        api "$front/api/v1/status" >fleet-status.json &&
        jq -e --slurpfile fleet fleet-status.json '.rings.to_storage_used == 0 and ($fleet[0].log_bytes == $fleet[0].applied_bytes)
            and .outbox.sample.newest == .outbox.sample.acked and .collect.samples == $fleet[0].samples' status.json
}
for _ in $(seq 150); do
    settled >/dev/null && break
    sleep 0.1
done
[ -s status.json ] && [ -s fleet-status.json ] || die 1 "the counts cannot be read"

frames=$(jq '[.buses[].decoded] | add' status.json)
signals=$(jq '.twin.seen' status.json)
mirrored=$(jq '.samples' fleet-status.json)
lost=$(($(jq '.collect.samples + .collect.lost' status.json) - mirrored))
echo "frames decoded:          $frames"
echo "signals in the twin:     $signals"
echo "values mirrored:         $mirrored"
echo "commands round-tripped:  $round_trips"
echo "values lost:             $lost"
[ "$frames" -gt 0 ] && [ "$mirrored" -gt 0 ] && [ "$lost" -eq 0 ] && { [ -n "$replay" ] || [ "$round_trips" -eq 2 ]; }
