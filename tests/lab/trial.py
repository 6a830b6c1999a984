# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults under a steady load, one after the other: nothing may get lost.

Each task writes its number to PostgreSQL. For each fault, delivery and broker there is a line,

    fault NAME broker B: sent N done N lost N duplicated N gap S

where NAME is `<fault>/<delivery>`. What a fault has sent is counted at the end, when what was taken from a
broker and not acknowledged has come back: lost is what has not been done by then.

A scenario says what its faults are in a `Trial` of its own; `main` reads the command line,

    [--all] [--only NAME,…]     the short form, all of them for as long as they take, or these

and returns 1 if something was lost that must not be, a gap was too long, or the hosts are not as they were.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lab.hosts import settle, wait
from lab.load import DELIVERIES, RATE, Count, Load, Window
from lab.units import journal, processes

#: Seconds of undisturbed load before the first fault and after each, for what it left to show.
AFTER = 4


@dataclass(frozen=True)
class Fault:
    """Something that is done to the hosts, under the name of the method that does it."""

    act: Callable[[], object]
    #: Whether it is part of the short form.
    short: bool = False
    #: Whether at_most_once may lose what was running.
    harsh: bool = False
    #: Whether main processes end without a word. The message that Redis has just handed to one goes with it:
    #: docs/brokers.md tells why.
    in_hand: bool = False
    #: The longest time without a task, in seconds.
    gap: float = float("inf")
    #: Whether the workers have to stay those that they were.
    nobody_restarts: bool = False

    @property
    def name(self) -> str:
        """Return what the report calls it."""
        return str(getattr(self.act, "__name__", "")).replace("_", "-")


class Trial(ABC):
    """What a scenario does under load."""

    loads: Sequence[Load]
    #: The hosts that have workers.
    hosts: Sequence[str]
    #: Seconds after which what was taken, and not done, is back: the visibility timeout, and a look.
    comes_back = 0.0
    #: Seconds until the hosts have to be healthy again after a fault.
    patience = 240.0
    #: Whether faults take as long as they do outside, not only as long as they have to.
    full = False

    @abstractmethod
    def faults(self) -> list[Fault]:
        """Return what is done, in this order."""

    def prepare(self) -> None:  # noqa: B027 - most have nothing to prepare
        """Do what the load needs before it starts."""

    @abstractmethod
    def healthy(self) -> bool:
        """Tell whether the hosts are as they have to be."""

    def keeps_up(self) -> bool:
        """Tell whether all that was sent a moment ago is done: nothing waits that a fault left behind."""
        for load in self.loads:
            there = {number for number, _at in load.done()}
            recent = [task.number for task in load.sent()[-AFTER * RATE : -RATE]]
            if not recent or not there.issuperset(recent):
                return False
        return True

    def run(self, full: bool, only: Sequence[str] = ()) -> list[str]:
        """Do the faults under load, print their lines, and return what must not be."""
        self.full = full
        faults = [fault for fault in self.faults() if full or fault.short]
        if only:
            known = {fault.name: fault for fault in self.faults()}
            faults = [known[name] for name in only]
        self.prepare()
        for load in self.loads:
            load.start()
        try:
            time.sleep(AFTER)
            windows = [self._disturb(fault) for fault in faults]
        finally:
            for load in self.loads:
                load.stop()
        settle(self.comes_back + 60, lambda: self._all_done(faults, windows))
        return self._report(faults, windows)

    def _disturb(self, fault: Fault) -> Window:
        wait(f"before {fault.name}: the hosts are not healthy", self.patience, self.healthy)
        # What is in the queues still would be counted for the fault before.
        settle(300, self.keeps_up)
        window = Window(fault.name, time.time())
        before = self._processes()
        try:
            fault.act()
            wait(f"{fault.name}: the hosts are not healthy again", self.patience, self.healthy)
            if fault.nobody_restarts:
                window.problems += self._restarted(before, window.begin)
            # A gap ends when the workers go on.
            wait(f"{fault.name}: the workers do not keep up again", 300, self.keeps_up)
        except (RuntimeError, subprocess.CalledProcessError) as error:
            window.problems.append(str(error))
        time.sleep(AFTER)
        window.end = time.time()
        print(f"  {fault.name}: {window.end - window.begin:.0f} s", flush=True)
        return window

    def _processes(self) -> dict[str, dict[str, str]]:
        return {host: processes(host) for host in self.hosts}

    def _restarted(self, before: dict[str, dict[str, str]], since: float) -> list[str]:
        """Return which workers are not those that they were, with what they said since."""
        return [
            f"{unit} of {host} was restarted, and should not be:\n{journal(host, unit, since)}"
            for host, now in self._processes().items()
            for unit in sorted(before[host] | now)
            if before[host].get(unit) != now.get(unit)
        ]

    def _all_done(self, faults: Sequence[Fault], windows: Sequence[Window]) -> bool:
        """Tell whether everything is done, but for what nothing can bring back any more."""
        harsh = [window for fault, window in zip(faults, windows, strict=True) if fault.harsh]
        if harsh and time.time() < max(window.end for window in harsh) + self.comes_back:
            return False
        for load in self.loads:
            there = {number for number, _at in load.done()}
            for task in load.sent():
                given_up = DELIVERIES[task.queue] == "at_most_once" and any(
                    window.begin <= task.at < window.end for window in harsh
                )
                if task.number not in there and not given_up:
                    return False
        return True

    def _report(self, faults: Sequence[Fault], windows: Sequence[Window]) -> list[str]:
        wrong = [f"{window.name}: {problem}" for window in windows for problem in window.problems]
        for load in self.loads:
            tasks, results = load.sent(), load.done()
            for fault, window in zip(faults, windows, strict=True):
                for queue, delivery in DELIVERIES.items():
                    count = Count.of(window, queue, tasks, results)
                    line = f"fault {fault.name}/{delivery} broker {load.broker}: {count}"
                    print(line, flush=True)
                    bearable = int(fault.in_hand and load.broker == "redis")
                    if count.lost > bearable and (delivery == "at_least_once" or not fault.harsh):
                        wrong.append(f"lost: {line}")
                    if count.gap > fault.gap:
                        wrong.append(f"gap: {line}")
                    if not count.sent:
                        wrong.append(f"no load: {line}")
        return wrong


def main(trial: Trial, description: str) -> int:
    """Run what the command line says, and return the exit status."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [fault.name for fault in trial.faults()]
    parser.add_argument("--all", action="store_true", help="all faults, as long as they take")
    parser.add_argument("--only", default="", help=f"these alone, separated by commas: {', '.join(names)}")
    arguments = parser.parse_args()
    only = [name for name in arguments.only.split(",") if name]
    if unknown := set(only) - set(names):
        parser.error(f"there is no fault {', '.join(sorted(unknown))}")
    wrong = trial.run(arguments.all, only)
    print(*wrong, sep="\n")
    return 1 if wrong else 0
