# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof of the proof: one thing after another is broken on purpose, and its row alone tells."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from lab.hosts import ask, code_in_project, in_project, run, wait
from lab.playbooks import play
from lab.units import units

SCENARIO = Path(__file__).parents[1]
HOST = "celeriac-proof"
CELERY = "/var/lib/shop-celery/venv/bin/celery -A shop"
TASKS = "/srv/shop/orders/tasks.py"
SETTINGS = "/srv/shop/shop/settings/production.py"
#: What answers in another process than the unit's, by its own name in systemd.
STRANGER = "stranger"


def host(script: str) -> str:
    """Runs a line on the host."""
    return run(HOST, script)


@dataclass(frozen=True)
class Verified:
    """What verify.yml has said."""

    code: int
    output: str
    checks: list[dict[str, Any]]

    def of(self, state: str) -> dict[str, str]:
        """Returns the rows of a state, with their evidence."""
        return {one["name"]: one["evidence"] for one in self.checks if one["state"] == state}


def verify(file: Path, *arguments: str) -> Verified:
    """Runs verify.yml on the host."""
    file.unlink(missing_ok=True)
    done = play(
        SCENARIO / "inventory",
        f"--extra-vars=celery_verify_report={file}",
        *arguments,
        "celeriac.django.verify",
    )
    checks = json.loads(file.read_text())["checks"] if file.exists() else []
    return Verified(done.returncode, done.stdout, checks)


@contextmanager
def added(path: str, text: str) -> Iterator[None]:
    """Adds lines to a file of the checkout, which may be new, for a while."""
    kept = "/root/kept"
    host(f"rm -rf {kept}; if [ -e {path} ]; then cp -p {path} {kept}; fi")
    host(
        f"mkdir -p $(dirname {path}); printf '%s' {shlex.quote(text)} >> {path}; "
        f"chown -R deploy: $(dirname {path})"
    )
    try:
        yield
    finally:
        host(f"if [ -e {kept} ]; then mv {kept} {path}; else rm {path}; fi")


@contextmanager
def process(name: str, command: str) -> Iterator[None]:
    """Runs a program of the project beside the units, for a while."""
    line = in_project(command)
    host(f"systemd-run --quiet --collect --unit={name} bash -c {shlex.quote(line)}")
    try:
        yield
    finally:
        host(f"systemctl stop {name}")


@contextmanager
def code(before: str, after: str) -> Iterator[None]:
    """Runs Python in the project, and something else afterwards."""
    host(code_in_project(before))
    try:
        yield
    finally:
        host(code_in_project(after))


@contextmanager
def stranger() -> Iterator[None]:
    """Somebody starts a worker by hand."""
    command = f"{CELERY} worker --pool=solo --queues=mails --hostname=by@hand"
    with process(STRANGER, command):
        asked = "import json; from shop.celery import app; print(json.dumps(app.control.ping(timeout=1)))"
        wait("the worker does not answer", 60, lambda: "by@hand" in str(ask(HOST, asked)))
        yield


@contextmanager
def second_beat() -> Iterator[None]:
    """Somebody starts a beat by hand, with a schedule of its own."""
    scheduler = "--scheduler=celery.beat:PersistentScheduler --schedule=/tmp/second"
    with process(STRANGER, f"{CELERY} beat {scheduler} --enable-remote-control"):
        asked = "import json; from shop.celery import app; print(json.dumps(app.control.ping(timeout=1)))"
        wait("it does not answer", 60, lambda: str(ask(HOST, asked)).count("celerybeat@") > 1)
        yield


@contextmanager
def old_code() -> Iterator[None]:
    """The worker of a pool runs code that is in the checkout no more."""
    unit = units(HOST)["mails"]
    with added(TASKS, "\n\n@shared_task\ndef gone() -> None:\n    pass\n"):
        host(f"systemctl restart '{unit}'")
    yield
    host(f"systemctl restart '{unit}'")


def control(command: str) -> str:
    """Returns code that has a worker do something by remote control."""
    node = f"default.{units(HOST)['default'].partition('@')[2].removesuffix('.service')}@{HOST}"
    return f"from shop.celery import app; app.control.{command.format(node=[node])}"


@contextmanager
def by_remote_control(before: str, after: str) -> Iterator[None]:
    """Somebody changes a worker that runs."""
    with code(control(before), control(after)):
        yield


_PERIODIC = "from django_celery_beat.models import IntervalSchedule as I, PeriodicTask as P; "
_BY_HAND = "name='by hand', enabled=False, interval=I.objects.get_or_create(every=1, period='days')[0]"
_RESULTS = (
    "import json; from django_celery_results.models import TaskResult as T; "
    "print(json.dumps(T.objects.count()))"
)


@dataclass(frozen=True)
class Break:
    """Something that is broken, and what tells of it."""

    what: str
    broken: Callable[[], Any]
    rows: dict[str, str]
    #: Whether it is a warning alone.
    warns: bool = False


BREAKS = [
    Break(
        "a module of tasks that nothing imports",
        lambda: added(
            "/srv/shop/orders/jobs.py",
            "from celery import shared_task\n\n\n@shared_task\ndef f():\n    pass\n",
        ),
        {"tasks registered": "orders.jobs.f (orders/jobs.py:5) is not registered on"},
    ),
    Break(
        "a module of tasks that cannot be imported",
        lambda: added(
            "/srv/shop/orders/jobs.py",
            "from celery import shared_task\nimport nowhere_at_all\n\n\n@shared_task\ndef f():\n    pass\n",
        ),
        {"tasks registered": "orders.jobs cannot be imported: orders/jobs.py:2: ModuleNotFoundError"},
    ),
    Break("a worker of other code", old_code, {"no other tasks": "orders.tasks.gone is known to mails."}),
    Break(
        "a queue that somebody adds",
        lambda: by_remote_control(
            "add_consumer('more', destination={node}, reply=True)",
            "cancel_consumer('more', destination={node}, reply=True)",
        ),
        {"pools as declared": "consumes celery, more, and should celery"},
    ),
    Break(
        "a pool that somebody makes larger",
        lambda: by_remote_control(
            "pool_grow(1, destination={node}, reply=True)", "pool_shrink(1, destination={node}, reply=True)"
        ),
        {"pools as declared": "works at 3 tasks at once, and should at 2"},
    ),
    Break("a worker that somebody starts", stranger, {"whole fleet": "by@hand takes mails"}),
    Break(
        "an on_commit that does not wait",
        lambda: added(
            SETTINGS,
            "\nfrom django.db import transaction\n"
            "transaction.on_commit = lambda call, using=None, robust=False: call()\n",
        ),
        {"rolled-back transaction": "sent 2 tasks", "committed transaction": "2 of them too early"},
    ),
    Break("a second beat", second_beat, {"one beat answers": "each sends every periodic task"}),
    Break(
        "an entry of the admin for a task that nobody has",
        lambda: code(
            f"{_PERIODIC}P.objects.create({_BY_HAND}, task='of.nobody')",
            f"{_PERIODIC}P.objects.filter(name='by hand').delete()",
        ),
        {"schedule as declared": "by hand: no task of.nobody is registered"},
    ),
    Break(
        "an entry of the admin for a queue that nobody serves",
        lambda: code(
            f"{_PERIODIC}P.objects.create({_BY_HAND}, task='orders.tasks.ship', queue='lost')",
            f"{_PERIODIC}P.objects.filter(name='by hand').delete()",
        ),
        {"schedule as declared": "by hand goes to the queue lost, which no pool serves"},
    ),
    Break(
        "a declared entry that somebody changes",
        lambda: code(
            f"{_PERIODIC}r = P.objects.get(name='reminders'); r.task = 'orders.tasks.ship'; r.save()",
            f"{_PERIODIC}r = P.objects.get(name='reminders'); r.task = 'orders.tasks.remind'; r.save()",
        ),
        {"schedule as declared": "reminders is another one in the tables"},
    ),
    Break(
        "a limit that its unit does not wait for",
        lambda: added(TASKS, "\n\nship.time_limit = 5000\n"),
        {"limits fit": "orders.tasks.ship may run for 5000 s (its time_limit), but the unit of the pool"},
    ),
    Break(
        "a migration that waits",
        lambda: added(
            "/srv/shop/orders/migrations/0099_later.py",
            "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
            '    dependencies = [("orders", "0001_initial")]\n    operations = []\n',
        ),
        {"apps and tables migrated": "1 migrations are not applied, the first is orders.0099_later"},
    ),
    Break(
        "a setting that Celery does not know",
        lambda: added(SETTINGS, "\nCELERY_TASK_ROUTEZ = {}\n"),
        {"settings known": "Celery ignores CELERY_TASK_ROUTEZ"},
        warns=True,
    ),
    Break(
        "a secret in the source",
        lambda: added(SETTINGS, '\nEMAIL_HOST_PASSWORD = "a-secret-of-the-source"\n'),
        {"secrets kept": "has EMAIL_HOST_PASSWORD"},
        warns=True,
    ),
    Break(
        "a variable that nobody has filled in",
        lambda: added(SETTINGS, '\nimport os\nMAIL_KEY = os.environ["MAIL_KEY"]\n'),
        {"variables set": "MAIL_KEY is still a placeholder"},
    ),
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the report of a proof goes."""
    return tmp_path_factory.mktemp("proof") / "report.json"


def test_all_is_proven_at_first(file: Path) -> None:
    found = verify(file)
    assert found.code == 0, found.output
    assert {**found.of("failed"), **found.of("warning"), **found.of("not asked")} == {}
    rows = found.of("ok")
    assert "default." in rows["each node works"]
    assert "mails." in rows["each node works"]
    assert rows["errors come back"].startswith("ValueError in ")
    assert rows["whole fleet"].startswith("2 nodes of 1 host answer")
    # Which one is next depends on the time of the day.
    assert rows["schedule as declared"].startswith("3 periodic tasks; next ")
    assert rows["committed transaction"].startswith("sent its 2 tasks, done in ")
    # A table, and no JSON.
    assert "  ok      whole fleet " in found.output
    assert '"msg"' not in found.output


@pytest.mark.parametrize("case", BREAKS, ids=[case.what for case in BREAKS])
def test_what_is_broken_is_told_by_its_row_alone(case: Break, file: Path) -> None:
    more = [
        "--extra-vars",
        json.dumps({"celery_environment": {"ALLOWED_HOSTS": "*", "MAIL_KEY": "change-me"}}),
    ]
    with case.broken():
        found = verify(file, *(more if "variables set" in case.rows else []))
    told = found.of("warning" if case.warns else "failed")
    told.pop("last error", None)
    assert set(told) == set(case.rows), found.output
    for row, words in case.rows.items():
        assert words in told[row]
    assert (found.code == 0) is case.warns
    assert all(one["advice"] for one in found.checks if one["state"] in ("failed", "warning"))


def test_checks_can_be_chosen(file: Path) -> None:
    chosen = ["--extra-vars", json.dumps({"celery_verify_checks": ["tasks", "nodes"]})]
    found = verify(file, *chosen)
    assert [one["name"] for one in found.checks] == ["tasks registered", "each node works"]
    unknown = verify(file, "--extra-vars", json.dumps({"celery_verify_checks": ["task"]}))
    assert unknown.code != 0
    assert "settings, known_settings, variables" in " ".join(unknown.output.split())


def test_a_check_sends_nothing() -> None:
    before = ask(HOST, _RESULTS)
    found = play(SCENARIO / "inventory", "--check", "celeriac.django.verify")
    assert found.returncode == 0, found.stdout
    assert "whole fleet" in found.stdout
    assert "round trip" not in found.stdout
    assert ask(HOST, _RESULTS) == before


def test_all_is_proven_in_the_end(file: Path) -> None:
    found = verify(file)
    assert found.code == 0, found.output
    assert {**found.of("failed"), **found.of("warning")} == {}
