"""Says and hears what an example of docs/api.md shows of a WebSocket: a line with an arrow to the right is sent, one
with an arrow to the left is waited for.

frames.py EXAMPLE

Names such as $PAYLOAD stand for what is in the environment, in signed.json, or in the login of BANDEX_KEY to this
connection. An example that does not log in itself is run on a connection that did.
"""

import asyncio
import json
import os
import string
import sys

import bandex
import websockets

PATIENCE = 20


def matches(shown, actual):
    """As in xtask/src/docs/answer.rs: `…` stands for what is left out, a number for any number."""
    if isinstance(shown, str):
        return shown == "…" or isinstance(actual, str) and ("…" in shown or shown == actual)
    if isinstance(shown, dict):
        return isinstance(actual, dict) and all(
            name == "…" or name in actual and matches(value, actual[name]) for name, value in shown.items()
        )
    if isinstance(shown, list):
        shown, rest = (shown[:-1], True) if shown[-1:] == ["…"] else (shown, False)
        whole = isinstance(actual, list) and (len(actual) >= len(shown) if rest else len(actual) == len(shown))
        return whole and all(map(matches, shown, actual))
    if isinstance(shown, bool) or shown is None:
        return shown is actual
    return isinstance(actual, int) and not isinstance(actual, bool)


async def wait_for(socket, shown):
    async with asyncio.timeout(PATIENCE):
        heard = []
        try:
            async for text in socket:
                heard.append(text)
                if matches(shown, json.loads(text)):
                    return text
        finally:
            if not heard or not matches(shown, json.loads(heard[-1])):
                print(f"waited for {json.dumps(shown, ensure_ascii=False)}, heard:", *heard, sep="\n", file=sys.stderr)
        raise SystemExit("the connection was closed")


async def main(path):
    with open(path, encoding="utf-8") as file:
        # A frame may go on in indented lines.
        frames = file.read().replace("\n  ", " ").splitlines()
    url = os.environ["BANDEX_URL"].replace("http", "ws", 1) + "/v1/ws"
    async with websockets.connect(url) as socket:
        hello = json.loads(await wait_for(socket, {"channel": "hello"}))
        keypair = bandex.Keypair.load(os.environ["BANDEX_KEY"])
        login = bandex.sign_login(keypair, hello["network"], hello["node"], hello["nonce"])
        names = {**os.environ, "NONCE": login["nonce"], "LOGIN": login["signature"]}
        with open("signed.json", encoding="utf-8") as file:
            signed = json.load(file)
        names |= {"PAYLOAD": signed["payload"], "SIGNATURE": signed["signature"]}
        if not any('"login"' in frame or '"challenge"' in frame for frame in frames):
            await socket.send(json.dumps({"method": "login", "params": dict(login), "req_id": 1000}))
            await wait_for(socket, {"req_id": 1000, "ok": True})
        for frame in filter(str.strip, frames):
            text = string.Template(frame[1:]).safe_substitute(names)
            message = json.loads(text)
            if frame[0] == "→":
                await socket.send(text)
            elif frame[0] == "←":
                print(await wait_for(socket, message))
            else:
                raise SystemExit(f"a frame begins with an arrow: {frame}")


asyncio.run(main(sys.argv[1]))
