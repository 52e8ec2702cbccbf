"""A DataFn WebSocket server on the Python package `websockets`, as somebody might write it.

The token in the query is the namespace. GET /emit?namespace=NS&cursor=N broadcasts. Prints one line of JSON with its
URLs when it listens; ends at SIGTERM, and when its stdin does.
"""

import argparse
import asyncio
import http
import json
import os
import signal
import sys
import threading
import urllib.parse

import websockets

parser = argparse.ArgumentParser()
parser.add_argument("--max-connections", type=int, default=10000)
parser.add_argument("--max-connections-per-namespace", type=int, default=100)
parser.add_argument("--heartbeat-interval", type=float, default=30, help="seconds")
parser.add_argument("--heartbeat-timeout", type=float, default=10, help="seconds")
options = parser.parse_args()

clients: dict[str, set] = {}


def query_of(path: str) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(path).query))


async def connect(socket) -> None:
    namespace = query_of(socket.path).get("token", "")
    if not 0 < len(namespace) <= 255 or not namespace.isprintable():
        await socket.close(4401, "Unauthorized")
        return
    if sum(map(len, clients.values())) >= options.max_connections:
        await socket.close(4503, "Connection limit reached")
        return
    members = clients.setdefault(namespace, set())
    if len(members) >= options.max_connections_per_namespace:
        await socket.close(4503, "Namespace connection limit reached")
        return
    members.add(socket)
    try:
        async for _ in socket:
            pass
    except websockets.ConnectionClosed:
        pass
    finally:
        members.discard(socket)


async def answer(path: str, headers):
    """Answers what is no handshake. The package reads GET requests only."""
    if urllib.parse.urlsplit(path).path != "/emit":
        return None
    query = query_of(path)
    message = json.dumps({"type": "cursor", "cursor": query["cursor"]})
    # It skips connections that are about to close.
    websockets.broadcast(clients.get(query["namespace"], ()), message)
    return http.HTTPStatus.OK, [], b"sent\n"


def end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(0)


async def main() -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    server = await websockets.serve(
        connect,
        "127.0.0.1",
        0,
        process_request=answer,
        subprotocols=["datafn-sync-v1"],
        compression=None,
        max_size=64 * 1024,
        ping_interval=options.heartbeat_interval,
        ping_timeout=options.heartbeat_timeout,
    )
    host = "127.0.0.1:%d" % server.sockets[0].getsockname()[1]
    urls = {"wsUrl": f"ws://{host}/datafn/ws", "emitUrl": f"http://{host}/emit", "pid": os.getpid()}
    print(json.dumps(urls), flush=True)
    await stopped.wait()
    server.close()
    await server.wait_closed()


threading.Thread(target=end_with_stdin, daemon=True).start()
asyncio.run(main())
