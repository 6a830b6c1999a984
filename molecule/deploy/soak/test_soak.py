# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes longer than the scenario's own tests: bad code, migrations and secrets, kills, and power.

For each there are lines as for the faults of other scenarios: of each queue, what was sent, done, lost, and
done twice; and the requests, and how many failed.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest
from lab.deploys import (
    FRESH,
    HOSTS,
    INVENTORY,
    SERVER,
    STATES,
    Trial,
    begin,
    begin_again,
    commit,
    deploy,
    git,
    good,
    refused,
    released,
    runs,
    tasks,
    urls,
)
from lab.hosts import booted, run, wait
from lab.playbooks import flat, play

#: How many kills of a controller; each with a seed of its own, which is printed.
KILLS = int(os.environ.get("CELERIAC_KILLS", "10"))
#: Seconds of a deploy within which they come.
LONGEST = 70
LATE = """@shared_task
def late(seconds: float) -> str:
    time.sleep(seconds)
    from . import {0}
    return {0}.WORD
"""


@pytest.fixture(scope="module", autouse=True)
def _start() -> None:
    git("tag", "--force", "start")
    commit("A task that comes", load__tasks=tasks(FRESH))
    good()
    assert deploy().returncode == 0


@pytest.fixture(autouse=True)
def _load(request: pytest.FixtureRequest) -> Iterator[None]:
    begin_again()
    if request.node.get_closest_marker("usefixtures"):
        yield
        return
    with contextlib.ExitStack() as stack:
        stack.enter_context(Trial(request.node.name.removeprefix("test_")).goes_on(1800))
        yield


@pytest.fixture
def _alone() -> None:
    """No load: the host that sends it goes down."""


def settled() -> str:
    """Return what the fleet runs, empty while that is not one release."""
    try:
        return runs()
    except (AssertionError, RuntimeError):
        return ""


def test_a_second_deploy_changes_nothing_that_runs() -> None:
    """The same commit is the same release, and the same generation."""
    units = [run(host, STATES) for host in HOSTS]
    done = deploy()
    assert done.returncode == 0, done.stdout[-3000:]
    assert [run(host, STATES) for host in HOSTS] == units


def test_code_that_cannot_be_imported() -> None:
    commit("An import error", load__tasks=tasks(f"{FRESH}\n\nimport nowhere_to_be_found\n"))
    refused("nowhere_to_be_found")


def test_settings_that_do_not_load() -> None:
    settings = git("show", "HEAD:shop/settings/production.py")
    commit("Bad settings", shop__settings__production=settings + "\nraise ValueError('no such setting')\n")
    refused("no such setting")


def test_a_migration_that_fails() -> None:
    commit(
        "A failing migration",
        load__migrations__0002_fails=(
            "from django.db import migrations\n\n\ndef fail(apps, schema_editor):\n"
            "    raise RuntimeError('the rows are not as they should be')\n\n\n"
            "class Migration(migrations.Migration):\n    dependencies = [('load', '0001_initial')]\n"
            "    operations = [migrations.RunPython(fail)]\n"
        ),
    )
    refused("the rows are not as they should be")


def test_a_page_that_fails() -> None:
    """A site that answers with 500 gets no request, and all workers get their old generation back."""
    commit(
        "A page that fails",
        shop__urls=urls(
            "def broken(request, *a, **k):\n    raise RuntimeError('the page is broken')\n\n\n"
            "urlpatterns.insert(0, path('', broken))\n"
        ),
    )
    refused("celeriac-deploy1: shop-web@", "answered GET / with 500", "the page is broken")


def test_secrets_that_are_wrong() -> None:
    """The broker refuses them; what runs, and what starts again, has its own."""
    before = runs()
    refused("does not answer", arguments=("-e", f"celery_broker_url=redis://:wrong@{SERVER}:6379/0"))
    run(HOSTS[1], "systemctl kill --signal=KILL 'shop-worker-*'")
    wait("the workers are not back", 60, lambda: settled() == before)


def test_a_task_that_imports_late_ends_with_its_own_code() -> None:
    """It sleeps while its release is replaced, and then imports a module that the new one lacks."""
    commit("A late import", load__tasks=tasks(FRESH + LATE.format("first")), load__first='WORD = "first"\n')
    assert deploy().returncode == 0
    send = (
        "from celery import current_app as a; "
        "a.send_task('load.tasks.late', (120.0,), queue='late', task_id='late')"
    )
    run(HOSTS[0], f'shop-manage shell -v 0 -c "{send}"')
    git("rm", "--quiet", "load/first.py")
    commit("Another", load__tasks=tasks(FRESH + LATE.format("second")), load__second='WORD = "second"\n')
    good()
    assert deploy().returncode == 0
    ask = "from celery.result import AsyncResult as R; print(R('late').get(timeout=200, propagate=False))"
    assert run(HOSTS[0], f'shop-manage shell -v 0 -c "{ask}"') == "first"


def test_kills_of_the_controller() -> None:
    """At random moments; the next deploy finishes or undoes it, and nothing is lost."""
    for number in range(KILLS):
        seed = int(time.time())
        wanted = commit(f"Kill {number}", load__tasks=tasks(FRESH.replace("1", str(number + 10))))
        good()
        process = begin("TASK [")
        chance = random.Random(seed)  # noqa: S311 - for a moment, not for a secret
        after = chance.uniform(0, LONGEST)
        deadline, last = time.monotonic() + after, ""
        assert process.stdout
        for line in process.stdout:
            last = line.strip() if line.startswith("TASK") else last
            if time.monotonic() > deadline:
                break
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        print(f"kill {number}: seed {seed}, after {after:.0f} s, in {last.strip(' *')}")
        done = deploy()
        assert done.returncode == 0, done.stdout[-3000:]
        assert runs().endswith(wanted[:10])


def power(host: str, on: bool) -> None:
    """Switch a host off or on, as by its power."""
    action = ["podman", "start" if on else "kill", host]
    subprocess.run(action, check=True, capture_output=True)
    if on:
        wait("the host does not boot", 120, lambda: booted(host))


@pytest.mark.usefixtures("_alone")
def test_a_host_that_is_switched_off_in_the_roll() -> None:
    """The others go back; when it is there again, the next deploy has all of it."""
    before = runs()
    wanted = commit("While a host goes", load__tasks=tasks(FRESH.replace("1", "3")))
    process = begin("Batch | Roll")
    power(HOSTS[1], False)
    assert process.stdout
    told = process.stdout.read()
    assert process.wait() != 0
    assert "celeriac-deploy2" in told[told.rindex("Undo | Say why it failed") :]
    assert released(HOSTS[0]) == {before}
    power(HOSTS[1], True)
    wait("the workers are not back", 120, lambda: len(released(HOSTS[1])) == 1)
    good()
    done = deploy()
    assert done.returncode == 0, done.stdout[-3000:]
    assert runs().endswith(wanted[:10])


@pytest.mark.usefixtures("_alone")
def test_a_reboot_after_a_failed_deploy() -> None:
    """The old code runs on all hosts."""
    before = runs()
    commit(
        "Not ready",
        load__tasks=tasks(f"{FRESH}\n\nif '--hostname' in str(sys.argv):\n    raise RuntimeError('no')\n"),
    )
    refused("did not get ready")
    for host in HOSTS:
        subprocess.run(["podman", "restart", host], check=True, capture_output=True)
    for host in HOSTS:
        wait("the host does not boot", 120, lambda host=host: booted(host))
    wait("the old code does not run", 120, lambda: settled() == before)


def test_back_over_a_migration_that_older_code_cannot_bear() -> None:
    """It is refused, unless told to; the migration stays."""
    commit(
        "A migration that drops",
        load__migrations__0002_drops=(
            "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
            "    dependencies = [('load', '0001_initial')]\n"
            "    operations = [migrations.RunSQL(\n"
            "        'ALTER TABLE load_done ADD COLUMN x int; ALTER TABLE load_done DROP COLUMN x')]\n"
        ),
    )
    before = runs()
    refused("load/migrations/0002_drops.py")
    allowed = ("-e", "celery_release_migrations=allow")
    assert deploy(*allowed).returncode == 0
    now = runs()
    assert now != before
    done = play(INVENTORY, "celeriac.django.rollback")
    assert done.returncode != 0
    assert "the database has load.0002_drops, which this release lacks" in flat(done.stdout)
    assert runs() == now
    done = play(INVENTORY, *allowed, "celeriac.django.rollback")
    assert done.returncode == 0, done.stdout[-3000:]
    assert runs() == before
