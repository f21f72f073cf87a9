"""Runs the exchange test-suite inside the package ccxt on ``bandex``, in all its modes, as it stands there.

The suite ends with 0 whatever happened and says ``[TEST_FAILURE]`` in its output, so that is what is read here: any
such line, any warning, any traceback and a mode that tested nothing fail the run. Nothing is skipped: what the class
does not support its feature map says. Needs ccxt and bandex installed, and a server (see ``venue.binary``)::

    python sdk/python/tests_ccxt/suite.py [--json FILE] [MODE...]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import ccxt
from bandex.ccxt import register
from traders import trading
from venue import Venue, running

#: The suite's flags by mode. Private modes test what needs a login, and that alone.
MODES = {
    "sync": ["--sync"],
    "sync private": ["--sync", "--privateOnly"],
    "async": [],
    "async private": ["--privateOnly"],
    "ws": ["--ws"],
    "ws private": ["--ws", "--privateOnly"],
}
#: How long a mode may take, in seconds.
PATIENCE = 180
#: Registers the class, then runs the suite's own entry with its own arguments.
LAUNCH = """
import os, runpy, sys
from bandex.ccxt import register
register()
sys.path.insert(0, os.path.dirname(sys.argv[1]))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
_BEGUN = re.compile(r"^\[INFO\] TESTING +bandex (\w+)", re.M)
_DONE = re.compile(r"^\[INFO\] TESTING DONE +bandex (\w+)", re.M)
_UNSUPPORTED = re.compile(r"^\[INFO\] UNSUPPORTED_TEST +bandex (\w+)", re.M)
_SKIPPED = re.compile(r"^\[INFO\] (?:SKIPPED_TEST|IGNORED_TEST|NOT_SUPPORTED) +(?:bandex )?(\w+)", re.M)
_WRONG = re.compile(
    r"^.*(?:\[TEST_FAILURE\]|\[TEST_WARNING\]|Traceback \(most recent call last\)|was never retrieved).*$", re.M
)


@dataclass
class Outcome:
    """What a mode came to."""

    mode: str
    passed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return bool(self.passed) and not self.failed and not self.skipped and not self.wrong


def lay_out(folder: Path, venue: Venue) -> Path:
    """The package where the suite accepts it, outside of site-packages, with its settings; gives the suite's entry."""
    package, place = Path(ccxt.__file__).parent, folder / "python/ccxt"
    place.mkdir(parents=True)
    for part in package.iterdir():
        # The suite looks for its settings above its own files, so these are copies; the rest is only pointed to.
        if part.name == "test":
            shutil.copytree(part, place / part.name)
        else:
            (place / part.name).symlink_to(part)
    (folder / "skip-tests.json").write_text("{}")
    settings = {"secret": venue.secrets["alice"], "hostname": venue.hostname, "sandbox": True}
    keys = folder / "keys.local.json"
    keys.touch(0o600)
    keys.write_text(json.dumps({"bandex": settings}))
    return place / "test/tests_init.py"


def run(mode: str, entry: Path, verbose: bool) -> Outcome:
    """One mode, in a process of its own."""
    words = [sys.executable, "-c", LAUNCH, str(entry), "bandex", "--info", *MODES[mode]]
    package = str(entry.parents[2])
    paths = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    began = time.monotonic()
    process = subprocess.run(
        words,
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
    )
    output = process.stdout
    outcome = Outcome(mode, seconds=round(time.monotonic() - began, 1))
    done, begun = set(_DONE.findall(output)), set(_BEGUN.findall(output))
    outcome.passed, outcome.failed = sorted(done), sorted(begun - done)
    outcome.skipped = sorted(set(_SKIPPED.findall(output)))
    outcome.unsupported = sorted(set(_UNSUPPORTED.findall(output)))
    outcome.wrong = _WRONG.findall(output)
    if process.returncode != 0:
        outcome.wrong.append(f"the suite ended with {process.returncode}")
    if verbose or not outcome.ok:
        print(output)
    return outcome


def table(outcomes: list[Outcome]) -> str:
    """What was tested, for people."""
    rows = [("mode", "tested", "passed", "failed", "seconds", "methods")]
    for outcome in outcomes:
        tested = len(outcome.passed) + len(outcome.failed)
        numbers = (str(tested), str(len(outcome.passed)), str(len(outcome.failed)), str(outcome.seconds))
        rows.append((outcome.mode, *numbers, " ".join(outcome.passed)))
    widths = [max(len(row[at]) for row in rows) for at in range(5)]
    return "\n".join("  ".join([*(row[at].ljust(widths[at]) for at in range(5)), row[5]]) for row in rows)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("modes", nargs="*", metavar="MODE", help=f"all if none: {', '.join(MODES)}")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="write what was tested there")
    arguments.add_argument("--verbose", action="store_true", help="print the suite's own words")
    given = arguments.parse_args()
    unknown = [mode for mode in given.modes if mode not in MODES]
    if unknown:
        arguments.error(f"unknown mode {unknown[0]!r}")
    register()
    with running() as venue, tempfile.TemporaryDirectory(prefix="ccxt-suite-") as folder, trading(venue):
        entry = lay_out(Path(folder), venue)
        outcomes = [run(mode, entry, given.verbose) for mode in given.modes or MODES]
    print(table(outcomes))
    if given.json is not None:
        given.json.write_text(json.dumps([asdict(outcome) for outcome in outcomes], indent=1) + "\n")
    for outcome in outcomes:
        for line in outcome.wrong:
            print(f"{outcome.mode}: {line}")
        if not outcome.ok:
            print(f"{outcome.mode}: FAILED {' '.join(outcome.failed)} {' '.join(outcome.skipped)}".rstrip())
    return 0 if all(outcome.ok for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
