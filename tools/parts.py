# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs targets of the Makefile as parts of one test, and ends with a table of their durations.

The first part prepares: if it fails, nothing else runs. All others run, whatever became of those
before them. With more than one job, parts run side by side, and the output of each comes in one
piece, at its end.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

#: How pytest, an unproven deployment and Ansible name what failed.
_TELLING = re.compile(r"^(?:> )?(?:(?:FAILED|ERROR) \S.*|\s*(?:E\s+)?\[ERROR\]: .*|fatal: .*)$")
#: So many lines of a part are said once more.
_MOST = 25


def telling(output: str) -> list[str]:
    """Returns the lines of an output that name what failed, or its last lines where none does."""
    lines = [line.rstrip()[:300] for line in output.splitlines() if line.strip()]
    found = list(dict.fromkeys(line for line in lines if _TELLING.match(line)))
    named = [line for line in found if line.startswith(("FAILED ", "ERROR "))]
    return (named or found or lines)[-_MOST:]


@dataclass(frozen=True)
class Part:
    """A target that was run, or not."""

    target: str
    seconds: float
    result: str
    #: What it printed.
    output: str = ""

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
        at_once = self.jobs == 1
        if at_once:
            print(f"\n{title:=<100}", flush=True)
        lines = []
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as running:
            for line in running.stdout or ():
                lines.append(line)
                if at_once:
                    sys.stdout.buffer.write(line)
                    sys.stdout.buffer.flush()
        output = b"".join(lines)
        if not at_once:
            with self._output:
                print(f"\n{title:=<100}", flush=True)
                sys.stdout.buffer.write(output)
                sys.stdout.buffer.flush()
        passed = running.returncode == 0
        seconds = time.monotonic() - started
        part = Part(target, seconds, "passed" if passed else "FAILED", output.decode(errors="replace"))
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
    failed = [part for part in parts if part.result != "passed"]
    print(f"\n{'==== durations ':=<100}")
    print(*parts, sep="\n")
    print(Part("in all", time.monotonic() - started, ""))
    print(f"\nparts: {len(parts) - len(failed)} passed, {len(failed)} failed")
    for part in failed:
        print(f"\n{f'==== {part.target} {part.result} ':=<100}", *telling(part.output), sep="\n")
    return min(len(failed), 1)


if __name__ == "__main__":
    sys.exit(main())
