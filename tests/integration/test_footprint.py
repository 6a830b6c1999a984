# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a team has to review is small, and a checkout of before gets there by one run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from .conftest import Deployment

#: The integration of examples/shop as it was while the internals of workers were in the checkout.
BEFORE = Path(__file__).with_name("data") / "with_service_in_the_checkout.patch"
RECORD = "shop/celery_ops/integration.json"
MOVED = ("shop/celery_ops/service/watchdog.py", "shop/celery_ops/messages.py")


def git(deployment: Deployment, *arguments: str) -> str:
    """Run git in the checkout, and return what it wrote."""
    identity = ["-c", "user.name=shop", "-c", "user.email=shop@localhost"]
    return subprocess.run(
        ["git", *identity, *arguments], cwd=deployment.path, capture_output=True, text=True, check=True
    ).stdout


def integrate(deployment: Deployment) -> str:
    """Change the checkout alone, and return what the run said."""
    run = deployment.integrate("--tags", "project")
    assert run.returncode == 0, run.stdout
    return run.message()


@pytest.fixture
def before(deployment: Deployment) -> Deployment:
    """A checkout that an older version of the collection has integrated."""
    subprocess.run(["git", "apply", str(BEFORE)], cwd=deployment.path, check=True)
    assert all((deployment.path / name).is_file() for name in MOVED)
    return deployment


def test_a_reviewer_reads_it_in_ten_minutes(deployment: Deployment) -> None:
    """At most 20 files and 660 lines, the changed ones of the project's own files among them."""
    git(deployment, "init", "--quiet")
    git(deployment, "add", "--all")
    git(deployment, "commit", "--quiet", "--message=shop")
    integrate(deployment)
    git(deployment, "add", "--all")
    added = [int(line.split()[0]) for line in git(deployment, "diff", "--cached", "--numstat").splitlines()]
    assert len(added) <= 20
    assert sum(added) <= 660


def test_a_checkout_of_before_loses_what_has_moved(deployment: Deployment, before: Deployment) -> None:
    """It becomes what a new one is; then the removal gives back every byte."""
    integrate(before)
    assert not (before.path / "shop/celery_ops/service").exists()
    assert not any((before.path / name).exists() for name in MOVED)
    record = json.loads((before.path / RECORD).read_text())
    assert not [name for name in record["made"] if not (before.path / name).is_file()]
    run = before.integrate("--tags", "project")
    assert run.changed() == 0, run.stdout


@pytest.mark.parametrize("renewed", [True, False])
def test_an_old_record_gives_back_every_byte(deployment: Deployment, renewed: bool) -> None:
    """Whether or not the new version has run before the removal."""
    tree = deployment.tree()
    subprocess.run(["git", "apply", str(BEFORE)], cwd=deployment.path, check=True)
    if renewed:
        integrate(deployment)
    run = deployment.play("remove", "--tags", "project")
    assert run.returncode == 0, run.stdout
    assert deployment.tree() == tree
    assert not (deployment.path / "shop/celery_ops").exists()


def test_an_edited_file_that_has_moved_is_named_and_left(before: Deployment) -> None:
    """Somebody has put something into it that is theirs."""
    edited = before.path / MOVED[0]
    edited.write_text(edited.read_text() + "\nOURS = 1\n")
    said = integrate(before)
    assert f"{MOVED[0]}: edited since it was made, and left in place" in said
    assert "OURS = 1" in edited.read_text()
    assert [path.name for path in edited.parent.glob("*.py")] == ["watchdog.py"]


def test_an_edited_app_that_imports_what_goes_is_told_how_to_change(before: Deployment) -> None:
    """Else no process of the project could start any more. Nothing is changed before that."""
    app = before.path / "shop/celery.py"
    app.write_text(app.read_text() + "\napp.conf.task_track_started = True\n")
    tree = before.tree()
    run = before.integrate("--tags", "project")
    assert run.returncode != 0
    said = run.message()
    assert "shop/celery.py was edited, and imports shop/celery_ops/messages.py" in said
    assert "-service.install(app)" in said
    assert "+rabbitmq.register()" in said
    assert "celery_project_overwrite" in said
    assert before.tree() == tree
    text = app.read_text().replace("embedded, messages, service", "embedded, json_types, rabbitmq")
    text = text.replace("messages.register()", "json_types.register()")
    app.write_text(text.replace("service.install(app)", "rabbitmq.register()"))
    assert "shop/celery.py: edited since it was made, and left alone" in integrate(before)
    assert not any((before.path / name).exists() for name in MOVED)
