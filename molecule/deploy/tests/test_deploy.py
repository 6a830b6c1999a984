# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploys, good and bad ones, under tasks and requests: nothing is lost, and the fleet is on one release.

The tests change the same hosts, one after the other. What takes longer is in `make soak SOAK=deploy`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator

import pytest
from lab.deploys import (
    FRESH,
    HOSTS,
    INVENTORY,
    STATES,
    Trial,
    begin,
    begin_again,
    commit,
    deploy,
    git,
    good,
    refused,
    runs,
    tasks,
)
from lab.hosts import run
from lab.load import Load
from lab.playbooks import flat, play


@pytest.fixture(scope="module", autouse=True)
def load(request: pytest.FixtureRequest) -> Iterator[Load]:
    """The load of both kinds, for the time of all tests; what became of it is always printed."""
    git("tag", "--force", "start")
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with contextlib.ExitStack() as stack:
        stack.callback(capture.resume_global_capture)
        found = stack.enter_context(Trial("deploys").goes_on(1200))
        stack.callback(capture.suspend_global_capture)
        yield found


@pytest.fixture(autouse=True)
def _from_the_start() -> None:
    begin_again()


def test_a_good_deploy_after_a_controller_that_was_killed() -> None:
    """Of two at once, the second is refused. When the first is killed in the roll, the next one finishes.

    Then the new code runs everywhere, and what was built belongs to root.
    """
    before = runs()
    wanted = commit("A new task", load__tasks=tasks(FRESH))
    good()
    first = begin("Roll | Prove it on this host")
    second = deploy()
    assert second.returncode != 0
    assert "Another run changes /srv/shop" in flat(second.stdout)
    assert first.poll() is None, "the first has ended meanwhile"
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    done = deploy()
    assert done.returncode == 0, done.stdout[-3000:]
    now = runs()
    assert now != before
    assert now.endswith(wanted[:10])
    assert "load.tasks.fresh" in done.stdout
    for host in HOSTS:
        writable = f"find /srv/shop/releases/{now} ! -type l '(' ! -user root -o -perm /022 ')' -print -quit"
        assert run(host, writable) == ""
        assert run(host, f"ls -d /srv/shop/releases/{now}/staticfiles")
        assert run(host, "test -e /etc/shop-celery/next && echo there", check=False) == ""


def test_a_command_of_the_build_that_fails() -> None:
    """Nothing that runs is touched."""
    units = [run(host, STATES) for host in HOSTS]
    refused("exit 3: status 3", arguments=("-e", '{"celery_release_build": ["exit 3"]}'))
    assert units == [run(host, STATES) for host in HOSTS]


def test_what_older_code_cannot_bear_and_a_task_that_waits() -> None:
    """Both are told at once: the file and the operation; the task, the queue and how often."""
    command = "shop-celery -q control --timeout 5"
    send = (
        "from celery import current_app as app; "
        "[app.send_task('load.tasks.fresh', queue='late') for _ in range(3)]"
    )
    run(HOSTS[0], f"{command} cancel_consumer late")
    try:
        run(HOSTS[0], f'shop-manage shell -v 0 -c "{send}"')
        commit(
            "Without the task, and a column less",
            load__tasks=tasks(),
            load__migrations__0002_unsafe=(
                "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
                "    dependencies = [('load', '0001_initial')]\n"
                "    operations = [migrations.RemoveField('done', 'worker')]\n"
            ),
        )
        refused(
            "the task load.tasks.fresh, which this release does not know, waits 3 times in the queue late",
            "load/migrations/0002_unsafe.py: Remove field worker from done",
        )
    finally:
        run(HOSTS[0], f"{command} add_consumer late")


def test_a_worker_that_does_not_get_ready_on_the_second_host(load: Load) -> None:
    """The first host, which has the new generation by then, gets the old one back."""
    load.more(5, 2)
    commit(
        "Not ready on one host",
        load__tasks=tasks(
            f"{FRESH}\n\nif socket.gethostname() == 'celeriac-deploy2' and '--hostname' in str(sys.argv):\n"
            "    raise RuntimeError('not on this host')\n"
        ),
    )
    told = refused("celeriac-deploy2: shop-worker-", "did not get ready", "not on this host")
    undone = told[told.rindex("Undo | Let the workers be what they were") :]
    assert "changed: [celeriac-deploy1]" in undone


def test_back_and_the_log() -> None:
    """To the release that was proven before, not to one of those that failed since; the log has it all."""
    begun = time.monotonic()
    done = play(INVENTORY, "celeriac.django.rollback")
    print(f"rollback ended after {time.monotonic() - begun:.0f} s")
    assert done.returncode == 0, done.stdout[-3000:]
    assert runs().endswith(git("rev-parse", "good~1")[:10])
    told = play(INVENTORY, "celeriac.django.releases").stdout
    assert "rollback done" in told
    assert "deploy failed" in told
    assert "never proven" in told
