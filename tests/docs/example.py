"""Runs an example in Python of docs/api.md as `python -m asyncio` would: with await at the top level.

example.py PRELUDE EXAMPLE
"""

import ast
import asyncio
import inspect
import sys


def compiled(path):
    with open(path, encoding="utf-8") as file:
        return compile(file.read(), path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


async def run(paths):
    names = {"__name__": "__main__"}
    for path in paths:
        code = compiled(path)
        if code.co_flags & inspect.CO_COROUTINE:
            await eval(code, names)
        else:
            exec(code, names)


asyncio.run(run(sys.argv[1:]))
