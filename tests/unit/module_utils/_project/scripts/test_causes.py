# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a task is missing: each cause in a package on disk, imported as a worker would."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import causes

TASK = "from tasks_of import task\n\n\n@task\ndef send():\n    pass\n"


class Registry:
    """An app that knows what was imported."""

    def __init__(self) -> None:
        self.tasks: dict[str, object] = {}

    def task(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Registers a task, as the decorator of an app does."""
        self.tasks[f"{function.__module__}.{function.__name__}"] = function
        return function


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A checkout with the installed app ``orders``, and an app of Celery."""
    found = Registry()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    installed = [SimpleNamespace(name="orders")]
    django, apps = ModuleType("django"), ModuleType("django.apps")
    apps.apps = SimpleNamespace(get_app_configs=lambda: installed)  # type: ignore[attr-defined]
    ours = ModuleType("tasks_of")
    ours.task = found.task  # type: ignore[attr-defined]
    for name, module in (("django", django), ("django.apps", apps), ("tasks_of", ours)):
        monkeypatch.setitem(sys.modules, name, module)
    before = set(sys.modules)
    yield found
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(file: str, text: str) -> str:
    """Writes a module, and returns its task's place."""
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    for folder in path.parents:
        if str(folder) != ".":
            (folder / "__init__.py").touch()
    path.write_text(text, encoding="utf-8")
    return f"{file}:5"


def test_a_module_that_nobody_imports(app: Registry) -> None:
    text = causes.why(app, "orders.jobs.send", write("orders/jobs.py", TASK))
    assert text.startswith("nothing imports orders.jobs: autodiscovery looks for modules named tasks")
    assert "import it in orders.tasks" in text


def test_an_app_that_is_not_installed(app: Registry) -> None:
    text = causes.why(app, "billing.tasks.send", write("billing/tasks.py", TASK))
    assert text == "its app billing is not in INSTALLED_APPS: add it there"
    assert "billing.tasks" not in sys.modules


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import nowhere_at_all\n" + TASK, "orders/tasks.py:1: ModuleNotFoundError: No module named"),
        ("x = 1 / 0\n" + TASK, "orders/tasks.py:1: ZeroDivisionError"),
        (TASK + "def (:\n", "orders/tasks.py:7: SyntaxError"),
    ],
)
def test_a_module_that_cannot_be_imported(source: str, words: str, app: Registry) -> None:
    text = causes.why(app, "orders.tasks.send", write("orders/tasks.py", source))
    assert text.startswith("orders.tasks cannot be imported: ")
    assert words in text


@pytest.mark.parametrize("loaded", [True, False])
def test_a_task_under_a_condition(loaded: bool, app: Registry) -> None:
    head = "import sys\nfrom tasks_of import task\nif sys.flags.debug:\n"
    source = head + "    @task\n    def send():\n        pass\n"
    place = write("orders/tasks.py", source)
    if loaded:
        causes.imported("orders.tasks")
    text = causes.why(app, "orders.tasks.send", place)
    assert "under a condition that does not hold here: orders/tasks.py:3 (if sys.flags.debug)" in text


def test_a_task_that_another_one_hides(app: Registry) -> None:
    text = causes.why(app, "orders.tasks.mail", write("orders/tasks.py", TASK))
    assert "has no such task: another decorator, or a second task, may hide it" in text


def test_a_worker_of_other_code(app: Registry) -> None:
    place = write("orders/tasks.py", TASK)
    causes.imported("orders.tasks")
    assert "the worker runs other code" in causes.why(app, "orders.tasks.send", place)


def test_a_file_that_python_does_not_find(app: Registry) -> None:
    assert "is not found on the path" in causes.why(app, "a.b", "elsewhere/my tasks.py:3")


@pytest.mark.parametrize(
    ("statement", "told"), [("for n in ():", "for"), ("while False:", "while"), ("def never():", "function")]
)
def test_other_statements_around_a_task(statement: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "m.py"
    file.write_text(f"{statement}\n    @task\n    def send():\n        pass\n", encoding="utf-8")
    assert causes.condition(str(file), 3).endswith(f"m.py:1 ({told})")
    assert causes.condition(str(file), 1) == ""
