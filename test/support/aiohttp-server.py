"""A DataFn WebSocket server that has nothing of ours in it: Python and aiohttp, as somebody might write it.

The token in the query is the namespace. POST /push with {"namespace", "cursor"} broadcasts. Prints one line of JSON with
its URLs when it listens, and ends when its stdin does.
"""

import argparse
import asyncio
import json
import os
import sys
import threading

from aiohttp import WSMsgType, web

parser = argparse.ArgumentParser()
parser.add_argument("--targeting", action="store_true", help="cursor messages have a field more")
parser.add_argument("--number", action="store_true", help="cursors are JSON numbers")
parser.add_argument("--greeting", action="store_true", help="each client gets messages that are not cursors")
parser.add_argument("--no-cursors", action="store_true", help="sends nothing that a client would take for a cursor")
parser.add_argument("--lose-one", action="store_true", help="one client does not get one cursor")
parser.add_argument("--leak-one", action="store_true", help="one client gets one cursor of another namespace")
parser.add_argument("--heartbeat-interval", type=float, default=30, help="seconds")
parser.add_argument("--heartbeat-timeout", type=float, default=10, help="seconds")
options = parser.parse_args()

clients: dict[str, set[web.WebSocketResponse]] = {}
pushes = 0


class Alive:
    """Whether a client has answered the ping that was sent last, and whether it had to."""

    answered = True
    timed_out = False


async def beat(socket: web.WebSocketResponse, alive: Alive) -> None:
    while not socket.closed:
        await asyncio.sleep(options.heartbeat_interval)
        alive.answered = False
        await socket.ping()
        await asyncio.sleep(options.heartbeat_timeout)
        if not alive.answered:
            # This ends the loop that receives, which must not end this in turn.
            alive.timed_out = True
            await socket.close(code=1001, message=b"Heartbeat timeout")


async def connect(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(autoping=False, compress=False)
    await socket.prepare(request)
    namespace = request.query.get("token", "")
    if namespace == "":
        await socket.close(code=4401, message=b"Unauthorized")
        return socket
    members = clients.setdefault(namespace, set())
    members.add(socket)
    if options.greeting:
        await socket.send_json({"type": "welcome", "namespace": namespace})
        await socket.send_bytes(b"\x00\x01")
        await socket.send_str("hello")
    alive = Alive()
    heartbeat = asyncio.create_task(beat(socket, alive))
    try:
        async for message in socket:
            if message.type == WSMsgType.PING:
                await socket.pong(message.data)
            elif message.type == WSMsgType.PONG:
                alive.answered = True
    finally:
        members.discard(socket)
        if alive.timed_out:
            await heartbeat
        heartbeat.cancel()
    return socket


async def push(request: web.Request) -> web.Response:
    global pushes
    pushes += 1
    body = await request.json()
    namespace, cursor = body["namespace"], body["cursor"]
    message = {"type": "cursor", "cursor": int(cursor) if options.number else cursor}
    if options.targeting:
        message["targeting"] = {"mode": "namespace-broadcast", "degraded": False}
    if options.no_cursors:
        message = {"event": "changed", "seq": cursor}
    receivers = list(clients.get(namespace, ()))
    if options.lose_one and pushes == 3:
        receivers = receivers[1:]
    if options.leak_one and pushes == 3:
        receivers.append(next(one for name, others in clients.items() if name != namespace for one in others))
    for socket in receivers:
        if not socket.closed:
            await socket.send_json(message)
    return web.json_response({"ok": True})


def end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(0)


async def main() -> None:
    application = web.Application()
    application.add_routes([web.get("/datafn/ws", connect), web.post("/push", push)])
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host = "127.0.0.1:%d" % site._server.sockets[0].getsockname()[1]
    print(json.dumps({"wsUrl": f"ws://{host}/datafn/ws", "pushUrl": f"http://{host}/push"}), flush=True)
    await asyncio.Event().wait()


threading.Thread(target=end_with_stdin, daemon=True).start()
asyncio.run(main())
