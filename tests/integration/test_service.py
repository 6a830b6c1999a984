# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker that answers but consumes nothing is found; one that is busy, full or cut off is left alone."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.plugin_utils._render import Templates

from .conftest import redis_server
from .layouts.virtualenvs import virtualenv

LETTERS = Path(__file__).with_name("service") / "letters.py"
LOSS = Path(__file__).with_name("service") / "loss.py"
SERVICE = "package/celery_ops/service"


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python of a virtualenv with Celery and a client of Redis."""
    return virtualenv(
        "5.2", Path(shutil.which("python3.11") or sys.executable), ("celery[redis]>=5.7,<6", "hiredis>=3")
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the package, as an app of the project's own gets it."""
    templates = Templates("project")
    package = tmp_path / "celeriac_service"
    package.mkdir()
    for name in templates.names(SERVICE):
        text = templates.render(name, {"name": "shop", "integrate": False})
        (package / Path(name).name).write_text(text)
    return tmp_path


#: The case, and when the pulse is told that nothing is consumed; None: never.
CASES = {
    "heard": None,
    "busy": None,
    "full": None,
    "stopping": None,
    "away": None,
    "asleep": None,
    "deaf": 5,
    "heard again": 5,
}


@pytest.mark.parametrize("case", CASES)
def test_letters(case: str, python: Path, folder: Path, redis: str) -> None:
    done = subprocess.run(
        [str(python), str(LETTERS), str(folder), f"{redis}/0", case],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    silent = CASES[case]
    if silent is None:
        assert all(answers), answers
        return
    assert all(answers[:silent]), answers
    # More than 60 s without a letter, and asked more than four times.
    assert answers[silent] is False, answers
    assert answers[-1] is (case == "heard again"), answers


@pytest.mark.parametrize(
    ("consumer", "outlives"), [("celeriac_service.consumer", True), ("celery.worker.consumer", False)]
)
def test_a_worker_outlives_its_broker(consumer: str, outlives: bool, python: Path, folder: Path) -> None:
    """With Celery's own consumer it ends: once it does not, ours is not needed any more."""
    with redis_server() as (url, server):
        done = subprocess.run(
            [str(python), str(LOSS), str(folder), f"{url}/0", consumer, str(server.pid)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert (done.returncode == 0) == outlives, done.stderr
    assert outlives or "'NoneType' object has no attribute 'hostname'" in done.stderr
