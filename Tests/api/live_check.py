"""What /ws promises, held against a running orchestrator: BATON_URL=… BATON_TOKEN=… python live_check.py"""
import asyncio
import json
import os
import urllib.error
import urllib.request

import websockets

URL, TOKEN = os.environ["BATON_URL"], os.environ["BATON_TOKEN"]
LIVE, HEADERS = URL.replace("http", "ws", 1) + "/ws", {"Authorization": f"Bearer {TOKEN}"}


def api(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        URL + "/api/v1" + path, data, {**HEADERS, "Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def status(path, headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(URL + path, headers=headers)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


async def until(socket, kind, limit=20):
    """The messages up to the first one of a type."""
    seen = []
    async with asyncio.timeout(limit):
        while True:
            seen.append(json.loads(await socket.recv()))
            if seen[-1]["type"] == kind:
                return seen


async def events_and_resume():
    name = api("POST", "/workflows", {"type": "probe", "name": "live"})["id"]
    async with websockets.connect(LIVE, additional_headers=HEADERS) as socket:
        assert (await until(socket, "connected"))[0]["role"] == "admin"
        await socket.send(json.dumps({"action": "subscribe", "workflow_id": name}))
        seen = await until(socket, "end")
        numbers = [m["event"]["seq"] for m in seen if m["type"] == "event"]
        assert numbers == list(range(1, len(numbers) + 1)), numbers
        assert seen[-1]["status"] == "completed"
        await socket.send(json.dumps({"action": "subscribe", "workflow_id": name, "after": numbers[-3]}))
        again = [m["event"]["seq"] for m in await until(socket, "end") if m["type"] == "event"]
        assert again == numbers[-2:], again
        await socket.send(json.dumps({"action": "subscribe", "workflow_id": name, "types": ["stage_completed"]}))
        kinds = {m["event"]["kind"] for m in await until(socket, "end") if m["type"] == "event"}
        assert kinds == {"stage_completed"}, kinds


async def everything():
    async with websockets.connect(LIVE, additional_headers=HEADERS) as socket:
        await socket.send(json.dumps({"action": "subscribe"}))
        await until(socket, "subscribed")
        await asyncio.sleep(1.5)
        name = await asyncio.to_thread(lambda: api("POST", "/workflows", {"type": "probe", "name": "seen"})["id"])
        async with asyncio.timeout(20):
            while True:
                message = json.loads(await socket.recv())
                if message["type"] == "workflow" and message["workflow"]["id"] == name:
                    if message["workflow"]["status"] == "completed":
                        break
        await socket.send(json.dumps({"action": "metrics"}))
        assert (await until(socket, "metrics"))[-1]["metrics"]["agents"] >= 1
        await socket.send(json.dumps({"action": "ping"}))
        await until(socket, "pong")


async def refusals():
    async with websockets.connect(LIVE, additional_headers=HEADERS) as socket:
        await until(socket, "connected")
        for text, found in [
                ("{", 400), ("[]", 422), ('{"action": "shout"}', 422), ('{"action": "subscribe", "workflow_id": "x"}', 422),
                ('{"action": "subscribe", "workflow_id": "01997d2b-7001-7b3c-a4d5-e6f708192a3b"}', 404)]:
            await socket.send(text)
            error = (await until(socket, "error"))[-1]["error"]
            assert error["status"] == found, (text, error)
        await socket.send(b"bytes")
        try:
            await asyncio.wait_for(socket.recv(), 5)
            raise AssertionError("bytes were taken")
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd and closed.rcvd.code == 1003, closed
    async with websockets.connect(LIVE, additional_headers=HEADERS) as socket:
        await socket.send("x" * 20_000)
        try:
            while True:
                await asyncio.wait_for(socket.recv(), 5)
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd and closed.rcvd.code == 1009, closed
    for headers, found in [({}, 401), ({"Authorization": "Bearer wrong"}, 401)]:
        try:
            async with websockets.connect(LIVE, additional_headers=headers):
                raise AssertionError("it was let in")
        except websockets.InvalidStatus as error:
            assert error.response.status_code == found, error
    try:
        async with websockets.connect(LIVE, additional_headers=HEADERS, origin="http://evil.example"):
            raise AssertionError("another site's page was let in")
    except websockets.InvalidStatus as error:
        assert error.response.status_code == 403, error
    assert status("/ws", HEADERS) == 426
    assert status("/ws", {}) == 401


async def main():
    for check in (events_and_resume, everything, refusals):
        await check()
        print(f"✔ {check.__name__}")


asyncio.run(main())
