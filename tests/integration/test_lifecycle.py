# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment from the first run to its removal, without root and without a server."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pytest

from .conftest import Deployment, Run, fresh


@pytest.fixture
def deployed(deployment: Deployment) -> Deployment:
    """A deployment that was integrated once."""
    run = deployment.integrate()
    assert run.returncode == 0, run.stdout
    return deployment


def own_files(deployment: Deployment) -> dict[str, str]:
    """Return the checkout's files without the state folder and the database."""
    return {
        name: digest
        for name, digest in deployment.tree().items()
        if not name.startswith(".celery/") and name != "db.sqlite3"
    }


def shell(deployment: Deployment, line: str) -> str:
    """Run a line as a developer would, in the checkout with its environment."""
    lines = f"set -ae; . .celery/environment; . .celery/secrets; set +a; {line}"
    done = subprocess.run(
        ["bash", "-c", lines],
        cwd=deployment.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_check_mode_tells_the_patch_and_changes_nothing(deployment: Deployment) -> None:
    """--check --diff shows exactly the patch that the run then makes."""
    before = deployment.tree()
    predicted = deployment.integrate("--check", "--diff")
    assert predicted.returncode == 0, predicted.stdout
    assert predicted.changed() > 0
    assert deployment.tree() == before
    real = deployment.integrate("--diff")
    assert real.returncode == 0, real.stdout
    assert patch(predicted.stdout) == patch(real.stdout)
    assert "celery_settings.apply_to(globals())" in patch(real.stdout)


def patch(output: str) -> str:
    """Return the part of the output that is the checkout's patch."""
    start = output.index("Put Celery into the checkout")
    return output[start : output.index("changed: [localhost]", start)]


def test_second_run_changes_nothing(deployed: Deployment) -> None:
    """Idempotence, in check mode too; verify changes nothing either."""
    before = deployed.tree()
    for playbook, arguments in (("integrate", []), ("integrate", ["--check"]), ("verify", [])):
        run = deployed.play(playbook, *arguments)
        assert run.returncode == 0, run.stdout
        assert run.changed() == 0, run.stdout
    after = deployed.tree()
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert all(name == "db.sqlite3" or name.startswith(".celery/broker/") for name in changed), changed


def test_report_proves_each_promise(deployed: Deployment) -> None:
    """The report has a line for each proof, and none failed."""
    for text in (
        "settings loaded           shop.settings.production",
        "apps and tables migrated",
        "workers answer            1 of 1",
        "tasks registered          1 of 1",
        "round trip, pool default",
        "rolled-back transaction   sent nothing",
        "committed transaction     sent its 2 tasks",
        "errors come back          ValueError",
        "pools as declared",
        "schedule as declared",
        "one beat answers",
        "beat fired",
    ):
        assert f"ok      {text}" in deployed.output


def test_commands_by_hand(deployed: Deployment) -> None:
    """manage.py celery and celery -A work, with the worker of the one answering the other."""
    worker = "exec .celery/venv/bin/python manage.py celery worker -l info --pool=solo > worker.log 2>&1"
    lines = f"set -ae; . .celery/environment; . .celery/secrets; set +a; {worker}"
    process = subprocess.Popen(["bash", "-c", lines], cwd=deployed.path)
    try:
        log = deployed.path / "worker.log"
        deadline = time.monotonic() + 60
        while " ready." not in (log.read_text() if log.exists() else ""):
            assert time.monotonic() < deadline, log.read_text()
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
        registered = shell(deployed, ".celery/venv/bin/python manage.py celery inspect registered")
        assert "shop.celery_ops.tasks.canary" in registered
        assert "pong" in shell(deployed, ".celery/venv/bin/celery -A shop inspect ping")
    finally:
        process.terminate()
        process.wait(30)
    beat = "timeout --signal=INT 5 .celery/venv/bin/python manage.py celery beat -l info || [ $? = 124 ]"
    assert "beat: Starting" in shell(deployed, beat)


def test_task_that_is_never_imported(deployed: Deployment) -> None:
    """A task in a module that autodiscovery does not look at is an error with file and line."""
    (deployed.path / "orders/jobs.py").write_text(
        "from celery import shared_task\n\n\n@shared_task\ndef close_day() -> None:\n    pass\n"
    )
    run = deployed.play("verify")
    assert run.returncode != 0
    assert "orders.jobs.close_day (orders/jobs.py:5) is not registered" in run.message()
    (deployed.path / "orders/jobs.py").rename(deployed.path / "orders/tasks.py")
    run = deployed.play("verify")
    assert run.returncode == 0, run.stdout
    assert "2 of 2" in run.stdout


def test_failed_migration_stops_the_run(deployed: Deployment) -> None:
    """A migration that fails is named, and nothing after it runs."""
    (deployed.path / "orders/migrations/0002_broken.py").write_text(
        "from django.db import migrations\n\n\n"
        "def fail(apps, schema_editor):\n    raise RuntimeError('no such stock')\n\n\n"
        "class Migration(migrations.Migration):\n"
        "    dependencies = [('orders', '0001_initial')]\n"
        "    operations = [migrations.RunPython(fail)]\n"
    )
    run = deployed.integrate()
    assert run.returncode != 0
    assert "orders/migrations/0002_broken.py:5: RuntimeError: no such stock" in run.message()
    assert "Ask the running system" not in run.stdout


def test_edited_file_is_kept(deployed: Deployment) -> None:
    """What somebody wrote into a file of ours stays, and is named; removal keeps it too."""
    file = deployed.path / "shop/celery.py"
    file.write_text(file.read_text() + "\n# our own remark\n")
    run = deployed.integrate()
    assert run.returncode == 0, run.stdout
    assert "shop/celery.py" in run.stdout
    assert "# our own remark" in file.read_text()
    run = deployed.play("remove")
    assert run.returncode == 0, run.stdout
    assert "# our own remark" in file.read_text()
    assert not (deployed.path / "shop/celery_settings.py").exists()


def test_removal_to_the_byte(deployment: Deployment) -> None:
    """Nothing is left but the database, which is not ours to take."""
    before = deployment.tree()
    assert deployment.integrate().returncode == 0
    run = deployment.play("remove")
    assert run.returncode == 0, run.stdout
    after = deployment.tree()
    after.pop("db.sqlite3")
    assert after == before
    assert not (deployment.path / ".celery").exists()
    again = deployment.play("remove")
    assert again.returncode == 0, again.stdout
    assert again.changed() == 0


def test_tag_project_touches_the_checkout_alone(deployment: Deployment) -> None:
    """--tags project: no virtualenv, no database, no state folder."""
    run = deployment.integrate("--tags", "project")
    assert run.returncode == 0, run.stdout
    assert (deployment.path / "shop/celery.py").is_file()
    assert not (deployment.path / ".celery").exists()
    assert not (deployment.path / "db.sqlite3").exists()


def test_secret_that_does_not_work(deployed: Deployment, closed_port: int) -> None:
    """A new secret is proven before it takes the place of the old one."""
    before = (deployed.path / ".celery/secrets").read_text()
    secrets = {
        "SECRET_KEY": "shop_test",
        "CELERY_BROKER_URL": f"amqp://shop:shop_wrong@127.0.0.1:{closed_port}//",
    }
    run = deployed.integrate(celery_secrets=secrets)
    assert run.returncode != 0
    assert "the broker amqp://shop:**@127.0.0.1" in run.message()
    assert "the old one stays" in run.message()
    assert (deployed.path / ".celery/secrets").read_text() == before


def test_virtualenv_of_somebody_else_stays(deployment: Deployment) -> None:
    """An environment that was there before is used, and left when the deployment goes."""
    venv = deployment.folder / "own-venv"
    subprocess.run(["uv", "venv", "--quiet", str(venv)], check=True, env=deployment.environ())
    assert deployment.integrate(celery_venv_path=str(venv)).returncode == 0
    assert deployment.integrate(celery_venv_path=str(venv)).changed() == 0
    assert deployment.play("remove", celery_venv_path=str(venv)).returncode == 0
    assert (venv / "bin/celery").exists()


@dataclass
class Undisturbed:
    """What a run makes that nobody kills, and how long it takes."""

    files: dict[str, str]
    seconds: float
    #: For each run that was killed, the programs of it that were.
    killed: list[list[str]]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    """A run that nobody kills; in the end, it is told how many others were killed."""
    deployment = fresh(tmp_path_factory.mktemp("undisturbed"))
    begin = time.monotonic()
    assert deployment.integrate().returncode == 0
    found = Undisturbed(own_files(deployment), time.monotonic() - begin, [])
    yield found
    with_uv = sum("uv" in programs for programs in found.killed)
    print(f"whole runs: {len(found.killed)} were killed at random moments, {with_uv} of them while uv worked")


@pytest.mark.parametrize("seed", range(max(2, int(os.environ.get("CELERIAC_KILLS", "0")) // 3)))
def test_killed_at_any_moment(deployment: Deployment, undisturbed: Undisturbed, seed: int) -> None:
    """Killed three times at any moment: the next run ends as an undisturbed one, removal gives all back."""
    before = deployment.tree()
    chance = random.Random(seed)  # noqa: S311 - for a moment, not for a secret
    for attempt in range(3):
        process = subprocess.Popen(
            deployment.command("integrate"),
            env=deployment.environ(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        if attempt == 0:
            wait_for("uv", process)
            moment = chance.uniform(0, undisturbed.seconds / 8)
        else:
            moment = chance.uniform(0.5, undisturbed.seconds)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            undisturbed.killed.append(kill_tree(process.pid))
        process.wait()
    run = deployment.integrate()
    assert run.returncode == 0, run.stdout
    assert deployment.integrate().changed() == 0
    assert not list(deployment.path.rglob(".celeriac-*"))
    assert own_files(deployment) == undisturbed.files
    assert deployment.play("remove").returncode == 0
    after = deployment.tree()
    after.pop("db.sqlite3")
    assert after == before


def wait_for(program: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a process has such a child, or a child's child."""
    deadline = time.monotonic() + 300
    while program not in (known := programs_of(process.pid).values()):
        assert process.poll() is None, "it ended before"
        assert time.monotonic() < deadline, known
        time.sleep(0.02)


def begin(deployment: Deployment) -> subprocess.Popen[str]:
    """Start integrate.yml, and go on."""
    return subprocess.Popen(
        deployment.command("integrate"),
        env={**deployment.environ(), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_three_runs_at_once_are_one_after_the_other(deployment: Deployment) -> None:
    """The first one does it all, and who waits is told for whom, and finds nothing to do."""
    runs = [begin(deployment) for _number in range(3)]
    outputs = [run.communicate(timeout=900)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0, 0], outputs
    changed = sorted(Run(0, output).changed() for output in outputs)
    assert changed[:2] == [0, 0], outputs
    assert changed[2] > 3
    waited = [flat for flat in map(flatten, outputs) if "This one waits for it" in flat]
    assert len(waited) == 2
    holders = {int(number) for flat in waited for number in re.findall(r"integrate, process (\d+)", flat)}
    assert holders <= {run.pid for run in runs}
    assert deployment.integrate().changed() == 0


def flatten(output: str) -> str:
    """Return an output on one line."""
    return re.sub(r"\s+", " ", output)


def test_nobody_waits_for_a_run_that_was_killed(deployment: Deployment) -> None:
    """On the same controller, it is known to be over."""
    killed = begin(deployment)
    assert killed.stdout
    for line in killed.stdout:
        if "Solve and install them together" in line:
            break
    kill_tree(killed.pid)
    killed.wait(30)
    run = deployment.integrate()
    assert run.returncode == 0, run.stdout
    assert "waits for it" not in run.message()
    assert deployment.integrate().changed() == 0


def programs_of(pid: int) -> dict[int, str]:
    """Return a process and all that it started, parents first: their numbers and names."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,comm="], capture_output=True, text=True, check=True)
    processes = [line.split(None, 2) for line in listed.stdout.splitlines()]
    found = {pid: ""}
    while more := [each for each in processes if int(each[0]) not in found and int(each[1]) in found]:
        found |= {int(child): name for child, _parent, name in more}
    return found


def kill_tree(pid: int) -> list[str]:
    """Kill a process and all that it started, as a power cut would; return the programs."""
    programs = {pid: ""}
    stopped: set[int] = set()
    # What is stopped starts nothing more, so nobody is left when no more are found.
    while new := set(programs) - stopped:
        signal_all(new, signal.SIGSTOP)
        stopped |= new
        programs |= programs_of(pid)
    signal_all(stopped, signal.SIGKILL)
    return list(programs.values())


def signal_all(processes: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to processes, of which some may have ended."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)
