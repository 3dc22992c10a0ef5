"""Puts the medians of measurements into the table of docs/reliability.md, between its two marks."""

import json
import statistics
import sys

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

# Row of the fault table, the bound of the design in seconds (None: no bound), by the id in the measurements.
ROWS = {
    "agent-killed": ("agent killed: seen as lost", 20),
    "agent-hangs": ("agent hangs but heartbeats: closed after its deadline", 5),
    "no-agent": ("no agent of that type: the workflow says so", 10),
    "commit-publish": ("orchestrator killed between commit and publish: done after one is up", 10),
    "read-commit": ("orchestrator killed between reading a result and commit: applied after the restart", 5),
    "orchestrator-2-killed": ("one of two orchestrators killed under load: stages complete again", 10),
    "redis-killed": ("Redis killed under load: stages complete again", 10),
    "postgres-killed": ("PostgreSQL killed under load: stages complete again", 10),
    "redis-lost": ("FLUSHALL, or a failover that lost a task: sent again", 10),
    "result-lost": ("a failover that lost a result: workflow completed after an orchestrator is up", None),
    "redis-away": ("Redis away longer than a lease: what ended meanwhile went on, from its start", 10),
    "postgres-away": ("PostgreSQL away longer than a lease: what ended meanwhile went on, from its start", 10),
    "orchestrator-away": ("all orchestrators away longer than a lease: what ended went on, from its start", 10),
    "exec-lost": ("EXEC of a result, or its reply, lost: workflow completed, from its creation", None),
    "redis-full": ("Redis out of memory: everything completed after there is room", None),
    "two-agents": ("two agents run the same attempt: one is told to stop", None),
    "exclusive": ("two agents ask for leave: both are answered", None),
    "agent-cut-off": ("agent alone cut off: seen as lost", 20),
    "agent-cut-off-stop": ("agent back after its lease: what it still runs is stopped", None),
    "refused-payload": ("refused payload among a hundred: the others completed", None),
    "wrong-results": ("wrong results of nine kinds: all set aside or dead letters", None),
    "poison": ("poison task: parked after two agents died of it", None),
    "one-gigabyte": ("tool prints 1 GB: task done", None),
    "cancel": ("cancel: whole process group gone", 5),
    "sigterm": ("SIGTERM with work that would go on for a minute: exit status 0", 30),
    "rolling-restart": ("rolling restart of three orchestrators: each restart", 30),
    "rolling-restart-stop": ("of that, until the orchestrator has ended", 30),
    "rolling-restart-start": ("of that, until the next one is ready", None),
    "door-accepted": ("200 workflows at once where 4 may wait: all accepted, after 429s", None),
    "burst-accepted": ("10,000 workflows at once: all accepted", None),
    "burst": ("10,000 workflows at once: all ended", None),
    "burst-memory": ("10,000 workflows at once: peak memory of the orchestrator", None),
    "one-gigabyte-memory": ("tool prints 1 GB: peak memory of the agent", None),
}


# Bounds of what isn't a time, in bytes.
MEMORY = {"burst-memory": 200 << 20, "one-gigabyte-memory": 256 << 20}


def show(unit, value):
    if unit == "bytes":
        return f"{value / 2**20:.0f} MiB"
    return f"{value / 1000:.2f} s"


def table(path):
    groups = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            groups.setdefault((entry["row"], entry["test"], entry["unit"]), []).append(entry["value"])
    order = list(ROWS)
    unknown = sorted({row for row, _, _ in groups} - set(order))
    out = ["| what | test | bound | median | worst | measured |", "| --- | --- | ---: | ---: | ---: | ---: |"]
    over = []
    for row, test, unit in sorted(groups, key=lambda k: ((order + unknown).index(k[0]), k[1])):
        values = groups[row, test, unit]
        median = statistics.median(values)
        what, seconds = ROWS.get(row, (row, None))
        bound = MEMORY.get(row) if unit == "bytes" else seconds and seconds * 1000
        shown = show(unit, median)
        if bound is not None and median > bound:
            over.append(f"{test}: {shown} is over the bound of {show(unit, bound)}")
            shown = f"**{shown}, over the bound**"
        out.append(
            f"| {what} | `{test}` | {'–' if bound is None else show(unit, bound)} | {shown} "
            f"| {show(unit, max(values))} | {len(values)} × |"
        )
    measured = {row for row, _, _ in groups}
    for row, (what, seconds) in ROWS.items():
        bound = show("bytes", MEMORY[row]) if row in MEMORY else seconds and show("milliseconds", seconds * 1000)
        if bound and row not in measured:
            over.append(f"{what}: not measured")
            out.append(f"| {what} | | {bound} | **not measured** | | |")
    return "\n".join(out), over


def main():
    measurements, document = sys.argv[1:]
    with open(document, encoding="utf-8") as file:
        text = file.read()
    if BEGIN not in text or END not in text:
        sys.exit(f"{document} has no place for the table: {BEGIN} … {END}")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    rows, over = table(measurements)
    with open(document, "w", encoding="utf-8") as file:
        file.write(before + BEGIN + "\n" + rows + "\n" + END + after)
    if over:
        sys.exit("\n".join(over))


main()
