"""What live clients see when the orchestrator stops, and that they miss nothing when it is back.

    BATON_URL=… BATON_TOKEN=… python live_farewell.py --pid PID     (whatever supervises it starts it again)
"""
import argparse
import asyncio
import json
import os
import signal
import threading
import urllib.request

import websockets

URL, TOKEN = os.environ["BATON_URL"], os.environ["BATON_TOKEN"]
LIVE, HEADERS = URL.replace("http", "ws", 1) + "/ws", {"Authorization": f"Bearer {TOKEN}"}


def api(path, body=None):
    request = urllib.request.Request(
        URL + "/api/v1" + path, body and json.dumps(body).encode(), {**HEADERS, "Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def stream(path, last=None, begun=threading.Event()):
    """Numbers of server-sent events until the stream ends, and whether it ended with `end`."""
    request = urllib.request.Request(URL + "/api/v1" + path, headers=HEADERS | ({"Last-Event-ID": str(last)} if last else {}))
    numbers, kinds = [], []
    with urllib.request.urlopen(request) as answer:
        for line in answer:
            if line.startswith(b"id: "):
                numbers.append(int(line[4:]))
                begun.set()
            elif line.startswith(b"event: "):
                kinds.append(line[7:].strip())
    return numbers, kinds[-1:] == [b"end"]


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pid", type=int, required=True)
    wanted = parser.parse_args()
    # It waits long enough to be there before and after.
    made = api("/workflows", {"type": "probe", "name": "farewell", "input_data": {"sleep_ms": 15000}})["id"]
    begun = threading.Event()
    reading = asyncio.create_task(asyncio.to_thread(stream, f"/workflows/{made}/events?stream=true", None, begun))
    async with websockets.connect(LIVE, additional_headers=HEADERS) as socket:
        await socket.send(json.dumps({"action": "subscribe", "workflow_id": made}))
        seen = []
        assert await asyncio.to_thread(begun.wait, 10)
        while not seen:
            message = json.loads(await asyncio.wait_for(socket.recv(), 10))
            if message["type"] == "event":
                seen.append(message["event"]["seq"])
        os.kill(wanted.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(15):
                while True:
                    message = json.loads(await socket.recv())
                    if message["type"] == "event":
                        seen.append(message["event"]["seq"])
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd and closed.rcvd.code == 1001, closed
    numbers, has_ended = await asyncio.wait_for(reading, 15)
    assert not has_ended and numbers == list(range(1, len(numbers) + 1)), numbers
    print("✔ told to go (1001); the stream ended between two events")
    async with asyncio.timeout(60):
        while True:
            try:
                socket = await websockets.connect(LIVE, additional_headers=HEADERS)
                break
            except (OSError, websockets.InvalidHandshake):
                await asyncio.sleep(0.2)
    async with socket, asyncio.timeout(60):
        await socket.send(json.dumps({"action": "subscribe", "workflow_id": made, "after": seen[-1]}))
        while True:
            message = json.loads(await socket.recv())
            if message["type"] == "event":
                seen.append(message["event"]["seq"])
            elif message["type"] == "end":
                break
    rest, has_ended = await asyncio.to_thread(stream, f"/workflows/{made}/events?stream=true", numbers[-1])
    last = api(f"/workflows/{made}")["version"]
    assert seen == list(range(1, last + 1)), (seen, last)
    assert has_ended and numbers + rest == seen, (numbers, rest)
    print("✔ resumed after the restart: nothing missed, nothing twice")


asyncio.run(main())
