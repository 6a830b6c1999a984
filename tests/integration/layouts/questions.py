# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asked inside a project, by the Python of a virtualenv: each question in a process of its own.

Reads a list of questions from stdin, and writes the list of answers. What all of them import anyway
is imported once, before the first process is forked: Django, and Celery where no checkout can hide it.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import sys
import tempfile
import traceback
from typing import Any

#: What is imported in advance.
DJANGO = (
    "django.core.checks",
    "django.core.management",
    "django.core.management.commands.check",
    "django.db.models",
)
CELERY = (
    "celery.app.base",
    "celery.app.task",
    "celery.app.utils",
    "celery.contrib.django.task",
    "celery.fixups.django",
    "celery.schedules",
    "kombu.transport.filesystem",
)


def manage(question: dict[str, Any]) -> dict[str, Any]:
    """Run ``manage.py check`` as a developer does."""
    sys.path.insert(0, os.getcwd())
    sys.argv = ["manage.py", "check"]
    code: Any = 0
    try:
        runpy.run_path("manage.py", run_name="__main__")
    except SystemExit as error:
        code = error.code
    return {"code": code, **_current()}


def app(question: dict[str, Any]) -> dict[str, Any]:
    """Load the app as ``celery -A`` does, and all tasks as a worker does."""
    from celery.app.utils import find_app

    found = find_app(question["app"])
    found.loader.import_default_modules()
    from django.core import checks

    return {
        "tasks": sorted(found.tasks),
        "messages": [str(message) for message in checks.run_checks()],
        "main": found.main,
        "broker": found.conf.broker_url,
        "timezone": str(found.timezone),
        "schedule": sorted(entry["task"] for entry in found.conf.beat_schedule.values()),
        **_current(),
    }


def server(question: dict[str, Any]) -> dict[str, Any]:
    """Load the project as a web server does."""
    sys.path.insert(0, os.getcwd())
    importlib.import_module(question["module"])
    return _current()


def _current() -> dict[str, Any]:
    """Return the app that a shared task of this process is sent by, and where its messages go."""
    from celery import current_app
    from django.conf import settings

    options = current_app.conf.broker_transport_options or {}
    return {
        "current": current_app.main,
        "folder": os.path.realpath(options["data_folder_out"]) if "data_folder_out" in options else "",
        "settings": os.environ.get("DJANGO_SETTINGS_MODULE", ""),
        "installed": list(settings.INSTALLED_APPS),
    }


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """Answer in a child, so that no question sees what another one imported."""
    with tempfile.TemporaryFile("w+b") as output, tempfile.TemporaryFile("w+") as result:
        child = os.fork()
        if child == 0:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            os.environ.clear()
            os.environ.update(question["environment"])
            os.chdir(question["folder"])
            sys.path[:0] = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
            try:
                said = globals()[question["kind"]](question)
            except BaseException:  # noqa: BLE001 - it is the answer
                said = {"error": traceback.format_exc()}
            sys.stdout.flush()
            sys.stderr.flush()
            json.dump(said, result)
            result.flush()
            os._exit(0)
        os.waitpid(child, 0)
        result.seek(0)
        output.seek(0)
        text = result.read()
        said = json.loads(text) if text else {"error": "the process ended without an answer"}
        return {**said, "output": output.read().decode("utf-8", "replace")}


def main() -> None:
    """Answer what is asked."""
    questions = json.load(sys.stdin)
    hidden = any(name.startswith("celery.") for q in questions for name in os.listdir(q["folder"]))
    for name in [*DJANGO, *(() if hidden else CELERY)]:
        importlib.import_module(name)
    del sys.path[0]  # the folder of this script
    json.dump([answer(question) for question in questions], sys.stdout)


if __name__ == "__main__":
    main()
