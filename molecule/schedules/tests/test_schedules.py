# SPDX-License-Identifier: GPL-3.0-or-later
"""The same list with each scheduler: fired on time, changed, refused, removed, taken over by another host."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from hosts import (
    DATABASE,
    DEPLOYMENTS,
    FILE,
    REDBEAT,
    SCENARIO,
    beat_process,
    integrate,
    ticks,
)
from lab.hosts import ask, run, wait

HOSTS = [host for hosts in DEPLOYMENTS.values() for host in hosts]
SCHEDULERS = list(DEPLOYMENTS)
#: The list that the hosts were converged with.
LIST: list[dict[str, Any]] = yaml.safe_load(
    (SCENARIO / "inventory/group_vars/molecule/celery.yml").read_text()
)["celery_beat_schedule"]
TICK = "ticks.tasks.tick"
#: Seconds within which what is due is sent and done: as a rule, and always, as machines stall.
ON_TIME, LATEST = 1.0, 10.0
#: Seconds after which DatabaseScheduler has looked whether its tables have changed.
LOOKS = 6.0
#: Seconds from the begin of the run to the entry that comes once: the run has to be done by then.
AHEAD = 120
#: The longest time in which nothing is sent while the list changes; the others start beat anew.
GAP = {"database": 10.0, "file": 20.0, "redbeat": 20.0}
_CHECKSUMS = (
    "cd /srv/shop && find . -type f ! -name '*.pyc' -exec sha256sum {} + | sort -k 2 | sha256sum; "
    "sha256sum /etc/shop-celery/* /etc/systemd/system/shop-* | sha256sum"
)
_ENTRIES = (
    "import json; from django_celery_beat.models import PeriodicTask as P; "
    "print(json.dumps({t.name: str(t.schedule) for t in P.objects.order_by('name')}))"
)
_BY_HAND = (
    "from django_celery_beat.models import IntervalSchedule as I, PeriodicTask as P; "
    "P.objects.create(name='by hand', task='ticks.tasks.tick', args='[\"by hand\"]', "
    "interval=I.objects.get_or_create(every=3, period='seconds')[0]); print('null')"
)


def gaps(found: list[Any]) -> list[float]:
    """Return the times between what was sent."""
    return [later.sent - earlier.sent for earlier, later in pairwise(found)]


def on_time(late: list[float]) -> bool:
    """Tell whether what was due came when it should: as a rule at once, and always soon."""
    return statistics.median(late) < (ON_TIME if len(late) > 1 else LATEST) and max(late) < LATEST


def changes(output: str) -> set[tuple[str, str]]:
    """Return what a run has changed, or would change: task and host."""
    found, task = set(), ""
    for line in output.splitlines():
        if line.startswith(("TASK [", "RUNNING HANDLER [")):
            task = line.partition("[")[2].rpartition("]")[0]
        elif line.startswith("changed: ["):
            found.add((task, line.partition("[")[2].partition("]")[0]))
    return found


def state(host: str) -> tuple[str, str]:
    """Return what a refused run must not change: files, tables, the process of beat."""
    entries = str(ask(host, _ENTRIES)) if host == DATABASE else ""
    return run(host, _CHECKSUMS) + entries, beat_process(host)


@pytest.fixture(scope="module")
def quiet() -> float:
    """The begin of a time in which nothing is done to the hosts, over some full minutes, at its end."""
    began = time.time()
    # The minute's entry has come as often as it takes to tell a rule, and some seconds have passed besides.
    for scheduler in SCHEDULERS:
        wait(f"{scheduler}: no minutes", 200, lambda of=scheduler: len(ticks(of, began, "minute")) > 2)
    wait("no ticks", 30, lambda: all(len(ticks(of, began, "tick")) > 15 for of in SCHEDULERS))
    return began


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_fires_on_time(scheduler: str, quiet: float) -> None:
    """Each entry, at its interval or in the first seconds of its minute, and is done at once."""
    found = ticks(scheduler, quiet)
    assert {tick.name for tick in found} == {entry["name"] for entry in LIST}
    assert on_time([tick.at - tick.sent for tick in found])
    for entry in LIST:
        mine = [tick for tick in found if tick.name == entry["name"]]
        if "interval" in entry:
            between = gaps(mine)
            assert between, entry
            assert min(between) > entry["interval"] - 0.5, (entry, between)
            assert on_time([gap - entry["interval"] for gap in between]), (entry, between)
        else:
            assert on_time([tick.sent % 60 for tick in mine]), mine
    # One beat has sent all of it.
    assert len({tick.beat for tick in found}) == 1


@dataclass(frozen=True)
class Bad:
    """A list that cannot be, where it is tried, and what is said of it."""

    host: str
    says: str
    entries: str


BAD = {
    "no such task of the project": Bad(
        REDBEAT[0], r"ticks\.tasks\.tock", "task: ticks.tasks.tock, interval: 5"
    ),
    "no such task of a package": Bad(
        DATABASE, r"no task kombu\.nothing is registered", "task: kombu.nothing, interval: 5"
    ),
    "crontab": Bad(FILE, r"'61' is no minute of a crontab", f'task: {TICK}, crontab: "61 * * * *"'),
    "timezone": Bad(
        REDBEAT[1],
        r"there is no timezone 'Europe/Atlantis'",
        f'task: {TICK}, crontab: "0 8 * * *", timezone: Europe/Atlantis',
    ),
    "arguments": Bad(FILE, r"args is no JSON", f"task: {TICK}, interval: 5, args: [2027-01-31]"),
    "double name": Bad(
        DATABASE,
        r"two entries named 'bad'",
        f"task: {TICK}, interval: 5}}, {{name: bad, task: {TICK}, interval: 6",
    ),
}


@pytest.fixture(scope="module")
def refused(quiet: float, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the runs with the bad lists print; of those on one host, one after the other."""
    folder = tmp_path_factory.mktemp("bad")

    def attempt(host: str) -> dict[str, str]:
        printed = {}
        for number, (name, bad) in enumerate(BAD.items()):
            if bad.host != host:
                continue
            file = folder / f"{number}.yml"
            good = yaml.safe_dump(LIST, default_flow_style=True, width=10_000).strip()[1:-1]
            file.write_text(f"celery_beat_schedule: [{good}, {{name: bad, {bad.entries}}}]\n")
            before = state(host)
            done = integrate(f"--limit={host}", "-e", f"@{file}")
            assert done.returncode != 0, f"{name}: {done.stdout[-3000:]}"
            assert state(host) == before, f"{name}: something was written"
            printed[name] = " ".join(done.stdout.split())
        return printed

    with ThreadPoolExecutor(2) as pool:
        return {name: text for found in pool.map(attempt, HOSTS) for name, text in found.items()}


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_list_stops_the_run(name: str, refused: dict[str, str]) -> None:
    """With a message that says what is wrong, in which entry, and with nothing written."""
    printed = refused[name]
    assert re.search(BAD[name].says, printed), printed[-3000:]
    assert re.search(r"celery_beat_schedule(\[\d\])? ?\(bad\)|celery_beat_schedule\[\d\]", printed), printed[
        -3000:
    ]


@dataclass(frozen=True)
class Change:
    """The list was changed while beat ran."""

    #: The time before and after the run, and of the entry that comes once.
    began: float
    ended: float
    once: float
    #: Host to the process of beat before.
    before: dict[str, str]
    #: What check mode said, and what was changed.
    predicted: set[tuple[str, str]]
    changed: set[tuple[str, str]]
    #: The variables with the new list.
    file: Path


def other_list(file: Path, once: float) -> None:
    """Write the list as it is to become: one entry less, one changed, and two more."""
    entries = [entry for entry in LIST if entry["name"] != "going"]
    entries = [{**entry, "interval": 2} if entry["name"] == "changing" else entry for entry in entries]
    moment = time.strftime("%Y-%m-%d %H:%M:%S+00:00", time.gmtime(once))
    entries += [
        {"name": "coming", "task": TICK, "interval": 2, "kwargs": {"name": "coming"}},
        {"name": "once", "task": TICK, "clocked": moment, "args": ["once"]},
    ]
    file.write_text(yaml.safe_dump({"celery_beat_schedule": entries}))


@pytest.fixture(scope="module")
def change(refused: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Change:
    """Converge another list, after check mode has told what that would do."""
    ask(DATABASE, _BY_HAND)
    file = tmp_path_factory.mktemp("list") / "list.yml"
    before = {host: state(host) for host in HOSTS}
    other_list(file, time.time() + AHEAD)
    predicted = integrate("--check", "--diff", "-e", f"@{file}")
    assert predicted.returncode == 0, predicted.stdout[-3000:]
    assert {host: state(host) for host in HOSTS} == before
    assert all(f'"{name}"' in predicted.stdout for name in ("changing", "coming", "going", "once"))
    began = time.time()
    once = float(int(began + AHEAD))
    other_list(file, once)
    done = integrate("-e", f"@{file}")
    assert done.returncode == 0, done.stdout[-3000:]
    ended = time.time()
    assert ended < once - 2, "the run took too long for the entry that comes once"
    enough = max(ended + LOOKS + 8, once + 5)
    wait("no ticks", 120, lambda: all(ticks(of, enough, "tick") for of in SCHEDULERS))
    return Change(
        began,
        ended,
        once,
        {host: process for host, (_files, process) in before.items()},
        changes(predicted.stdout),
        changes(done.stdout),
        file,
    )


def test_check_mode_tells_the_truth(change: Change) -> None:
    """What it said would change did, and nothing else."""
    assert change.predicted == change.changed
    assert {host for _task, host in change.changed} == set(HOSTS)


def test_beat_of_the_tables_goes_on(change: Change) -> None:
    """It sees the change by itself; the others are started with the new list."""
    processes = {host: beat_process(host) for host in HOSTS}
    assert processes[DATABASE] == change.before[DATABASE]
    assert all(processes[host] != change.before[host] for host in (FILE, *REDBEAT))


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_the_list_is_followed(scheduler: str, change: Change) -> None:
    """What is new fires, what was changed does as it says now, what was removed does not any more."""
    since = change.ended + LOOKS
    found = ticks(scheduler, since)
    counted = Counter(tick.name for tick in found)
    assert counted["coming"]
    assert not counted["going"]
    for name in ("changing", "coming"):
        between = gaps([tick for tick in found if tick.name == name])
        assert min(between) > 1.5, (name, between)
        assert on_time([gap - 2 for gap in between]), (name, between)
    (once,) = ticks(scheduler, change.began, "once")
    assert 0 <= once.sent - change.once < LATEST


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_nothing_is_lost_or_repeated_meanwhile(scheduler: str, quiet: float, change: Change) -> None:
    """The entries that stay as they are do not feel the change."""
    found = ticks(scheduler, quiet)
    between = gaps([tick for tick in found if tick.name == "tick"])
    assert min(between) > 0.5, between
    assert max(between) < GAP[scheduler], between
    minutes = Counter(int(tick.sent // 60) for tick in found if tick.name == "minute")
    due = range(int(quiet // 60) + 1, int((change.once + 3) // 60) + 1)
    assert {minute: minutes[minute] for minute in due} == dict.fromkeys(due, 1)


def test_what_people_made_stays_unless_exclusive(change: Change) -> None:
    """An entry of the admin is left alone, and fires; it goes when the list is all there is to be."""
    assert "by hand" in ask(DATABASE, _ENTRIES)
    assert ticks("database", change.ended + LOOKS, "by hand")
    limited = (f"--limit={DATABASE}", "--tags=beat", "-e", f"@{change.file}")
    done = integrate(*limited, "-e", "celery_beat_schedule_exclusive=true")
    assert done.returncode == 0, done.stdout[-3000:]
    there = ask(DATABASE, _ENTRIES)
    assert "by hand" not in there
    assert {"tick", "minute", "changing", "coming", "once", "shop-canary"} <= set(there)


def test_takeovers(change: Change, capsys: pytest.CaptureFixture[str]) -> None:
    """The active one of several beats is killed, and another one goes on: once its process, once its host."""
    with capsys.disabled():
        print()
        script = [sys.executable, str(SCENARIO / "takeovers.py"), "--takeovers=2"]
        assert subprocess.run(script, check=False).returncode == 0
