# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure what it costs to look at a large checkout.

Prints ``discovery_seconds: N`` (the median, for 3,000 Python files of the project's own, beside a
virtual environment and folders that git ignores) and ``discovery_megabytes: N`` (what the process
has grown by at its peak), with the same for a tenth of the files to compare.
``discovery_real_seconds: N`` is for 850 files as real projects have them: 12 KB each, which import from one
another and speak of Celery.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 5
FILES = 3000

MODEL = '''"""Models of part {number}."""

from django.db import models


class Thing{number}(models.Model):
    """A thing that has to do with its task."""

    name = models.CharField(max_length=100)
    size = models.IntegerField(default={number})

    def __str__(self) -> str:
        return f"{{self.name}} ({{self.size}})"
'''
TASKS = '''"""Tasks of part {number}."""

from celery import shared_task


@shared_task(bind=True, max_retries=3)
def work_{number}(self, pk: int) -> int:
    """Do what has to be done."""
    total = 0
    for step in range(pk):
        total += step * {number}
    return total
'''


#: How many files a real project has that takes long, and how many functions each of them.
REAL_FILES = 850
FUNCTIONS = 12

REAL_HEAD = '''"""Part {number}: what a part of a real project has."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from celery import chain, group, shared_task
from django.db import models, transaction

{imports}

logger = logging.getLogger(__name__)


class Thing{number}(models.Model):
    """A thing with a table."""

    name = models.CharField(max_length=100, help_text="What people call it.")
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE)
    made = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name",)
        indexes = (models.Index(fields=("made",)),)

    def __str__(self) -> str:
        return f"{{self.name}} ({{self.pk}})"

'''
REAL_FUNCTION = '''
{decorator}def work_{number}_{part}(self, pk: int, *, limit: int = 10, **options: Any) -> dict[str, Any]:
    """Do what has to be done, and send what follows."""
    found: dict[str, Any] = {{"pk": pk, "limit": limit}}
    for step, thing in enumerate(Thing{number}.objects.filter(parent__pk=pk)[:limit]):
        try:
            if step % 2 and options.get("dry"):
                found[f"{{thing}}-{{step}}"] = {used}(thing.pk, limit=limit - 1)
            else:
                with transaction.atomic():
                    thing.save(update_fields=["name"])
                    work_{number}_{part}.apply_async_on_commit(args=(thing.pk,), countdown=step)
        except (ValueError, KeyError) as error:
            logger.exception("no luck with %s: %s", thing, error)
            raise
    return {{key: value for key, value in found.items() if value is not None}}

'''


def make_real(top: Path, files: int) -> None:
    """Write a project as real ones are: long modules that import one another, and speak of Celery."""
    base = {
        "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n",
        "shop/__init__.py": "from .celery import app as celery_app\n",
        "shop/celery.py": "from celery import Celery\napp = Celery('shop')\n"
        "app.config_from_object('django.conf:settings', namespace='CELERY')\napp.autodiscover_tasks()\n",
        "shop/wsgi.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n",
        "shop/settings.py": "from .base import *\nINSTALLED_APPS += ['app0']\n",
        "shop/base.py": "INSTALLED_APPS = [" + ", ".join(f"'app{n}'" for n in range(files // 20)) + "]\n",
    }
    for number in range(files):
        app = f"app{number // 20}"
        base.setdefault(f"{app}/__init__.py", "")
        others = [(number * 7 + step * 13) % files for step in range(1, 9)]
        imports = [
            f"from app{other // 20}.part{other} import Thing{other}, work_{other}_0, work_{other}_1"
            for other in others
        ]
        text = REAL_HEAD.format(number=number, imports="\n".join(imports))
        for part in range(FUNCTIONS):
            decorator = (
                "@shared_task(bind=True, max_retries=3)\n" if part % 6 == 0 and number % 4 == 0 else ""
            )
            used = f"work_{others[part % 8]}_{part % 2}"
            text += REAL_FUNCTION.format(number=number, part=part, decorator=decorator, used=used)
        base[f"{app}/part{number}.py"] = text
    for name, text in base.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    subprocess.run(["git", "init", "--quiet", str(top)], check=True)


def make(top: Path, files: int) -> None:
    """Write a project of that many files: one in five has a task, the others mention tasks at most."""
    apps = ", ".join(f"'app{number}'" for number in range(files // 50))
    settings = "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
    base = {
        "manage.py": "import os\n" + settings,
        "shop/__init__.py": "",
        "shop/wsgi.py": "import os\n" + settings,
        "shop/settings.py": f"INSTALLED_APPS = [{apps}]\n",
        ".gitignore": "/generated/\n/.venv/\n",
    }
    for number in range(files):
        name = "tasks" if number % 5 == 0 else f"models{number}"
        text = TASKS if number % 5 == 0 else MODEL
        base[f"app{number // 50}/part{number % 50}/{name}.py"] = text.format(number=number)
    for number in range(files):
        base[f"generated/code{number}.py"] = TASKS.format(number=number)
        base[f".venv/lib/python3/site-packages/lib{number}.py"] = TASKS.format(number=number)
        base[f"env/lib/python3/code{number}.py"] = TASKS.format(number=number)
    base["env/pyvenv.cfg"] = ""
    for name, text in base.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    subprocess.run(["git", "init", "--quiet", str(top)], check=True)


def look(top: str) -> None:
    """Look at a checkout in this process, and print seconds, megabytes and tasks."""
    from ansible_collections.celeriac.django.plugins.module_utils._discovery.discover import discover

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    found = discover(top)
    seconds = time.perf_counter() - started
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(seconds, grown / 1024, len(found.tasks))


def measure(files: int, real: bool = False) -> tuple[float, float]:
    """Return seconds and megabytes for a project of that many files."""
    wanted = -(-files // 4) * (FUNCTIONS // 6) if real else files / 5
    with tempfile.TemporaryDirectory() as folder:
        (make_real if real else make)(Path(folder), files)
        rounds = []
        for _round in range(ROUNDS):
            command = [sys.executable, __file__, folder]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            seconds, megabytes, tasks = map(float, printed.split())
            if tasks != wanted:
                sys.exit(f"{tasks:.0f} tasks were found, and {wanted:.0f} are there")
            rounds.append((seconds, megabytes))
    return statistics.median(r[0] for r in rounds), max(r[1] for r in rounds)


def main() -> None:
    """Compare a small and a large checkout."""
    small = measure(FILES // 10)
    large = measure(FILES)
    print(f"discovery of {FILES // 10} files: {small[0]:.2f} s, {small[1]:.1f} MB")
    print(f"discovery of {FILES} files: {large[0]:.2f} s, {large[1]:.1f} MB")
    real = measure(REAL_FILES, real=True)
    print(f"discovery of {REAL_FILES} files as real projects have them: {real[0]:.2f} s, {real[1]:.1f} MB")
    print(f"discovery_real_seconds: {real[0]:.2f}")
    print(f"discovery_seconds: {large[0]:.2f}")
    print(f"discovery_megabytes: {large[1]:.1f}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        look(sys.argv[1])
    else:
        main()
