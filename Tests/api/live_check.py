"""What /ws promises, held against a running orchestrator: BATON_URL=… BATON_TOKEN=… python live_check.py"""
import asyncio
import json
import os
import urllib.error
import urllib.parse
import urllib.request

import websockets

URL, TOKEN = os.environ["BATON_URL"], os.environ["BATON_TOKEN"]
LIVE, HEADERS = URL.replace("http", "ws", 1) + "/ws", {"Authorization": f"Bearer {TOKEN}"}


def api(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        URL + "/api/v1" + path, data, {**HEADERS, "Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or b"null")


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
            assert seen[-1]["type"] != "error", seen[-1]


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
        name = await asyncio.to_thread(lambda: api("POST", "/workflows", {"type": "probe", "name": "seen"})["id"])
        numbers = []
        async with asyncio.timeout(20):
            while True:
                message = json.loads(await socket.recv())
                assert message["type"] == "event", message
                if message["workflow_id"] == name:
                    numbers.append(message["event"]["seq"])
                    if message["event"]["kind"] == "workflow_completed":
                        break
        assert numbers == list(range(1, len(numbers) + 1)), numbers
        await socket.send(json.dumps({"action": "subscribe", "types": ["workflow_completed"]}))
        await until(socket, "subscribed")
        await asyncio.to_thread(lambda: api("POST", "/workflows", {"type": "probe", "name": "seen"}))
        assert (await until(socket, "event"))[-1]["event"]["kind"] == "workflow_completed"
        await socket.send(json.dumps({"action": "unsubscribe"}))
        await until(socket, "unsubscribed")
        await socket.send(json.dumps({"action": "metrics"}))
        assert (await until(socket, "metrics"))[-1]["metrics"]["agents"] >= 1
        await socket.send(json.dumps({"action": "ping"}))
        await until(socket, "pong")
        assert isinstance(await (await socket.ping()), float)


async def token_revoked():
    """A connection lives no longer than its token, within some seconds."""
    made = api("POST", "/tokens", {"name": "short-lived", "role": "viewer"})
    headers = {"Authorization": f"Bearer {made['token']}"}
    async with websockets.connect(LIVE, additional_headers=headers) as socket:
        assert (await until(socket, "connected"))[0]["role"] == "viewer"
        await asyncio.to_thread(lambda: api("DELETE", f"/tokens/{made['id']}"))
        try:
            await asyncio.wait_for(socket.recv(), 40)
            raise AssertionError("it went on")
        except websockets.ConnectionClosed as closed:
            assert closed.rcvd and closed.rcvd.code == 1008, closed
    assert status("/ws", headers) == 401


async def slow_and_broken_requests():
    """What never becomes a request is ended in time, and told why in a problem document."""
    async def exchange(data, limit):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(data)
        answer = await asyncio.wait_for(reader.read(), limit)
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"application/problem+json" in head, answer
        return json.loads(body)["status"]
    parts = urllib.parse.urlsplit(URL)
    assert await exchange(b"hello\r\n\r\n", 5) == 400
    assert await exchange(b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 5) == 431
    assert await exchange(b"GET / HTTP/1.1\r\nHos", 15) == 408
    first = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(first)
    await asyncio.wait_for(reader.readuntil(b"}"), 5)
    writer.write(b"nonsense\r\n\r\n")
    assert b" 400 " in await asyncio.wait_for(reader.read(), 5), "on a connection that has served before"
    writer.close()


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
    async def checked(check):
        await check()
        print(f"✔ {check.__name__}")

    # The slow ones wait most of the time.
    await asyncio.gather(*map(checked, (
        events_and_resume, everything, refusals, token_revoked, slow_and_broken_requests)))


asyncio.run(main())
