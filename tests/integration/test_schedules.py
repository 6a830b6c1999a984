# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same list with each scheduler: written, fired on time, and across the days when clocks change."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ansible_collections.celeriac.django.plugins.module_utils import _schedule
from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import migrate, periodic

from .conftest import wait_for
from .layouts.checkout import Checkout
from .layouts.virtualenvs import virtualenv
from .samples import PROJECTS

CLOCK = Path(__file__).with_name("schedules") / "clock.py"
MORE = ("celery-redbeat>=2.4.2", "time-machine", "ephem>=4.1", "celery[redis]>=5.7,<6")
TASK = "orders.tasks.notify"
BERLIN = ZoneInfo("Europe/Berlin")
#: The noon before clocks are set forward, and back.
SPRING = datetime(2026, 3, 28, 12, 0, 7, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 24, 12, 0, 7, tzinfo=UTC)
LIST: list[dict[str, Any]] = [
    {"name": "hourly", "task": TASK, "crontab": "0 * * * *", "args": [1]},
    {"name": "half past", "task": TASK, "crontab": "30 * * * *", "args": [1]},
    {"name": "quarters", "task": TASK, "crontab": "*/15 * * * *", "args": [1]},
    {"name": "each hour", "task": TASK, "interval": "1h", "args": [1]},
    {"name": "midnight", "task": TASK, "crontab": "0 0 * * *", "args": [1]},
    {"name": "in the gap", "task": TASK, "crontab": "30 2 * * *", "args": [1]},
    {"name": "at three", "task": TASK, "crontab": "0 3 * * *", "args": [1]},
    {"name": "noon", "task": TASK, "crontab": "0 12 * * *", "args": [1]},
]


@pytest.fixture(scope="session")
def python() -> Path:
    """The Python of a virtualenv with all three schedulers."""
    return virtualenv("5.2", Path(shutil.which("python3.11") or sys.executable), MORE)


@pytest.fixture
def integrated(python: Path, tmp_path: Path) -> Callable[..., Checkout]:
    """Makes a checkout of the example project with samples, routes and a schedule."""

    def build(**options: Any) -> Checkout:
        project = PROJECTS["shop"]
        checkout = Checkout(project.layout(), project.build(tmp_path), python)
        checkout.look(project_sample_apps=["orders"], timezone="Europe/Berlin", **options)
        checkout.integrate()
        return checkout

    return build


def environ(checkout: Checkout, url: str) -> dict[str, str]:
    """Return the environment of the project's processes."""
    state = checkout.path.parent / "state"
    state.mkdir(exist_ok=True)
    return {
        "PATH": os.defpath,
        "SECRET_KEY": "schedules_test",
        "PYTHONDONTWRITEBYTECODE": "1",
        "DJANGO_SETTINGS_MODULE": checkout.project.settings,
        "CELERY_STATE_PATH": str(state),
        "CELERY_BROKER_URL": url,
    }


def firings(checkout: Checkout, start: datetime, hours: float, url: str) -> dict[str, list[datetime]]:
    """Return when each entry fires, by the scheduler itself with a moved clock."""
    done = subprocess.run(
        [str(checkout.python), str(CLOCK), checkout.deployment.code.app, start.isoformat(), str(hours)],
        cwd=checkout.base(),
        env=environ(checkout, url),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("answer:")]
    answer = json.loads(line.removeprefix("answer:"))
    return {name: [datetime.fromisoformat(text) for text in texts] for name, texts in answer.items()}


def write(checkout: Checkout, entries: list[dict[str, Any]], **job: Any) -> dict[str, Any]:
    """Write periodic tasks into the tables, as the module does."""
    data = [entry.as_data() for entry in _schedule.complete(entries, "Europe/Berlin")]
    given = {"app": checkout.deployment.code.app, "exclusive": False, "keep": [], "check": False}
    answer: dict[str, Any] = checkout.inside().run(periodic, {**given, "entries": data, **job})
    return answer


def migrated(checkout: Checkout) -> Checkout:
    """Make the tables."""
    checkout.deployment.inside.environment["CELERY_STATE_PATH"] = ""
    checkout.inside().run(migrate, {"databases": [], "check": False, "timeout": 10, "forks": False})
    return checkout


@pytest.mark.parametrize(("start", "hours_of_day"), [(SPRING, 23), (AUTUMN, 25)], ids=["spring", "autumn"])
@pytest.mark.parametrize("scheduler", ["file", "database", "redbeat"])
def test_clock_changes(
    scheduler: str,
    start: datetime,
    hours_of_day: int,
    integrated: Callable[..., Checkout],
    redis: str,
) -> None:
    """Hourly and daily entries are neither skipped nor doubled when clocks are set forward and back."""
    url = f"{redis}/{1 if start is SPRING else 2}" if scheduler == "redbeat" else "memory://"
    checkout = integrated(
        beat_scheduler=scheduler,
        beat_schedule=LIST,
        broker_url=f"{redis}/1" if scheduler == "redbeat" else "",
    )
    if scheduler == "database":
        migrated(checkout)
        assert not write(checkout, LIST)["problems"]
        age(checkout, start)
    fired = firings(checkout, start, 36.5, url)
    day = (start + timedelta(days=1)).astimezone(BERLIN).date()
    for name in ("hourly", "half past", "each hour"):
        of_day = [at for at in fired[name] if at.astimezone(BERLIN).date() == day]
        assert len(of_day) == hours_of_day, (name, of_day)
        gaps = {round((later - earlier).total_seconds() / 60) for earlier, later in pairwise(fired[name])}
        assert gaps <= {59, 60, 61}, (name, gaps)
    gaps = {round((later - earlier).total_seconds() / 60) for earlier, later in pairwise(fired["quarters"])}
    assert gaps <= {14, 15, 16}, gaps
    for name in ("midnight", "in the gap", "at three", "noon"):
        days = [at.astimezone(BERLIN).date() for at in fired[name]]
        assert days.count(day) == 1, (name, fired[name])
        assert len(days) == len(set(days)), (name, fired[name])


def age(checkout: Checkout, start: datetime) -> None:
    """Have the entries made when the clock starts."""
    with sqlite3.connect(checkout.path / "db.sqlite3") as database:
        text = start.strftime("%Y-%m-%d %H:%M:%S")
        database.execute("UPDATE django_celery_beat_periodictask SET date_changed = ?", [text])
        database.execute("UPDATE django_celery_beat_periodictasks SET last_update = ?", [text])


#: Prints those that have to be in beat's memory, and those that are, by its own scheduler.
_LOADED = """
import json, sys
sys.path.insert(0, sys.argv[1])
import django; django.setup()
from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import declared
from django_celery_beat.schedulers import DatabaseScheduler
from shop.celery import app
has = DatabaseScheduler(app=app).schedule
running = {name: {"task": one.task, "when": str(one.schedule)} for name, one in has.items()}
found = declared.of_tables()
loaded = [entry.name for entry in found if entry.loaded]
unknown = [entry.name for entry in found if entry.next is None]
print(json.dumps([loaded, list(running), declared.other(found, running), unknown]))
"""


def test_crontabs_of_any_hour_are_as_declared(integrated: Callable[..., Checkout]) -> None:
    """The scheduler has a crontab in its memory in the hours around its own alone, in each time zone."""
    zones = ("UTC", "Europe/Berlin", "America/Los_Angeles", "Australia/Adelaide")
    entries = [
        {"name": f"{hour} {zone}", "task": TASK, "crontab": f"30 {hour} * * *", "timezone": zone, "args": [1]}
        for hour in range(24)
        for zone in zones
    ]
    checkout = migrated(integrated(beat_scheduler="database", beat_schedule=LIST))
    assert not write(checkout, [*LIST, *entries])["problems"]
    collections = Path(_schedule.__file__).parents[5]
    done = subprocess.run(
        [str(checkout.python), "-c", _LOADED, str(collections)],
        cwd=checkout.base(),
        env=environ(checkout, "memory://"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded, running, other, unknown = json.loads(done.stdout.splitlines()[-1])
    assert (other, unknown) == ([], [])
    # Both sides of the rule were seen: some are to be there, most of the day's are not.
    assert set(loaded) <= set(running)
    assert {"hourly", "each hour", "quarters"} <= set(loaded)
    assert 0 < len([name for name in loaded if name.partition(" ")[2] in zones]) < 24


def tasks_of(checkout: Checkout) -> dict[str, tuple[Any, ...]]:
    """Return what the tables hold: name to what tells entries apart."""
    with sqlite3.connect(checkout.path / "db.sqlite3") as database:
        rows = database.execute(
            "SELECT name, task, args, enabled, crontab_id, interval_id, solar_id, clocked_id, description"
            " FROM django_celery_beat_periodictask ORDER BY name"
        )
        return {row[0]: row[1:] for row in rows}


def admin_makes(checkout: Checkout, name: str) -> None:
    """Make an entry as people do in the admin."""
    with sqlite3.connect(checkout.path / "db.sqlite3") as database:
        database.execute(
            "INSERT INTO django_celery_beat_periodictask (name, task, interval_id, args, kwargs, headers, "
            "enabled, one_off, total_run_count, date_changed, description) SELECT ?, ?, min(id), '[]', '{}', "
            "'{}', 1, 0, 0, '2026-01-01', '' FROM django_celery_beat_intervalschedule",
            [name, TASK],
        )


def test_tables_follow_the_list(integrated: Callable[..., Checkout]) -> None:
    """Made, not made again, changed, removed; what people made stays, unless the list is all there is."""
    checkout = migrated(integrated())
    kinds: list[dict[str, Any]] = [
        *LIST,
        {"name": "sunset", "task": TASK, "solar": {"event": "sunset", "latitude": 52.5, "longitude": 13.4}},
        {"name": "once", "task": TASK, "clocked": "2035-01-01 10:00", "timezone": "Europe/Berlin"},
        {"name": "off", "task": TASK, "interval": 90, "enabled": False, "queue": "celery", "expires": 60},
    ]
    predicted = write(checkout, kinds, check=True)
    assert tasks_of(checkout) == {}
    made = write(checkout, kinds)
    assert made == predicted
    assert set(made["after"]) == set(tasks_of(checkout)) == {entry["name"] for entry in kinds}
    before = tasks_of(checkout)
    assert write(checkout, kinds)["after"] == {}
    assert tasks_of(checkout) == before
    admin_makes(checkout, "by hand")
    changed = [dict(entry) for entry in kinds[1:]]
    changed[0]["crontab"] = "31 * * * *"
    answer = write(checkout, changed)
    assert set(answer["before"]) == {"hourly", "half past"}
    assert set(answer["after"]) == {"half past"}
    assert answer["after"]["half past"]["schedule"]["crontab"]["minute"] == "31"
    there = tasks_of(checkout)
    assert "hourly" not in there
    assert "by hand" in there
    assert write(checkout, [*changed, {"name": "by hand", "state": "absent"}], check=True)["before"]
    assert write(checkout, changed, exclusive=True)["before"].keys() == {"by hand"}
    assert set(tasks_of(checkout)) == {entry["name"] for entry in changed}
    assert set(write(checkout, [])["before"]) == {entry["name"] for entry in changed}
    assert tasks_of(checkout) == {}


def test_an_entry_of_the_admin_is_taken_over_by_its_name(integrated: Callable[..., Checkout]) -> None:
    """The list says how it is from now on."""
    checkout = migrated(integrated())
    write(checkout, LIST[3:4])
    admin_makes(checkout, "hourly")
    answer = write(checkout, [LIST[0], LIST[3]])
    assert answer["before"]["hourly"]["description"] == ""
    assert answer["after"]["hourly"]["description"] == periodic.MARK
    assert answer["after"]["hourly"]["schedule"]["timezone"] == "UTC"


def test_one_bad_task_and_nothing_is_written(integrated: Callable[..., Checkout]) -> None:
    """A task of another package is looked for where it would be registered."""
    checkout = migrated(integrated())
    answer = write(checkout, [LIST[0], {"name": "bad", "task": "elsewhere.tasks.notify", "interval": 5}])
    (problem,) = answer["problems"]
    assert "(bad): no task elsewhere.tasks.notify is registered; did you mean orders" in problem
    assert tasks_of(checkout) == {}


def test_check_mode_knows_what_is_only_about_to_be_made(integrated: Callable[..., Checkout]) -> None:
    """The task and the tables may be those of the same run."""
    checkout = integrated()
    checkout.deployment.inside.environment["CELERY_STATE_PATH"] = ""
    coming = [{"name": "coming", "task": "orders.tasks.coming", "interval": 5}]
    assert set(write(checkout, coming, check=True)["after"]) == {"coming"}
    assert not (checkout.path / "db.sqlite3").exists()
    other = checkout.path / "shop/celery_settings.py"
    other.write_text(other.read_text().replace('    "django_celery_beat",\n', ""))
    assert set(write(checkout, coming, check=True)["after"]) == {"coming"}
    assert write(checkout, LIST)["problems"]


def test_a_moment_that_is_past_does_not_come_again(integrated: Callable[..., Checkout]) -> None:
    """Beat switches off what has run; and what is past when it is first seen is not made."""
    checkout = migrated(integrated())
    past = {"name": "past", "task": TASK, "clocked": "2020-01-01 10:00+00:00"}
    assert write(checkout, [past])["after"] == {}
    soon = {"name": "soon", "task": TASK, "clocked": "2035-01-01 10:00+00:00"}
    write(checkout, [soon])
    with sqlite3.connect(checkout.path / "db.sqlite3") as database:
        database.execute("UPDATE django_celery_beat_clockedschedule SET clocked_time = '2020-01-01 10:00:00'")
        database.execute("UPDATE django_celery_beat_periodictask SET enabled = 0")
    assert write(checkout, [{**soon, "clocked": "2020-01-01 10:00+00:00"}])["after"] == {}


#: As DatabaseScheduler notes a run: it reads a row and saves it whole, here with the change in between.
_STALE = (
    "import sys, time, django; django.setup()\n"
    "from django_celery_beat.models import PeriodicTask as P\n"
    "rows = [P.objects.get(name=name) for name in sys.argv[1:]]\n"
    "print('ready', flush=True)\n"
    "same = lambda r: P.objects.filter(pk=r.pk, interval=r.interval_id, crontab=r.crontab_id).exists()\n"
    "while any(map(same, rows)): time.sleep(0.01)\n"
    "[row.save() for row in rows]\n"
)


def test_a_running_beat_does_not_undo_the_change(integrated: Callable[..., Checkout]) -> None:
    """What it had read before, and saves after, neither comes back nor is as it was."""
    checkout = migrated(integrated())
    both = [{"name": name, "task": TASK, "interval": 60, "args": [1]} for name in ("going", "changing")]
    write(checkout, both)
    beat = subprocess.Popen(
        [str(checkout.python), "-c", _STALE, "going", "changing"],
        cwd=checkout.base(),
        env=environ(checkout, "memory://"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert beat.stdout
        assert beat.stdout.readline() == "ready\n"
        answer = write(checkout, [{**both[1], "interval": 90}])
        assert beat.wait(30) == 0
    finally:
        beat.kill()
    assert set(answer["before"]) == {"going", "changing"}
    assert set(tasks_of(checkout)) == {"changing"}
    assert write(checkout, [{**both[1], "interval": 90}])["before"] == {}


def test_a_running_beat_sees_the_change(integrated: Callable[..., Checkout]) -> None:
    """Without a restart, within its interval of five seconds."""
    checkout = migrated(integrated())
    # Sent at once, so that beat is known to run.
    write(checkout, [{"name": "ready", "task": "shop.celery_ops.tasks.canary", "interval": 1}])
    messages = checkout.path.parent / "state/broker/messages"
    beat = subprocess.Popen(
        [str(checkout.python), "-m", "celery", "-A", checkout.deployment.code.app, "beat"],
        cwd=checkout.base(),
        env=environ(checkout, "filesystem://"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: sent(messages, "celery_ops.tasks.canary"), 60)
        write(checkout, [{"name": "now", "task": TASK, "interval": 1, "args": [1]}])
        started = time.monotonic()
        wait_for(lambda: sent(messages, TASK), 30)
        assert time.monotonic() - started < 15
        write(checkout, [])
        time.sleep(8)
        before = sent(messages, TASK)
        time.sleep(4)
        assert sent(messages, TASK) == before
    finally:
        beat.terminate()
        beat.wait(20)


def sent(messages: Path, task: str) -> int:
    """Return how many messages of a task are in the folder of the embedded broker."""
    return sum(task in file.read_text(errors="replace") for file in messages.glob("*.msg"))


def test_crontabs_mean_what_celery_reads(python: Path) -> None:
    """Field by field, and refused where Celery refuses."""
    fields = {"minute": (60, 0), "hour": (24, 0), "day_of_month": (31, 1), "month_of_year": (12, 1)}
    texts = ["*", "*/7", "1", "1-5", "1-9/3", "5-1", "1,3,7-9", "0", "32", "5/2", "a", "1-", "", "*/0", "12"]
    asked = [(name, text) for name in fields for text in texts]
    asked += [("day_of_week", text) for text in [*texts, "mon-fri", "sun", "friday", "7", "fri-mon"]]
    script = (
        "import json, sys\nfrom celery.schedules import crontab\nfound = []\n"
        "for name, text in json.loads(sys.argv[1]):\n"
        "    try:\n        found.append(sorted(getattr(crontab(**{name: text}), name)))\n"
        "    except Exception:\n        found.append(None)\n"
        "print(json.dumps(found))\n"
    )
    done = subprocess.run(
        [str(python), "-c", script, json.dumps(asked)], capture_output=True, text=True, check=True
    )
    for (name, text), values in zip(asked, json.loads(done.stdout), strict=True):
        try:
            ours = sorted(_schedule.values(text, name))
        except _schedule.ScheduleError:
            # What is refused here may be read there: as a crontab that never comes, or not as it was meant.
            assert values in (None, []) or text in ("*/0", ""), (name, text, values)
        else:
            assert ours == values, (name, text)


#: How often the active beat is killed; `TAKEOVERS=20` for a measurement.
TAKEOVERS = int(os.environ.get("TAKEOVERS", "2"))
TAKEOVER = 5
_ORIGINS = (
    "import json, sys, redis\n"
    "found = redis.Redis.from_url(sys.argv[1]).lrange('shop:celery', 0, -1)\n"
    "heads = [json.loads(text)['headers'] for text in reversed(found)]\n"
    "print(json.dumps([h['origin'] for h in heads if h['task'] == sys.argv[2]]))\n"
)


_REDBEATS_CONNECTION = (
    "from shop import celery_app\n"
    "from redbeat.schedulers import get_redis\n"
    "print(get_redis(celery_app).connection_pool.connection_kwargs['socket_timeout'])\n"
)


def test_redbeat_gives_up_a_connection_that_is_dead(integrated: Callable[..., Checkout], redis: str) -> None:
    """It takes the options of the settings, which it does only if it sees that there are any."""
    url = f"{redis}/3"
    checkout = integrated(beat_scheduler="redbeat", broker_url=url)
    done = subprocess.run(
        [str(checkout.python), "-W", "always::DeprecationWarning:redbeat", "-c", _REDBEATS_CONNECTION],
        cwd=checkout.base(),
        env=environ(checkout, url),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["30"]
    assert "falling back" not in done.stderr


def test_another_beat_takes_over(integrated: Callable[..., Checkout], redis: str) -> None:
    """After kill -9 of the active beat, within the time that was asked for; and nothing is sent twice."""
    url = f"{redis}/3"
    entry = {"name": "tick", "task": TASK, "interval": 1, "args": [1]}
    options = {"beat_scheduler": "redbeat", "beat_takeover": TAKEOVER, "broker_url": url}
    checkout = integrated(beat_schedule=[entry], **options)

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [str(checkout.python), "-m", "celery", "-A", checkout.deployment.code.app, "beat"],
            cwd=checkout.base(),
            env=environ(checkout, url),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def origins() -> list[int]:
        done = subprocess.run(
            [str(checkout.python), "-c", _ORIGINS, url, TASK], capture_output=True, text=True, check=True
        )
        return [int(origin.partition("@")[0].removeprefix("gen")) for origin in json.loads(done.stdout)]

    beats = {process.pid: process for process in (start(), start())}
    began = time.monotonic()
    gaps = []
    try:
        for _number in range(TAKEOVERS):
            wait_for(lambda: origins() and origins()[-1] in beats, 60)
            time.sleep(3)  # the other one waits for the lock by now
            active = origins()[-1]
            beats[active].kill()
            killed = time.monotonic()
            beats.pop(active).wait()
            wait_for(lambda gone=active: origins()[-1] != gone, 60)
            gaps.append(time.monotonic() - killed)
            fresh = start()
            beats[fresh.pid] = fresh
        took = time.monotonic() - began
        order = origins()
    finally:
        for process in beats.values():
            process.kill()
            process.wait()
    print(f"takeovers in s: {sorted(round(gap, 1) for gap in gaps)}")
    # The lock's time, a standby's pause, the entry's own second, and what looking takes.
    assert max(gaps) < TAKEOVER + 1 + 1 + 3, gaps
    turns = [pid for index, pid in enumerate(order) if index == 0 or order[index - 1] != pid]
    assert len(turns) == len(set(turns)) == TAKEOVERS + 1, turns  # nobody sends in another one's turn
    assert len(order) <= took + 1, (len(order), took)
