# SPDX-License-Identifier: GPL-3.0-or-later
"""The deployment works: asked of the running system."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import pytest
from lab import canaries
from lab.hosts import PYTHON, in_project

CONFIG = "/etc/shop-celery"
CANARY = "shop.celery_ops.tasks.canary"
SECRETS = ("shop_molecule_password", "redis_molecule_password", "shop_molecule_secret_key")


def project(host: Any, command: str) -> str:
    """Run a command in the checkout, as the service's user with the service's environment."""
    done = host.run("bash -c %s", in_project(f"bash -c {shlex.quote(command)}"))
    assert done.rc == 0, done.stderr
    return str(done.stdout)


def unit(host: Any, name: str, *properties: str) -> dict[str, str]:
    """Return properties of a unit."""
    flags = " ".join(f"-p {key}" for key in properties)
    lines = host.check_output(f"systemctl show {flags} {name}").splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def worker(host: Any) -> str:
    """The one unit of the pool, with its generation."""
    listed = host.check_output(
        "systemctl list-units --plain --no-legend --state=active 'shop-worker-default@*.service'"
    )
    units = [line.split()[0] for line in listed.splitlines()]
    assert len(units) == 1
    return str(units[0])


def test_units(host: Any, worker: str) -> None:
    """Worker and beat run, are enabled, tell when they are ready, and are watched."""
    for name in (worker, "shop-beat.service"):
        found = unit(host, name, "ActiveState", "Type", "NRestarts", "StatusText", "Slice", "WatchdogUSec")
        assert found["ActiveState"] == "active"
        assert found["Type"] == "notify"
        assert found["NRestarts"] == "0"
        assert found["StatusText"] in ("Consuming", "Scheduling")
        assert found["Slice"] == "shop-celery.slice"
        assert found["WatchdogUSec"] == "1min"
        assert host.run(f"systemctl is-enabled {name}").stdout.strip() == "enabled"
    assert unit(host, worker, "KillMode")["KillMode"] == "mixed"
    assert host.run("systemctl is-enabled shop-celery.target").stdout.strip() == "enabled"


def test_autodiscovery(host: Any, worker: str) -> None:
    """The running worker knows the task of the source."""
    answer = json.loads(project(host, f"{PYTHON} manage.py celery inspect registered --json"))
    generation = re.search(r"@(\w+)\.service", worker)
    assert generation
    assert list(answer) == [f"default.{generation.group(1)}@{host.check_output('hostname')}"]
    assert any(CANARY in tasks for tasks in answer.values())


def test_round_trip(host: Any) -> None:
    """A task goes to the worker, and its result comes back through PostgreSQL."""
    code = (
        "from celery import current_app as app; "
        "result = app.tasks['celery.accumulate'].delay(19, 23, index=1); "
        "print('result:', result.get(timeout=20)); result.forget()"
    )
    assert "result: 23" in project(host, f'{PYTHON} manage.py shell -v 0 -c "{code}"')


def test_the_journal_knows_tasks(host: Any) -> None:
    """What is logged of a task is found by its id, and a traceback is one entry."""
    code = (
        "from celery import current_app as app; "
        "result = app.tasks['celery.accumulate'].delay(19, index=1); "
        "result.get(timeout=20, propagate=False); print('id:', result.id); result.forget()"
    )
    found = re.search(r"id: (\S+)", project(host, f'{PYTHON} manage.py shell -v 0 -c "{code}"'))
    assert found
    lines = host.check_output(f"journalctl --sync; journalctl -q -o json CELERY_TASK_ID={found[1]}")
    received, failed = map(json.loads, lines.splitlines())
    assert (received["PRIORITY"], failed["PRIORITY"]) == ("6", "3")
    assert failed["CELERY_TASK_NAME"] == "celery.accumulate"
    assert failed["MESSAGE"].splitlines()[-1].startswith("IndexError")
    # The journal has the time itself, and nobody asks which of the pool's processes it was.
    assert received["MESSAGE"] == f"Task celery.accumulate[{found[1]}] received"


def test_the_journal_is_for_people(host: Any, worker: str) -> None:
    """What the proof sends each minute is in no line."""
    lines = host.check_output(f"journalctl --sync; journalctl -q -o cat -u {worker} -u shop-beat")
    assert re.search(r"^Task celery.accumulate\S+ succeeded in [0-9]+\.[0-9]{3}s", lines, re.MULTILINE)
    assert not re.search(rf"{CANARY}\S* (received|succeeded)|Sending due task \S+ \({CANARY}", lines)


def test_celery_command(host: Any) -> None:
    """The worker and beat answer to `celery -A` too."""
    answer = project(host, "/var/lib/shop-celery/venv/bin/celery -A shop inspect ping")
    assert "default." in answer
    assert "celerybeat@" in answer


def test_django_checks(host: Any) -> None:
    """Django finds nothing wrong with the integrated project."""
    assert "no issues" in project(host, f"{PYTHON} manage.py check")


def test_secrets_are_for_the_service_alone(host: Any, worker: str) -> None:
    """One file has them, which root alone can read, and they are nowhere else."""
    file = host.file(f"{CONFIG}/secrets")
    assert (file.user, file.group, file.mode) == ("root", "root", 0o600)
    assert all(secret in file.content_string for secret in SECRETS)
    assert host.run(f"sudo -u nobody cat {CONFIG}/secrets").rc != 0
    visible = (
        host.check_output("ps axww -o args")
        + host.check_output(f"journalctl --no-pager -u {worker} -u shop-beat")
        + host.check_output(f"systemctl show {worker} shop-beat")
        + host.check_output("grep -r . /srv/shop /etc/systemd/system --exclude-dir=.git")
    )
    for secret in SECRETS:
        assert secret not in visible
    # The other two are with the servers that the scenario has set up.
    assert canaries.spread(host.backend.name, {"SECRET_KEY": SECRETS[-1]}, [canaries.SHOP]) == []


def test_service_user_owns_its_state_alone(host: Any) -> None:
    """The code and the packages are not the service's to change."""
    owned = host.check_output("find / -xdev -user shop -not -path '/proc/*' -not -path '/tmp/*'")
    assert all(path.startswith("/var/lib/shop-celery/run") for path in owned.splitlines()), owned


def test_commands_for_people(host: Any) -> None:
    """They run as the user of the services, with the services' environment, and pass exit codes on."""
    whoami = "import getpass, os; print(getpass.getuser(), os.getcwd(), os.getuid() == os.geteuid() != 0)"
    said = host.check_output("shop-manage shell --verbosity 0 -c %s", whoami)
    assert said.splitlines()[-1] == "shop /srv/shop True"
    assert "default." in host.check_output("shop-celery inspect ping")
    assert host.run("shop-celery no-such-command").rc == 2


def test_queues_and_tasks_by_command(host: Any) -> None:
    """What waits, and who takes it; a pool that is paused takes nothing."""
    rows = json.loads(host.check_output("shop-celery queues --json"))["queues"]
    assert rows
    assert all(row["consumers"] == 1 and row["messages"] is not None for row in rows), rows
    done = json.loads(host.check_output("shop-celery run celery.accumulate --args '[1, 2]' --json"))
    assert done["state"] == "SUCCESS", done
    host.check_output("shop-celery pause default")
    paused = host.run("shop-celery queues")
    assert paused.rc == 1
    assert "No worker takes tasks from: celery" in paused.stdout
    host.check_output("shop-celery resume default")
    assert host.run("shop-celery queues").rc == 0
    assert "succeeded" in host.check_output("shop-celery logs %s", done["id"])


def test_a_stranger_may_not(host: Any) -> None:
    """Whoever is neither root nor allowed by sudo gets nothing."""
    said = host.run("setpriv --reuid=nobody --regid=nogroup --clear-groups shop-manage shell -c 'print(1)'")
    assert said.rc != 0
    assert "1" not in said.stdout
