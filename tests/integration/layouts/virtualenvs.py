# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtualenvs with a Django and all that the layouts import: made once, for all workers and runs."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import requirements

#: Below the clone's folder for what its targets make.
CACHE = Path(__file__).resolve().parents[3] / ".cache" / "layouts"
DJANGO = {"5.2": "Django>=5.2,<5.3", "6.0": "Django>=6.0,<6.1"}
REQUIREMENTS = (
    requirements.CELERY.format(extras=""),
    requirements.KOMBU,
    requirements.BEAT,
    requirements.RESULTS,
    "dj-database-url",
    "django-configurations",
    "django-environ",
    "django-split-settings",
    "environs",
    "python-decouple",
)


def virtualenv(django: str, python: Path, more: tuple[str, ...] = ()) -> Path:
    """Return the Python of a virtualenv with this series of Django, made by *python* where it is missing.

    Further packages make it another one.
    """
    return environment(f"django-{django}", python, (DJANGO[django], *REQUIREMENTS, *more))


def environment(name: str, python: Path, wanted: tuple[str, ...]) -> Path:
    """Return the Python of a virtualenv with these packages, made by *python* where it is missing."""
    # Not its path: a link of pyenv's and a virtualenv lead to the same one.
    which = _run([str(python), "-c", "import sys; print(sys.base_prefix, sys.version)"])
    digest = hashlib.sha256("\n".join([which, *wanted]).encode()).hexdigest()[:12]
    folder = CACHE / f"{name}-{digest}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ready = folder / "ready"
        if not (ready.exists() and (folder / "bin" / "python").exists()):
            shutil.rmtree(folder, ignore_errors=True)
            _run([str(python), "-m", "venv", str(folder)])
            pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
            _run([*pip, "--disable-pip-version-check", *wanted])
            ready.touch()
    return folder / "bin" / "python"


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=900, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}")
    return done.stdout
