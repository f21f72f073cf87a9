"""What comes over a connection is kept until somebody has it: whoever stops waiting takes nothing along.

The core waits without taking; taking is one step without any waiting in it, so no cancellation comes between.
"""

from __future__ import annotations

from typing import Any

from ._core import Submitted, Subscription

__all__ = ["next_push", "reply_of"]


async def next_push(pushes: Subscription) -> dict[str, Any]:
    """The next push of a subscription."""
    while await pushes._wait():
        push = pushes._take()
        # Another may have been faster.
        if push is not None:
            return push
    raise StopAsyncIteration("the exchange refuses the channel")


async def reply_of(submitted: Submitted) -> dict[str, Any]:
    """The answer to a block under way."""
    await submitted._wait()
    return submitted._take()
