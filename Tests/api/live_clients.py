"""Many live clients on /ws, some of which never read: what the others hear, and what it costs the orchestrator.

    BATON_URL=… BATON_TOKEN=… python live_clients.py --pid PID --clients 500 --deaf 50 --workflows 100 --seconds 60

Plain asyncio, no library: the clients must cost less than what they measure. Exit status 1 if a reading client lost or
doubled an event without being told to resync, or was cut off; if a deaf one was not cut off (where the load suffices for
that); or if the orchestrator grew beyond --max-growth MiB.
"""
import argparse
import asyncio
import base64
import json
import os
import re
import socket
import struct
import sys
import time
import urllib.parse
import urllib.request
from datetime import datetime

URL, TOKEN = os.environ["BATON_URL"], os.environ["BATON_TOKEN"]
EVENT = re.compile(rb'"workflow_id":"([0-9a-f-]{36})".*?"seq":(\d+).*?"kind":"([a-z_]+)".*?"at":"([^"]+)"', re.S)
ENDS = {b"workflow_completed", b"workflow_failed", b"workflow_cancelled"}


def api(method, path, body=None):
    request = urllib.request.Request(
        URL + "/api/v1" + path, None if body is None else json.dumps(body).encode(), method=method,
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def usage(pid):
    """Resident memory in MiB, CPU seconds and open descriptors of a process."""
    with open(f"/proc/{pid}/statm") as file:
        resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return {"rss_mib": round(resident, 1), "cpu_s": round(cpu, 2), "descriptors": len(os.listdir(f"/proc/{pid}/fd"))}


def frame(opcode, payload):
    """A client's frame: masked, here with zeros (RFC 6455, 5.3)."""
    head = bytes([0x80 | opcode])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    else:
        head += bytes([0x80 | 126]) + struct.pack("!H", len(payload))
    return head + b"\0\0\0\0" + payload


class Client(asyncio.Protocol):
    def __init__(self, is_deaf, host):
        self.is_deaf, self.host, self.buffer, self.is_open = is_deaf, host, b"", False
        self.seqs, self.doubled, self.gaps, self.resyncs, self.latencies = {}, 0, 0, 0, []
        self.ended, self.kinds, self.subscribed = set(), {}, asyncio.get_running_loop().create_future()
        self.lost_at, self.close_code, self.messages, self.bytes = None, None, 0, 0

    def connection_made(self, transport):
        self.transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write((
            f"GET /ws HTTP/1.1\r\nHost: {self.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n").encode())

    def data_received(self, data):
        self.bytes += len(data)
        buffer = self.buffer + data
        if not self.is_open:
            head, end, rest = buffer.partition(b"\r\n\r\n")
            if not end:
                self.buffer = buffer
                return
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                self.subscribed.set_exception(RuntimeError(head.decode()))
                return
            self.is_open, buffer = True, rest
            self.transport.write(frame(1, b'{"action":"subscribe"}') + frame(1, b'{"action":"metrics"}'))
        place = 0
        while len(buffer) - place >= 2:
            size, start = buffer[place + 1] & 0x7F, place + 2
            if size == 126:
                if len(buffer) < start + 2:
                    break
                size, start = struct.unpack_from("!H", buffer, start)[0], start + 2
            elif size == 127:
                if len(buffer) < start + 8:
                    break
                size, start = struct.unpack_from("!Q", buffer, start)[0], start + 8
            if len(buffer) < start + size:
                break
            self.take(buffer[place] & 0x0F, buffer[start:start + size])
            place = start + size
        self.buffer = buffer[place:]

    def take(self, opcode, payload):
        if opcode == 9:
            self.transport.write(frame(10, payload))
        elif opcode == 8:
            self.close_code = struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else None
            self.transport.write(frame(8, payload[:2]))
        elif opcode == 1:
            self.messages += 1
            kind = payload[9:payload.index(b'"', 9)]
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
            if kind == b"event":
                self.event(payload)
            elif kind == b"resync":
                self.resyncs += 1
            elif kind == b"subscribed":
                if self.is_deaf:
                    self.transport.pause_reading()
                self.subscribed.set_result(None)

    def event(self, payload):
        found = EVENT.search(payload)
        workflow, seq = found[1], int(found[2])
        last = self.seqs.get(workflow, 0)
        if seq <= last:
            self.doubled += 1
        elif seq != last + 1 and (last or workflow in Client.ours):
            self.gaps += 1
        self.seqs[workflow] = max(seq, last)
        if found[3] in ENDS:
            self.ended.add(workflow)
        at = datetime.fromisoformat(found[4].decode().replace("Z", "+00:00")).timestamp()
        self.latencies.append(time.time() - at)

    def connection_lost(self, error):
        self.lost_at = time.monotonic()
        if not self.subscribed.done():
            self.subscribed.set_exception(error or ConnectionError("closed"))

    ours = set()


async def connect(is_deaf):
    parts = urllib.parse.urlsplit(URL)
    plain = socket.socket()
    if is_deaf:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(plain, (parts.hostname, parts.port))
    _, client = await loop.create_connection(lambda: Client(is_deaf, parts.netloc), sock=plain)
    await asyncio.wait_for(client.subscribed, 60)
    return client


def percentile(values, share):
    values = sorted(values)
    return round(values[min(len(values) - 1, int(len(values) * share))] * 1000, 1) if values else None


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--deaf", type=int, default=50)
    parser.add_argument("--workflows", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--type", default="noop")
    parser.add_argument("--max-growth", type=float, default=200)
    parser.add_argument("--pid", type=int, required=True)
    wanted = parser.parse_args()
    before = usage(wanted.pid)
    clients = []
    for first in range(0, wanted.clients, 50):
        numbers = range(first, min(first + 50, wanted.clients))
        clients += await asyncio.gather(*(connect(n < wanted.deaf) for n in numbers))
    deaf, readers = clients[:wanted.deaf], clients[wanted.deaf:]
    connected = usage(wanted.pid)
    await asyncio.sleep(5)
    idle = usage(wanted.pid)

    begun, peak = time.monotonic(), connected["rss_mib"]
    for number in range(wanted.workflows):
        made = await asyncio.to_thread(
            api, "POST", "/workflows", {"type": wanted.type, "name": f"live-{number}"})
        Client.ours.add(made["id"].encode())
        peak = max(peak, usage(wanted.pid)["rss_mib"])
        await asyncio.sleep(max(0, begun + wanted.seconds * (number + 1) / wanted.workflows - time.monotonic()))
    load = usage(wanted.pid)
    span = time.monotonic() - begun
    # Until every reader has heard every end, or long enough has passed.
    limit = time.monotonic() + 60
    while time.monotonic() < limit and not all(Client.ours <= one.ended for one in readers):
        await asyncio.sleep(0.5)
    heard_after = time.monotonic() - begun - span
    limit = time.monotonic() + 40
    while time.monotonic() < limit and not all(one.lost_at for one in deaf):
        await asyncio.sleep(1)
    calm = usage(wanted.pid)
    true = {}
    for workflow in Client.ours:
        true[workflow] = api("GET", f"/workflows/{workflow.decode()}")["version"]
    lost = sum(max(0, last - one.seqs.get(w, 0)) for one in readers if not one.resyncs for w, last in true.items())
    cut_readers = sum(one.lost_at is not None for one in readers)
    for one in clients:
        if one.lost_at is None:
            one.transport.resume_reading()
            one.transport.write(frame(8, struct.pack("!H", 1000)))
    await asyncio.sleep(3)
    answered = sum(one.close_code == 1000 for one in readers)
    after = usage(wanted.pid)
    latencies = [value for one in readers for value in one.latencies]
    peak = max(peak, load["rss_mib"], calm["rss_mib"])
    report = {
        "clients": wanted.clients, "deaf": wanted.deaf, "workflows": len(true), "events": sum(true.values()),
        "events_delivered": sum(one.kinds.get(b"event", 0) for one in readers),
        "lost": lost, "gaps": sum(one.gaps for one in readers if not one.resyncs),
        "doubled": sum(one.doubled for one in readers if not one.resyncs),
        "readers_told_to_resync": sum(one.resyncs > 0 for one in readers), "readers_cut_off": cut_readers,
        "readers_that_heard_every_end": sum(Client.ours <= one.ended for one in readers),
        "deaf_cut_off": sum(one.lost_at is not None and one.close_code is None for one in deaf),
        "close_answered": answered,
        "latency_ms": {"p50": percentile(latencies, .5), "p95": percentile(latencies, .95),
                       "p99": percentile(latencies, .99), "max": percentile(latencies, 1)},
        "seconds_until_all_heard_after_the_last": round(heard_after, 1),
        "orchestrator": {"before": before, "connected": connected, "after_5_s_idle": idle, "after_load": load,
                         "deaf_gone": calm, "all_gone": after, "peak_rss_mib": peak},
        "cpu_share_idle": round((idle["cpu_s"] - connected["cpu_s"]) / 5, 3),
        "cpu_share_load": round((load["cpu_s"] - idle["cpu_s"]) / span, 3),
        "span_s": round(span, 1),
    }
    print(json.dumps(report, indent=1))
    faults = []
    if lost or report["gaps"] or report["doubled"]:
        faults.append("events were lost or doubled without a word")
    if cut_readers or report["readers_that_heard_every_end"] != len(readers):
        faults.append("readers were cut off, or did not hear every end")
    if answered != len(readers):
        faults.append("the close handshake was not answered")
    if peak - before["rss_mib"] > wanted.max_growth:
        faults.append(f"the orchestrator grew by {peak - before['rss_mib']:.0f} MiB")
    if faults:
        sys.exit("; ".join(faults))


asyncio.run(main())
