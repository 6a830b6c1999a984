# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sample tasks in real projects: their tests pass, and fail as soon as a pattern is broken."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .layouts.checkout import Checkout, differences, snapshot
from .layouts.virtualenvs import virtualenv
from .samples import MUTATIONS, PROJECTS, Mutation, Project

TOOLS = Path(sys.executable).parent
MORE = ("pytest-django>=4.11", "celery[redis]>=5.7,<6")


@pytest.fixture(scope="session", params=["5.2", "6.0"])
def django(request: pytest.FixtureRequest) -> Path:
    """The Python of a virtualenv with this series of Django, and pytest-django."""
    if request.param == "5.2":
        return virtualenv(request.param, Path(shutil.which("python3.11") or sys.executable), MORE)
    return virtualenv(request.param, request.getfixturevalue("newest_python"), MORE)


def integrated(project: Project, python: Path, folder: Path, **options: object) -> Checkout:
    """Return a checkout of a project with samples."""
    checkout = Checkout(project.layout(), project.build(folder), python)
    if project.files:
        run(checkout, "manage.py", "makemigrations", "subscriptions", settings=project.settings)
    checkout.look(project_sample_apps=list(project.apps), **options)
    checkout.integrate()
    return checkout


def run(checkout: Checkout, *arguments: str, settings: str = "", ok: bool = True) -> str:
    """Run Python in a checkout as a developer would, without a broker, and return what it said."""
    assert checkout.python is not None
    state = checkout.path.parent / "state"
    state.mkdir(exist_ok=True)
    environment = {
        "PATH": os.defpath,
        "SECRET_KEY": "samples_test",
        "PYTHONDONTWRITEBYTECODE": "1",
        "DJANGO_SETTINGS_MODULE": settings or checkout.project.settings,
        "CELERY_STATE_PATH": str(state),
        # A test that asks a broker would wait for nobody.
        "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
    }
    done = subprocess.run(
        [str(checkout.python), *arguments],
        cwd=checkout.base(),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert not ok or done.returncode == 0, done.stdout
    return done.stdout


def failed(output: str) -> set[str]:
    """Return the names of the tests that failed or raised."""
    return set(re.findall(r"^(?:FAIL|ERROR): (\w+)", output, re.MULTILINE))


@pytest.mark.parametrize("name", PROJECTS)
def test_samples_pass(name: str, django: Path, tmp_path: Path) -> None:
    """With manage.py test and pytest-django, and no broker; the project's own tests pass as before."""
    project = PROJECTS[name]
    checkout = integrated(project, django, tmp_path)
    output = run(checkout, "manage.py", "test")
    assert int(re.findall(r"Ran (\d+) tests", output)[0]) > 50, output
    assert "No changes detected" in run(checkout, "manage.py", "makemigrations", "--check", "--dry-run")
    by_pytest = run(checkout, "-m", "pytest", "-q", "-p", "no:cacheprovider", *project.tests)
    assert int(re.findall(r"(\d+) passed", by_pytest)[0]) > 50, by_pytest


@pytest.mark.parametrize("name", PROJECTS)
def test_samples_are_as_black_and_ruff_want_them(name: str, tmp_path: Path) -> None:
    """At their defaults, and with the imports sorted."""
    project = PROJECTS[name]
    checkout = Checkout(project.layout(), project.build(tmp_path), None)
    checkout.look(project_sample_apps=list(project.apps))
    outcome = checkout.integrate()
    made = [str(checkout.path / file) for file in outcome.files if re.search(r"tasks\.py|celery_", file)]
    made = [file for file in made if file.endswith(".py")]
    for tool in (
        ["black", "--check", "--diff", "--quiet"],
        ["ruff", "check", "--isolated", "--extend-select=I"],
    ):
        done = subprocess.run(
            [str(TOOLS / tool[0]), *tool[1:], *made],
            capture_output=True,
            text=True,
            check=False,
            cwd=checkout.base(),
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", PROJECTS)
def test_samples_go_to_the_byte(name: str, django: Path, tmp_path: Path) -> None:
    """A second run changes nothing; without the samples, or without anything, nothing of them is left."""
    project = PROJECTS[name]
    checkout = Checkout(project.layout(), project.build(tmp_path), django)
    before = snapshot(checkout.path)
    checkout.look()
    checkout.integrate()
    plain = snapshot(checkout.path)
    checkout.look(project_sample_apps=list(project.apps))
    assert checkout.integrate().files
    checkout.look(project_sample_apps=list(project.apps))
    again = checkout.integrate()
    assert not again.files
    assert not again.kept
    checkout.look()
    checkout.integrate()
    shutil.rmtree(checkout.path / ".celery", ignore_errors=True)
    assert not differences(plain, snapshot(checkout.path))
    checkout.remove()
    assert not differences(before, snapshot(checkout.path))


def test_what_is_there_stays(tmp_path: Path) -> None:
    """A tasks.py of the project's is left alone, and said so; so is a sample that somebody edited."""
    project = PROJECTS["store"]
    checkout = Checkout(project.layout(), project.build(tmp_path), None)
    checkout.look(project_sample_apps=list(project.apps))
    checkout.integrate()
    busy = checkout.base() / "store/apps/busy"
    assert (busy / "tasks.py").read_text() == "# Whatever stood here stays.\n"
    assert not (busy / "test_tasks.py").exists()
    (note,) = [text for text in checkout.deployment.run.notes if "busy" in text]
    assert "src/store/apps/busy/tasks.py is there already" in note
    tasks = checkout.base() / "store/apps/reports/tasks.py"
    tests = tasks.with_name("test_tasks.py")
    tests.unlink()
    mine = tasks.read_text() + "\n\ndef mine():\n    pass\n"
    tasks.write_text(mine)
    for apps in (list(project.apps), []):
        checkout.look(project_sample_apps=apps)
        checkout.integrate()
        assert tasks.read_text() == mine
        assert not tests.exists()
        # It is built on these.
        assert "class Item(" in (checkout.base() / "config/celery_records/models.py").read_text()
    assert not (checkout.base() / "store/apps/subscriptions/tasks.py").exists()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, newest_python: Path) -> Checkout:
    """The example project with samples, to break copies of."""
    folder = tmp_path_factory.mktemp("whole")
    return integrated(PROJECTS["shop"], virtualenv("6.0", newest_python, MORE), folder)


@pytest.fixture
def broken(whole: Checkout, tmp_path: Path) -> Callable[[str, str, str], Checkout]:
    """Makes a copy with another text in a file of the samples."""

    def build(file: str, old: str, new: str) -> Checkout:
        top = Path(shutil.copytree(whole.path, tmp_path / "shop"))
        places = {
            "tasks": top / "orders/tasks.py",
            "records_tasks": top / "shop/celery_records/tasks.py",
        }
        place = places.get(file, top / f"shop/celery_records/{file}.py")
        text = place.read_text()
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {place.name}"
        place.write_text(text.replace(old, new))
        changed = Checkout(whole.layout, top, whole.python)
        changed.project = whole.project
        return changed

    return build


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_broken_pattern_is_found(mutation: Mutation, broken: Callable[[str, str, str], Checkout]) -> None:
    """The test that says what a pattern promises fails without it."""
    checkout = broken(mutation.file, mutation.old, mutation.new)
    output = run(checkout, "manage.py", "test", "orders.test_tasks", "shop.celery_records", ok=False)
    assert "Ran " in output, output
    assert mutation.test in failed(output), output


def test_every_test_of_the_samples_is_proven(whole: Checkout) -> None:
    """No test of the samples is one that nothing makes fail."""
    there: set[str] = set()
    for file in ("orders/test_tasks.py", "shop/celery_records/test_records.py"):
        there |= set(re.findall(r"def (test_\w+)", (whole.path / file).read_text()))
    assert there == {mutation.test for mutation in MUTATIONS}


#: Runs before the lines of a step, in a process of its own.
_SETUP = """
import os, signal, sys
sys.path.insert(0, ".")
import django
django.setup()
import shop.celery
from unittest import mock
from orders import tasks
from orders.models import Order
from shop.celery_records import outbox
from shop.celery_records.models import Job, Outgoing
from shop.celery_records.testing import make
def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)
"""
#: What a team might book: in the database, and killed in the middle of it the first time.
_BOOK = """
    import os, signal, uuid
    Job.objects.create(key=f"effect {uuid.uuid4()}")
    if not os.path.exists("killed"):
        open("killed", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def step(checkout: Checkout, url: str, lines: str) -> tuple[int, str]:
    """Run lines in a process of the project, and return its status and what it printed."""
    done = subprocess.run(
        [str(checkout.python), "-c", _SETUP + lines],
        cwd=checkout.base(),
        env=real(checkout, url),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout.strip()


def real(checkout: Checkout, url: str) -> dict[str, str]:
    """Return an environment with a broker."""
    return {
        "PATH": os.defpath,
        "SECRET_KEY": "samples_test",
        "DJANGO_SETTINGS_MODULE": checkout.project.settings,
        "CELERY_STATE_PATH": str(checkout.path.parent),
        "CELERY_BROKER_URL": url,
    }


def test_killed_between_any_two_steps(newest_python: Path, redis: str, tmp_path: Path) -> None:
    """By SIGKILL, with a broker and a worker: nothing is lost, and nothing is done twice."""
    url = f"{redis}/7"
    python = virtualenv("6.0", newest_python, MORE)
    checkout = integrated(PROJECTS["shop"], python, tmp_path, broker_url=url)
    tasks = checkout.path / "orders/tasks.py"
    place = '    logger.info("booked", extra={"pk": instance.pk})\n'
    assert place in tasks.read_text()
    tasks.write_text(tasks.read_text().replace(place, _BOOK))
    run(checkout, "manage.py", "migrate", "-v0")
    count = "print(Order.objects.count(), Outgoing.objects.count())"
    # In the transaction, before the commit: neither the order nor its task is there.
    put = "with mock.patch.object(outbox, '{}', die):\n    tasks.save_for_sure({})"
    assert step(checkout, url, "make(Order)\n" + put.format("put", "Order.objects.get()"))[0] == -9
    assert step(checkout, url, count) == (0, "1 0")
    # After the commit, before the task is sent: it waits in the outbox.
    assert step(checkout, url, put.format("send_waiting", "Order.objects.get()"))[0] == -9
    assert step(checkout, url, count) == (0, "1 1")
    # Sent, and killed before that is written down: it is sent again, with the same id.
    assert (
        step(checkout, url, "with mock.patch.object(Outgoing, 'delete', die): outbox.send_waiting()")[0] == -9
    )
    assert step(checkout, url, count) == (0, "1 1")
    assert step(checkout, url, "outbox.send_waiting()")[0] == 0
    assert step(checkout, url, count) == (0, "1 0")
    # The process that does the work is killed in its transaction, and then there are two messages of it.
    worker = subprocess.Popen(
        [str(python), "-m", "celery", "-A", "shop", "worker", "--concurrency=1", "-l", "INFO"],
        cwd=checkout.base(),
        env=real(checkout, url),
        stdout=(tmp_path / "worker.log").open("w"),
        stderr=subprocess.STDOUT,
    )
    try:
        deadline = time.monotonic() + 90
        while len(re.findall(r"book_once\[.*succeeded", (tmp_path / "worker.log").read_text())) < 2:
            assert time.monotonic() < deadline, (tmp_path / "worker.log").read_text()
            time.sleep(0.2)
    finally:
        worker.terminate()
        worker.wait(30)
    log = (tmp_path / "worker.log").read_text()
    assert (checkout.path / "killed").exists()
    effects = "print(Job.objects.filter(key__startswith='effect').count())"
    assert step(checkout, url, effects) == (0, "1"), log


def test_a_failure_in_a_chord_is_told(newest_python: Path, redis: str, tmp_path: Path) -> None:
    """By a worker, with results in the database: the error callback runs, and the last step does not."""
    url = f"{redis}/8"
    python = virtualenv("6.0", newest_python, MORE)
    checkout = integrated(PROJECTS["shop"], python, tmp_path, broker_url=url)
    tasks = checkout.path / "orders/tasks.py"
    place = "    return 0 if find(pk) is None else 1\n"
    assert place in tasks.read_text()
    tasks.write_text(tasks.read_text().replace(place, "    return 1 if pk else pk['not a dict']\n"))
    run(checkout, "manage.py", "migrate", "-v0")
    assert (
        step(checkout, url, "tasks.all_together([1, 1, 0]).delay()\ntasks.all_together([1, 2]).delay()")[0]
        == 0
    )
    log = tmp_path / "worker.log"
    worker = subprocess.Popen(
        [str(python), "-m", "celery", "-A", "shop", "worker", "--concurrency=1", "-l", "INFO"],
        cwd=checkout.base(),
        env=real(checkout, url),
        stdout=log.open("w"),
        stderr=subprocess.STDOUT,
    )
    try:
        deadline = time.monotonic() + 60
        while not ("not counted" in log.read_text() and re.search(r"report\[.*succeeded", log.read_text())):
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        time.sleep(2)
    finally:
        worker.terminate()
        worker.wait(30)
    assert len(re.findall(r"tasks\.report\[.*succeeded", log.read_text())) == 1
