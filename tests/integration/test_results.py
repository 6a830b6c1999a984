# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results in real projects: what is refused, what comes back as it was, and how old ones go."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import check, migrate
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions.deployment import DeploymentError

from .layouts.checkout import Checkout
from .layouts.virtualenvs import virtualenv
from .samples import PROJECTS

SETTINGS = "shop/settings/base.py"
BACKEND = "django.core.cache.backends"


@pytest.fixture(scope="session")
def python() -> Path:
    """The Python of a virtualenv with Django and what is installed with it."""
    return virtualenv("5.2", Path(shutil.which("python3.11") or sys.executable))


@pytest.fixture
def checkout(python: Path, tmp_path: Path) -> Checkout:
    """A checkout of the example project."""
    project = PROJECTS["shop"]
    return Checkout(project.layout(), project.build(tmp_path), python)


def append(checkout: Checkout, name: str, text: str) -> int:
    """Add lines to a file, and return the number of the last one."""
    file = checkout.path / name
    content = (file.read_text() if file.exists() else "") + text
    file.write_text(content)
    return content.count("\n")


@pytest.fixture
def problems(checkout: Checkout) -> Callable[..., list[str]]:
    """Integrates with a result backend, and returns what the running project says of it."""

    def problems(backend: str, several_hosts: bool = False) -> list[str]:
        checkout.look(result_backend=backend)
        checkout.integrate()
        results = {"backend": backend, "several_hosts": several_hosts}
        job = {"app": checkout.deployment.code.app, "results": results}
        return [problem["text"] for problem in checkout.inside().run(check, job)["problems"]]

    return problems


@pytest.mark.parametrize(
    ("caches", "several_hosts", "says"),
    [
        ("", False, r"CACHES['default'] (LocMemCache) is seen by no other process"),
        (
            f"CACHES = dict(default=dict(BACKEND='{BACKEND}.dummy.DummyCache'))\n",
            False,
            "(DummyCache) is seen",
        ),
        (
            f"CACHES = dict(default=dict(BACKEND='{BACKEND}.filebased.FileBasedCache', LOCATION='/none'))\n",
            True,
            "is a folder on each host",
        ),
        (
            f"CACHES = dict(default=dict(BACKEND='{BACKEND}.db.DatabaseCache', LOCATION='no_such_table'))\n",
            False,
            "does not work: OperationalError: no such table",
        ),
    ],
)
def test_a_cache_that_cannot_hold_results(
    caches: str, several_hosts: bool, says: str, checkout: Checkout, problems: Callable[..., list[str]]
) -> None:
    """The project itself says so, also where the settings compute it."""
    append(checkout, SETTINGS, caches)
    (text,) = problems("django-cache", several_hosts)
    assert text.startswith("celery_result_backend is django-cache, and ")
    assert says in text


def test_a_cache_that_can(checkout: Checkout, problems: Callable[..., list[str]], tmp_path: Path) -> None:
    """A folder is seen by all processes of one host."""
    cache = f"BACKEND='{BACKEND}.filebased.FileBasedCache', LOCATION='{tmp_path}/cache'"
    append(checkout, SETTINGS, f"CACHES = dict(default=dict({cache}))\n")
    assert problems("django-cache") == []


def test_a_database_that_is_a_file(problems: Callable[..., list[str]]) -> None:
    """Of one host, and of no other."""
    assert problems("django-db") == []
    (text,) = problems("django-db", several_hosts=True)
    assert "SQLite, a file on each of several hosts" in text


def test_a_chord_needs_results(checkout: Checkout) -> None:
    """The place is named, and nothing was changed."""
    line = append(
        checkout, "orders/work.py", "from celery import chord\n\n\ndef go(a, b):\n    chord(a)(b)\n"
    )
    with pytest.raises(DeploymentError, match=rf"chord\(…\) in orders/work\.py:{line}"):
        checkout.look(result_backend="none")
    checkout.look(result_backend="redis", broker_url="redis://redis.example/0")


def test_who_reads_results_that_nobody_keeps_is_warned(checkout: Checkout) -> None:
    """A view that waits for a task of its own, with no import of Celery."""
    text = (
        "from .tasks import total\n\n\ndef view(request):\n    sent = total.delay(1)\n    return sent.get()\n"
    )
    line = append(checkout, "orders/api.py", text)
    checkout.look(result_backend="none")
    (warning,) = (text for text in checkout.warnings if "reads results" in text)
    assert f"sent.get in orders/api.py:{line}" in warning
    checkout.look(result_backend="django-db")
    assert not any("reads results" in text for text in checkout.warnings)


def test_a_memory_that_others_do_not_see(checkout: Checkout) -> None:
    """Where the settings say so in so many words, nothing has to run."""
    append(checkout, SETTINGS, f'CACHES = {{"default": {{"BACKEND": "{BACKEND}.locmem.LocMemCache"}}}}\n')
    with pytest.raises(DeploymentError, match="in the memory of one process"):
        checkout.look(result_backend="django-cache")


def run(checkout: Checkout, script: str) -> Any:
    """Run lines of Python in the project, and return what they print as JSON."""
    done = subprocess.run(
        [str(checkout.python), "-c", "import django, json; django.setup()\n" + script],
        cwd=checkout.base(),
        env={
            "PATH": os.defpath,
            "SECRET_KEY": "results_test",
            "DJANGO_SETTINGS_MODULE": checkout.project.settings,
            "CELERY_BROKER_URL": "memory://",
            "CELERY_STATE_PATH": str(checkout.path.parent / "state"),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


_OLD = """
from datetime import timedelta
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_results.models import GroupResult, TaskResult
from shop.celery import app

def make(model, field, number, age):
    model.objects.bulk_create(model(**{field: f"{age}-{n}"}) for n in range(number))
    then = timezone.now() - timedelta(days=age)
    model.objects.filter(**{f"{field}__startswith": f"{age}-"}).update(date_done=then)

make(TaskResult, "task_id", 1201, 3)
make(TaskResult, "task_id", 3, 1)
make(GroupResult, "group_id", 501, 3)
make(GroupResult, "group_id", 2, 1)
with CaptureQueriesContext(connection) as queries:
    app.backend.cleanup()
deleted = [q["sql"] for q in queries if q["sql"].startswith("DELETE")]
print(json.dumps([
    TaskResult.objects.count(), GroupResult.objects.count(),
    len(deleted), max(sql.count(",") + 1 for sql in deleted),
]))
"""


def test_old_results_go_in_small_steps(checkout: Checkout) -> None:
    """All that is older, nothing else, and never many rows in one transaction; in SQLite, too."""
    checkout.look(result_expires="2d")
    checkout.integrate()
    checkout.deployment.inside.environment["CELERY_STATE_PATH"] = ""
    checkout.inside().run(migrate, {"databases": [], "check": False, "timeout": 10, "forks": False})
    tasks, groups, deletes, most = run(checkout, _OLD)
    assert (tasks, groups) == (3, 2)
    # Three times of tasks, twice of groups. Outside of atomic(), each is a transaction of its own.
    assert (deletes, most) == (5, 500)


def test_results_that_never_go(checkout: Checkout) -> None:
    """Then beat sends no clean-up."""
    checkout.look(result_expires="never")
    checkout.integrate()
    script = "from shop.celery import app; print(json.dumps([app.conf.result_expires, app.backend.expires]))"
    assert run(checkout, script) == [None, None]


_MESSAGES = """
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.translation import gettext_lazy
from kombu.utils.json import dumps, loads
from shop.celery import app
app.finalize()
values = [
    datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=timezone.utc), date(2026, 1, 2), time(3, 4, 5),
    timedelta(days=-1, seconds=5, microseconds=7), Decimal("1.10"),
    UUID("12345678123456781234567812345678"), gettext_lazy("yes"),
]
back = loads(dumps(values))
print(json.dumps([back == values, [type(value).__name__ for value in back],
                  json.loads(json.dumps(values, cls=DjangoJSONEncoder)) is not None]))
"""


def test_messages_hold_what_djangos_encoder_knows(checkout: Checkout) -> None:
    """Each comes back as what it was; a lazy text as a text."""
    checkout.look()
    checkout.integrate()
    same, types, known = run(checkout, _MESSAGES)
    assert (same, known) == (True, True)
    assert types == ["datetime", "date", "time", "timedelta", "Decimal", "UUID", "str"]
    app = checkout.path / "shop/celery.py"
    app.write_text(app.read_text().replace("json_types.register()\n", ""))
    with pytest.raises(AssertionError, match="not JSON serializable"):
        run(checkout, _MESSAGES)
