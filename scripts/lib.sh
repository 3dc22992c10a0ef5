# Shared by the scripts beside it; sourced, never run. All of them leave the checkout as the current directory.
# shellcheck shell=bash
set -euo pipefail

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
configuration=${BATON_BUILD_CONFIGURATION:-debug}
bin="$checkout/.build/$configuration"
packages=(redis-server postgresql libhiredis-dev libpq-dev chromium fonts-dejavu-core haproxy git curl openssl python3-venv procps)
phases=()

say() { printf '%s\n' "$*" >&2; }

# give_up STATUS MESSAGE: 69 = something is missing, 64 = wrong use (sysexits).
give_up() {
    say "$2"
    exit "$1"
}

# phase NAME COMMAND…: runs the command and remembers how long it took.
phase() {
    local name=$1 begun=$SECONDS status=0
    shift
    "$@" || status=$?
    phases+=("$(printf '%-20s %4d s' "$name" $((SECONDS - begun)))")
    return "$status"
}

print_phases() { printf '%s\n' "Time of each phase:" "${phases[@]/#/  }" >&2; }

# tick NAME LOG: shows every second for how long something goes on, and the last line of its log; one line on a terminal.
tick() {
    local begun=$SECONDS width text
    width=$(tput cols 2>/dev/null) || width=80
    # It ends with this script even when that is killed, for it looks.
    while sleep 1 && kill -0 $$ 2>/dev/null; do
        text="… $1, $((SECONDS - begun)) s  $(tail -n 1 "$2" | tr -d '\000-\037\177')"
        printf '\r\033[K  %s' "${text:0:width-3}" >&2
    done
}

# quietly NAME COMMAND…: keeps the output to itself; a terminal sees its last line and the elapsed time, and a failure the
# last lines.
quietly() {
    local name=$1 status=0 log ticker=
    shift
    log=$(mktemp)
    if [ -t 2 ]; then
        tick "$name" "$log" &
        ticker=$!
    fi
    "$@" >"$log" 2>&1 || status=$?
    if [ -n "$ticker" ]; then
        kill "$ticker" 2>/dev/null || true
        wait "$ticker" 2>/dev/null || true
        printf '\r\033[K' >&2
    fi
    [ "$status" = 0 ] || { say "$name failed:" && tail -n 40 "$log" >&2; }
    rm -f "$log"
    return "$status"
}

is_installed() { dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

# Installs the Debian packages that are missing: as root at once, otherwise after asking, through sudo.
install_missing() {
    command -v swift >/dev/null || give_up 69 "swift is not on PATH: install Swift 6.3 from https://swift.org/install"
    if ! command -v dpkg-query >/dev/null; then
        say "This is not Debian: make sure that you have what these packages hold: ${packages[*]}"
        return
    fi
    local missing=() name answer
    for name in "${packages[@]}"; do is_installed "$name" || missing+=("$name"); done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" = 0 ]; then
        say "Installing ${missing[*]} with apt-get (1 to 3 minutes, once; no system service is started)."
        quietly "installing packages" "$checkout/scripts/install-packages" "${missing[@]}"
        return
    fi
    say "Baton needs some Debian packages:"
    say "  sudo apt-get install ${missing[*]}"
    if [ ! -t 0 ] || ! command -v sudo >/dev/null; then give_up 69 "Run that line, then this script again."; fi
    read -r -p "Run it now, without starting any system service (1 to 3 minutes)? [y/N] " answer
    [[ $answer == [yY]* ]] || give_up 69 "Nothing was installed."
    sudo -v # asks for the password, if it must, before the output is kept back
    quietly "installing packages" sudo "$checkout/scripts/install-packages" "${missing[@]}"
}

# Builds the executables unless nothing changed since the last build.
build() {
    local stamp="$bin/.baton-built" inputs=(Package.swift Sources agents)
    if [ -e "$stamp" ] && [ -z "$(find "${inputs[@]}" -newer "$stamp" -print -quit)" ]; then return 0; fi
    [ -e "$stamp" ] || say "Building Baton ($configuration; the first time takes 5 to 15 minutes on two cores)."
    local begun
    begun=$(mktemp)
    # What is edited during the build is newer than this file, so the next run builds again.
    quietly "building" swift build -c "$configuration" || { rm -f "$begun"; return 1; }
    mv "$begun" "$stamp"
}

baton() {
    [ -x "$bin/baton" ] || give_up 69 "Baton is not built yet; scripts/up builds and starts it."
    BATON_DATA_DIR=${BATON_DATA_DIR:-$checkout/.baton} BATON_COMMAND=${BATON_COMMAND:-scripts/baton} "$bin/baton" "$@"
}
