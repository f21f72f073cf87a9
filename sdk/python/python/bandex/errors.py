"""Errors. Every one has a ``code`` that programs test for; the class says how things stand."""

from __future__ import annotations

from typing import Any

__all__ = [
    "BadProof",
    "BandexError",
    "BookBroken",
    "ConnectionFailed",
    "InvalidInput",
    "LaneBroken",
    "Refused",
    "Rejected",
    "UnknownOutcome",
]


class BandexError(Exception):
    """Anything this package raises.

    ``code`` is stable; ``problem`` is the exchange's problem document, if it was the exchange that said no.
    """

    def __init__(self, message: str, code: str, problem: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.problem = problem

    @property
    def details(self) -> Any:
        """The facts that the exchange adds, such as the lane's head after a gap."""
        return self.problem.get("details") if self.problem else None

    @property
    def retryable(self) -> bool:
        """Whether the same may succeed later."""
        return bool(self.problem and self.problem.get("retryable"))

    @property
    def retry_after_ms(self) -> int | None:
        """How long to wait before trying again, if the exchange says."""
        value = self.problem.get("retry_after_ms") if self.problem else None
        return value if isinstance(value, int) else None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.code, self.problem)


class InvalidInput(BandexError, ValueError):
    """What was given cannot be used. Nothing was signed or sent."""


class BadProof(BandexError):
    """A signature, a block or a receipt does not prove what it should."""


class BookBroken(BandexError):
    """A push does not fit the local book, which is empty now and waits for a snapshot."""


class Rejected(BandexError):
    """The exchange did not take it; nothing was sequenced."""


class Refused(BandexError):
    """The exchange sequenced the block and refused what it asks for. Its place in the lane is used."""


class UnknownOutcome(BandexError):
    """Nobody knows yet whether the block was sequenced; send the very same bytes again."""


class LaneBroken(BandexError):
    """Nothing can be signed in this lane any more without risking a fork."""


class ConnectionFailed(BandexError, ConnectionError):
    """The exchange could not be reached, or something else answered."""
