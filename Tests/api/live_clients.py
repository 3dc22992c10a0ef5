"""Many live clients on /ws, some of which never read: what they hear, and what it costs the orchestrator.

    BATON_URL=… BATON_TOKEN=… python live_clients.py --clients 500 --deaf 50 --pid PID --workflows 200
"""
import argparse
import asyncio
import json
import os
import time
import urllib.request

import websockets

URL, TOKEN = os.environ["BATON_URL"], os.environ["BATON_TOKEN"]
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


def create(name):
    body = json.dumps({"type": "noop", "name": name}).encode()
    request = urllib.request.Request(
        URL + "/api/v1/workflows", body, {**HEADERS, "Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["id"]


def usage(pid):
    """Resident memory in MiB and CPU seconds of a process."""
    with open(f"/proc/{pid}/statm") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return resident, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def client(number, deaf, heard, stop):
    async with websockets.connect(
            URL.replace("http", "ws", 1) + "/ws", additional_headers=HEADERS, max_queue=1 if deaf else 16,
            ping_interval=None) as socket:
        await socket.send(json.dumps({"action": "subscribe"}))
        await socket.send(json.dumps({"action": "metrics"}))
        if deaf:
            socket.transport.pause_reading()
            await stop.wait()
            return
        while not stop.is_set():
            try:
                message = json.loads(await asyncio.wait_for(socket.recv(), 1))
            except asyncio.TimeoutError:
                continue
            heard[number].setdefault(message["type"], []).append(message)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--deaf", type=int, default=50)
    parser.add_argument("--workflows", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--pid", type=int, required=True)
    wanted = parser.parse_args()
    before = usage(wanted.pid)
    heard, stop = [{} for _ in range(wanted.clients)], asyncio.Event()
    tasks = [asyncio.create_task(client(i, i < wanted.deaf, heard[:], stop)) for i in range(wanted.clients)]
    await asyncio.sleep(5)
    connected = usage(wanted.pid)
    begun = time.monotonic()
    ids = set()
    for number in range(wanted.workflows):
        ids.add(await asyncio.to_thread(create, f"live-{number}"))
    await asyncio.sleep(max(0, wanted.seconds - (time.monotonic() - begun)))
    under_load = usage(wanted.pid)
    stop.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(5)
    after = usage(wanted.pid)
    readers = heard[wanted.deaf:]
    complete = sum(
        ids <= {m["workflow"]["id"] for m in one.get("workflow", []) if m["workflow"]["status"] == "completed"}
        for one in readers)
    lost = [r for r in results[wanted.deaf:] if isinstance(r, Exception)]
    print(json.dumps({
        "clients": wanted.clients, "deaf": wanted.deaf, "workflows": len(ids),
        "readers_that_heard_every_end": complete, "readers_that_were_cut_off": len(lost),
        "rss_mib": {"before": before[0], "connected": connected[0], "under_load": under_load[0], "after": after[0]},
        "cpu_seconds_in_span": round(under_load[1] - connected[1], 2), "span_seconds": round(time.monotonic() - begun, 1),
    }, indent=1))


asyncio.run(main())
