# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs targets of the Makefile as parts of one test, and ends with a table of their durations.

The first part prepares: if it fails, nothing else runs. All others run, whatever became of those
before them. With more than one job, parts run side by side, and the output of each comes in one
piece, at its end.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock


@dataclass(frozen=True)
class Part:
    """A target that was run, or not."""

    target: str
    seconds: float
    result: str

    def __str__(self) -> str:
        minutes, seconds = divmod(round(self.seconds), 60)
        return f"{self.target:<24}{minutes:>4}:{seconds:02}  {self.result}"


class Runner:
    """Runs targets one by one, or several at once."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._output = Lock()

    def run(self, target: str) -> Part:
        """Runs one target."""
        title = f"==== {target} "
        command = ["make", "--no-print-directory", target]
        started = time.monotonic()
        if self.jobs == 1:
            print(f"\n{title:=<100}", flush=True)
            code = subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode
        else:
            done = subprocess.run(
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            code = done.returncode
            with self._output:
                print(f"\n{title:=<100}", flush=True)
                sys.stdout.buffer.write(done.stdout)
                sys.stdout.buffer.flush()
        part = Part(target, time.monotonic() - started, "passed" if code == 0 else "FAILED")
        print(f"---- {part}", flush=True)
        return part

    def run_all(self, targets: list[str]) -> list[Part]:
        """Runs the first target, then the others."""
        first, *others = targets
        parts = [self.run(first)]
        if parts[0].result != "passed":
            return parts + [Part(target, 0, "not run") for target in others]
        with ThreadPoolExecutor(self.jobs) as pool:
            return parts + list(pool.map(self.run, others))


def main() -> int:
    """The exit status: 0 if every part passed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("targets", nargs="+", metavar="TARGET")
    arguments = parser.parse_args()

    started = time.monotonic()
    parts = Runner(arguments.jobs).run_all(arguments.targets)
    failed = sum(part.result != "passed" for part in parts)
    print(f"\n{'==== durations ':=<100}")
    print(*parts, sep="\n")
    print(Part("in all", time.monotonic() - started, ""))
    print(f"\nparts: {len(parts) - failed} passed, {failed} failed")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
