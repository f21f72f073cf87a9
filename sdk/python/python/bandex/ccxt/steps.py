"""One body for the blocking and the awaiting form of every method.

A method of the venue is a generator: it yields calls that may wait (a request, a sleep) and is sent what they give or
thrown what they raise. Who drives it decides whether to block or to await, so that both forms are the same code.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from typing import Any, TypeVar

__all__ = ["Steps", "Wait", "awaiting", "blocking", "step"]

Result = TypeVar("Result")
#: A call that may wait: in an awaiting exchange it gives a coroutine.
Wait = Callable[[], Any]
#: A method's body.
Steps = Generator[Wait, Any, Result]

_MARK = "_bandex_step"


def step(body: Callable[..., Steps[Any]]) -> Callable[..., Steps[Any]]:
    """Marks a method of the venue that both exchanges offer under its name."""
    setattr(body, _MARK, True)
    return body


def run(steps: Steps[Result]) -> Result:
    """Drives a body whose calls block. An interrupt is told to the body too, so that it lets go."""
    try:
        wait = next(steps)
        while True:
            try:
                value = wait()
            except BaseException as error:  # the body decides what an error means
                wait = steps.throw(error)
            else:
                wait = steps.send(value)
    except StopIteration as end:
        return end.value
    finally:
        # An interrupt between two calls ends this function, and the body with it.
        steps.close()


async def arun(steps: Steps[Result]) -> Result:
    """Drives a body whose calls give coroutines. A cancelled task is told to the body too, so that it lets go."""
    try:
        wait = next(steps)
        while True:
            try:
                value = wait()
                if inspect.isawaitable(value):
                    value = await value
            except BaseException as error:
                wait = steps.throw(error)
            else:
                wait = steps.send(value)
    except StopIteration as end:
        return end.value
    finally:
        steps.close()


def _bodies(exchange: type) -> dict[str, Callable[..., Steps[Any]]]:
    found: dict[str, Callable[..., Steps[Any]]] = {}
    for base in reversed(exchange.__mro__):
        found.update({name: body for name, body in vars(base).items() if getattr(body, _MARK, False)})
    return found


def blocking(exchange: type) -> type:
    """Gives a class the blocking form of every step of its bases."""
    for name, body in _bodies(exchange).items():

        def method(self: Any, *given: Any, _body: Any = body, **named: Any) -> Any:
            return run(_body(self, *given, **named))

        setattr(exchange, name, functools.update_wrapper(method, body, updated=()))
    return exchange


def awaiting(exchange: type) -> type:
    """Gives a class the awaiting form of every step of its bases."""
    for name, body in _bodies(exchange).items():

        async def method(self: Any, *given: Any, _body: Any = body, **named: Any) -> Any:
            return await arun(_body(self, *given, **named))

        setattr(exchange, name, functools.update_wrapper(method, body, updated=()))
    return exchange
