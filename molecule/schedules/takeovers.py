# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills the active one of the two beats of RedBeat, again and again, and measures until the other one sends.

Prints a line for each,

    takeover N of M, HOW: S s

where HOW is `process` (kill -9 of beat) or `host` (podman kill of the whole host), and at the end

    takeovers M: min S median S max S s, sent N, doubled N, minutes lost N of M, stalls N

and ends with status 1 if one took too long, or anything was sent twice or got lost besides. A stall is a gap
in which nobody was killed: of a machine that is too busy for what this measures.
What was killed does not come back by itself meanwhile: systemd's Restart= is switched off.

usage: takeovers.py [--takeovers M]     needs the hosts, converged, and `. tests/lab/env.sh`
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from hosts import REDBEAT, Tick, beat_process, ticks
from lab.hosts import booted, run, wait

#: The time of the lock, which is the default of celery_beat_takeover, and how often the entry comes due.
TAKEOVER, INTERVAL = 15.0, 1.0
#: What may come on top: the standby looks every three seconds, and the machine may be busy.
SLACK = 10.0
#: A longer gap where nobody was killed is a stall.
GAP = 5.0
#: How near to the full minute a kill has to be to excuse that the entry of that minute is lost.
NEAR = 1.5
#: Each of so many takeovers is that of a whole host.
HOST_EACH = 2
NO_RESTART = (
    "mkdir -p /run/systemd/system/shop-beat.service.d && "
    "printf '[Service]\\nRestart=no\\n' > /run/systemd/system/shop-beat.service.d/takeovers.conf && "
    "systemctl daemon-reload"
)
START = "systemctl reset-failed shop-beat.service; systemctl start shop-beat.service"
RESTART = "rm -f /run/systemd/system/shop-beat.service.d/takeovers.conf && systemctl daemon-reload"


@dataclass(frozen=True)
class Takeover:
    """A beat was killed, and another one has sent."""

    how: str
    killed: float
    sent: float

    @property
    def seconds(self) -> float:
        """From the kill to the next task."""
        return self.sent - self.killed


def take_over(how: str) -> Takeover:
    """Kill the active beat, wait until the other one sends, and bring the killed one back."""
    active, process = active_beat()
    (other,) = set(REDBEAT) - {active}
    if how == "host":
        killed = time.time()
        subprocess.run(["podman", "kill", active], check=True, capture_output=True)
    else:
        killed = float(run(active, f"date +%s.%N && kill -9 {process}"))

    def sent() -> list[Tick]:
        return [tick for tick in ticks("redbeat", killed, "tick") if tick.host == other]

    wait(f"{other} does not take over from {active}", 120, sent)
    first = sent()[0].sent
    if how == "host":
        subprocess.run(["podman", "start", active], check=True, capture_output=True)
        wait(f"{active} does not boot", 90, lambda: booted(active))
        run(active, NO_RESTART)
    run(active, START)
    return Takeover(how, killed, first)


def active_beat() -> tuple[str, str]:
    """Return host and process of the beat that sends, when the other one stands by."""
    for _attempt in range(10):
        active = sender()
        (other,) = set(REDBEAT) - {active}
        wait(f"{other}: beat does not stand by", 60, lambda of=other: stands_by(of))
        process = beat_process(active)
        if process != "0" and sender() == active and beat_process(active) == process:
            return active, process
    raise RuntimeError("beat does not go on for long enough to be killed: the machine is too busy")


def sender() -> str:
    """Return the host that sends, which has sent just now."""
    since = time.time()

    def sends() -> bool:
        return any(map(stands_by, REDBEAT)) and bool(ticks("redbeat", since, "tick"))

    wait("no beat sends", 60, sends)
    return ticks("redbeat", since, "tick")[-1].host


def stands_by(host: str) -> bool:
    """Tell whether beat of a host waits for the lock, before which it says that it is ready.

    One that stood still for longer than the lock's time has ended, and is started.
    """
    return run(host, f"{START}; systemctl is-active shop-beat.service", check=False) == "active"


def judge(found: list[Takeover], sent: list[Tick], end: float) -> tuple[list[str], str]:
    """Return what must not be, and the line of the summary."""
    kills = [takeover.killed for takeover in found]
    wrong = [f"{t.how}: took {t.seconds:.1f} s" for t in found if t.seconds > TAKEOVER + SLACK]
    every = [tick for tick in sent if tick.name == "tick"]
    stalls = [
        (earlier.sent, later.sent)
        for earlier, later in pairwise(every)
        if later.sent - earlier.sent > GAP
        and not any(earlier.sent - GAP < kill < later.sent + GAP for kill in kills)
    ]
    twice = [
        f"twice within {later.sent - earlier.sent:.2f} s: {earlier} {later}"
        for earlier, later in pairwise(every)
        if later.sent - earlier.sent < INTERVAL / 2
    ]
    # Each full minute is due once; one that came while nobody sent is sent by whoever took over.
    minutes = Counter(int(tick.sent // 60) for tick in sent if tick.name == "minute")
    due = range(int(sent[0].sent // 60) + 1, int((end - TAKEOVER - SLACK) // 60) + 1)
    twice += [
        f"the entry of the minute {minute} was sent {minutes[minute]} times"
        for minute in due
        if minutes[minute] > 1
    ]
    lost = [minute for minute in due if not minutes[minute]]
    # A beat that is killed between noting a run and sending it loses that run.
    wrong += [
        f"the entry of the minute {minute} is lost, and nobody was killed at that moment"
        for minute in lost
        if not any(abs(kill - minute * 60) < NEAR for kill in kills)
    ]
    took = [takeover.seconds for takeover in found]
    line = (
        f"takeovers {len(found)}: min {min(took):.1f} median {statistics.median(took):.1f} "
        f"max {max(took):.1f} s, sent {len(sent)}, doubled {len(twice)}, "
        f"minutes lost {len(lost)} of {len(due)}, stalls {len(stalls)}"
    )
    return wrong + twice, line


def main() -> int:
    """Run everything; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--takeovers", type=int, default=2, help="how many")
    number = parser.parse_args().takeovers
    for host in REDBEAT:
        run(host, NO_RESTART)
    found = []
    began = time.time()
    try:
        for turn in range(1, number + 1):
            takeover = take_over("process" if turn % HOST_EACH else "host")
            print(f"takeover {turn} of {number}, {takeover.how}: {takeover.seconds:.1f} s", flush=True)
            found.append(takeover)
        sender()
        end = time.time()
    finally:
        for host in REDBEAT:
            run(host, RESTART)
    # What was sent by now has been done as well.
    wait("the worker is behind", 30, lambda: ticks("redbeat", end, "tick"))
    wrong, line = judge(found, [tick for tick in ticks("redbeat", began) if tick.sent <= end], end)
    print(line, *wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
