#!/usr/bin/env bash
# shellcheck disable=SC2016,SC2015  # what is in single quotes is for jq
# A Baton agent of bash, redis-cli and jq: agent type shell, actions checksum and noop. The rules are in docs/protocol.
set -uo pipefail
[ "$(ps -o pgid= $$ | tr -d ' ')" = $$ ] || exec setsid "$0" # the leader of a process group of its own
checksum() { jq -j .payload.text | sha256sum | jq -R '{sha256: .[:64], summary: "checksum \(.[:12])"}'; } # yours go here
noop() { local task; task=$(cat); sleep "$(jq '(.payload.sleep_ms // 0) / 1000' <<<"$task")"; jq '.payload.output // {}' <<<"$task"; }
export -f checksum noop

type=shell me=shell-$(od -An -N4 -tx1 /dev/urandom | tr -d ' \n') space=${BATON_NAMESPACE:+$BATON_NAMESPACE:}
state=$(mktemp -d) # current: the ref that is worked on; stopped: refs not to work on; held/: results until they are settled
mkdir "$state/held" && touch "$state/current" "$state/stopped"
trap 'leaving=1' TERM INT # heeded when what runs has ended
trap 'trap "" TERM; say goodbye "{abandoned: []}"; kill -- -$$; [ -e "$state/group" ] && kill -KILL -- "-$(cat "$state/group")" 2>/dev/null; rm -rf "$state"' EXIT
redis() { redis-cli -u "$BATON_REDIS_URL" --no-auth-warning --raw "$@"; }
now() { date -u +%Y-%m-%dT%H:%M:%S.%3NZ; }
say() { # KIND, then arguments of jq that end with what else is said
    local kind=$1 message && shift
    message=$(jq -cn --arg kind "$kind" --arg now "$(now)" --arg me "$me" "${@:1:$#-1}" \
        '{kind: $kind, version: "2.0.0", sent_at: $now, agent_id: $me} + '"${*: -1}")
    redis XADD "${space}agent:signals" MAXLEN '~' 10000 '*' envelope "$message" >/dev/null
}
report() { # FILE of a held result: says it, acknowledges the task and deletes it, all at once
    jq -r --arg results "${space}orchestrator:results" '"MULTI", "XADD \($results) * envelope \(.result | tojson | @json)",
        "XACK \(.lane) agents \(.entry)", "XDEL \(.lane) \(.entry)", "EXEC"' "$1" | redis >/dev/null
}
register() {
    say register --arg type $type --argjson pid $$ --arg host "$HOSTNAME" '{agent_type: $type, agent_version: "1", slots: 1,
        host: $host, pid: $pid, actions: ["checksum", "noop" | {name: ., workspace: "none"}]}'
    for file in "$state"/held/*; do [ -e "$file" ] && report "$file"; done
}
talk() { # every 5 s: what runs, which results are kept
    while sleep 5; do
        say heartbeat --slurpfile runs "$state/current" --argjson held "$(cat "$state"/held/* 2>/dev/null | jq -cs 'map(.ref)')" \
            '{running: [$runs[] | {ref: .}], held: $held, free_slots: (1 - ($runs | length))}'
    done
}
listen() { # what the orchestrator says
    local answers=0 line told key
    while sleep 0.5; do
        redis SUBSCRIBE "${space}agent:$type:control" | while read -r line; do
            [[ $line == subscribe ]] && register # at start, and after Redis was away
            told=$(jq -c --arg me "$me" 'select(.agent_id == null or .agent_id == $me)' <<<"$line" 2>/dev/null) && [ -n "$told" ] || continue
            jq -c 'if .kind == "cancel" then .ref else (.tasks // [])[] | select(.verdict == "stop").ref end' <<<"$told" >>"$state/stopped"
            jq -r '(.settled // [])[] | "\(.task_id)-\(.attempt)-\(.dispatch_id)"' <<<"$told" | while read -r key; do rm -f "$state/held/$key"; done
            # What is not settled after three answers must have been lost on the way.
            [[ $(jq -r .kind <<<"$told") == heartbeat_ack ]] && ((++answers % 3 == 0)) &&
                for key in "$state"/held/*; do [ -e "$key" ] && report "$key"; done
            [[ -s $state/current ]] && grep -qxFf "$state/current" "$state/stopped" && kill -KILL -- "-$(cat "$state/group")" 2>/dev/null
            jq -e '.known == false' <<<"$told" >/dev/null && register
        done
    done
}
work() { # LANE ENTRY ENVELOPE
    local lane=$1 entry=$2 task=${3:0:262144} ref started status action code=SHELL_FAILED
    ref=$(jq -ce '{task_id, attempt, dispatch_id} | select(all(.[]; . != null))' <<<"$task" 2>/dev/null) || {
        say rejected --arg stream "$lane" --arg entry "$entry" --arg text "${task:0:6000}" \
            '{stream: $stream, entry_id: $entry, reason: "no ids", bytes_base64: ($text | @base64)}'
        printf '%s\n' MULTI "XACK $lane agents $entry" "XDEL $lane $entry" EXEC | redis >/dev/null
        return
    }
    started=$(now) action=$(jq -r .action <<<"$task") status=failure
    : >"$state/output" >"$state/errors"
    if ! jq -e '(.payload | type == "object") and (.metadata.envelope_version | startswith("2."))' <<<"$task" >/dev/null 2>&1; then
        code=INVALID_ENVELOPE && echo "expected version 2 and an object as payload" >"$state/errors"
    elif ! grep -qxF "$ref" "$state/stopped"; then
        echo "$ref" >"$state/current"
        say started --argjson ref "$ref" '{ref: $ref}'
        [[ $action == checksum || $action == noop ]] || action=unknown_action
        # timeout makes a process group, which can be stopped with all that is started in it.
        timeout -s KILL "$(jq '.constraints.timeout_ms / 1000' <<<"$task")" bash -c 'echo $PPID >"$1/group"; "$2"; exit' - \
            "$state" "$action" <<<"$task" >"$state/output" 2>"$state/errors" && status=success
        rm -f "$state/group"
    fi
    grep -qxF "$ref" "$state/stopped" && status=cancelled
    jq -n --arg workflow "$(jq -r .workflow_id <<<"$task")" --arg stage "$(jq -r .stage <<<"$task")" --argjson ref "$ref" \
        --arg lane "$lane" --arg entry "$entry" --arg status $status --arg me "$me" --arg code $code \
        --arg id "$(cat /proc/sys/kernel/random/uuid)" --arg type $type --arg started "$started" --arg now "$(now)" \
        --slurpfile output "$state/output" --rawfile errors "$state/errors" '{ref: $ref, lane: $lane, entry: $entry, result: ($ref + {
            version: "2.0.0", message_id: $id, agent_id: $me, agent_type: $type, workflow_id: $workflow, stage: $stage,
            status: $status, output: (if $status == "success" then $output[0] else {} end), started_at: $started, completed_at: $now,
            errors: (if $status == "failure" then [{code: $code, message: $errors[-4000:], retryable: false}] else [] end)})}' \
        >"$state/result"
    mv "$state/result" "$state/held/$(jq -r '"\(.task_id)-\(.attempt)-\(.dispatch_id)"' <<<"$ref")" # kept until it is settled
    : >"$state/current"
    report "$state/held/$(jq -r '"\(.task_id)-\(.attempt)-\(.dispatch_id)"' <<<"$ref")"
}

listen & talk &
while [ -z "${leaving:-}" ]; do
    for place in 0 '>'; do # what was delivered and never arrived, then the most urgent one
        for lane in :critical :high '' :low; do
            lane=${space}agent:$type:tasks$lane
            found=$(redis XREADGROUP GROUP agents "$me" COUNT 1 STREAMS "$lane" "$place" 2>&1)
            [[ $found == "Could not connect"* ]] && sleep 1
            [[ $found == NOGROUP* ]] && redis XGROUP CREATE "$lane" agents 0 MKSTREAM >/dev/null
            entry=$(sed -n 2p <<<"$found") # then come the names of the fields and what they hold
            [[ $entry =~ ^[0-9]+-[0-9]+$ ]] && { work "$lane" "$entry" "$(grep -m1 -A1 '^envelope$' <<<"$found" | tail -n 1)"; continue 3; }
        done
    done
    sleep 0.2
done
