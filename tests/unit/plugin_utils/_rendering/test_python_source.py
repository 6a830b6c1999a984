# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes, schedules and samples as source: what black and ruff want, and what was meant."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project
from ansible_collections.celeriac.django.plugins.plugin_utils._rendering import (
    project_files,
    python_source,
    templates,
)

Data = dict[str, Any]
TEMPLATES = templates.Templates("project")
TASK = "orders.tasks.send"
SCHEDULE: list[Data] = [
    {"name": "plain", "task": TASK, "interval": "5m"},
    {"name": "it's \"quoted\" 'twice'", "task": TASK, "crontab": "* * * * *", "queue": "celery"},
    {"name": 'a "quoted" name', "task": TASK, "crontab": "*/5 8-18 1,15 jan-jun mon", "expires": "1h"},
    {
        "name": "äöü\\n",
        "task": TASK,
        "crontab": "0 * * * *",
        "args": ["it's", 'say "so"', 1, None, [True, {}]],
    },
    {"name": "k", "task": TASK, "clocked": "2030-01-01 10:00+00:00", "kwargs": {"a": {"b": []}, "c": 1.5}},
    {"name": "off", "task": TASK, "interval": 60, "enabled": False},
    {"name": "gone", "state": "absent"},
]
ROUTES: Data = {
    TASK: {"queue": "celery", "priority": 3, "rate_limit": "10/m"},
    "reports.*": "celery",
    f"{'long.' * 30}*": {"rate_limit": "1/s"},
}
#: The shortest and the longest names that somebody may have: package, app, model.
NAMES = [
    ("s", "a", "A"),
    ("a_rather_long_name_of_a_package_of_a_project", "config.apps.renewals", "A" + "b" * 39),
    ("shop", "orders", ""),
    ("a_rather_long_name_of_a_package_of_a_project", "config.apps.renewals", ""),
]


@pytest.fixture
def render(decide_with: Any, options: Data, found: Data) -> Any:
    """Renders a deployment with other values than the plain ones."""

    def run(**given: Any) -> dict[str, str]:
        wanted = {**options, "timezone": "Europe/Berlin", **given}
        deployment = decide_with(wanted, found, ["worker", "beat"])
        return project_files.render(TEMPLATES, deployment, found["project"], [])[0]

    return run


def laid_out(files: dict[str, str], folder: Path) -> str:
    """Return what black and ruff have to say of the Python among the files."""
    for name, text in files.items():
        if name.endswith(".py"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    for name in files:  # what the project has already: tools take it for the project's own by this
        for above in list(Path(name).parents)[:-1]:
            (folder / above / "__init__.py").touch()
    said = ""
    for tool in (["black", "--check", "--diff", "-q", "."], ["ruff", "check", "--isolated", "-q", "."]):
        command = [str(Path(sys.executable).with_name(tool[0])), *tool[1:]]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        said += done.stdout + done.stderr
    return said


@pytest.mark.parametrize("scheduler", ["file", "redbeat", "database"])
def test_routes_and_schedules_are_laid_out(scheduler: str, render: Any, tmp_path: Path) -> None:
    files = render(
        beat_scheduler=scheduler, beat_schedule=SCHEDULE, task_routes=ROUTES, project_sample_apps=["orders"]
    )
    assert laid_out(files, tmp_path) == ""


@pytest.mark.parametrize(("package", "app", "model"), NAMES)
def test_samples_are_laid_out(
    package: str, app: str, model: str, render: Any, project: Project, tmp_path: Path
) -> None:
    folder = f"/srv/shop/{package}"
    vars(project).update(package=package, package_path=folder, settings=f"{package}.settings")
    place = project.samples.pop("orders")
    parts = app.replace(".", "/")
    files_of = {"tasks": f"{parts}/tasks.py", "tests": f"{parts}/test_tasks.py"}
    project.samples[app] = replace(place, **files_of, model=model)
    project.apps = {app: f"/srv/shop/{parts}"}
    project.tasks = {}
    files = render(project_name="shop", project_sample_apps=[app], beat_scheduler="file")
    assert laid_out(files, tmp_path) == ""
    assert ("class Item(" in files[f"{package}/celery_records/models.py"]) is (not model)
    assert (f"{package}/celery_records/migrations/0002_item.py" in files) is (not model)


def test_a_schedule_says_what_was_meant(render: Any) -> None:
    text = render(beat_scheduler="file", beat_schedule=SCHEDULE)["shop/celery_settings.py"]
    (value,) = [
        node.value
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CELERY_BEAT_SCHEDULE"
    ]
    assert isinstance(value, ast.Dict)
    names = [ast.literal_eval(key) for key in value.keys if key]
    assert names == ["shop-canary", *(entry["name"] for entry in SCHEDULE[:5])]
    said = {name: ast.unparse(entry) for name, entry in zip(names, value.values, strict=True)}
    assert "'schedule': 300.0" in said["plain"]
    assert "Crontab(zone='UTC')" in said[SCHEDULE[1]["name"]]
    assert "'options': {'queue': 'celery'}" in said[SCHEDULE[1]["name"]]
    fields = "minute='*/5', hour='8-18', day_of_month='1,15', month_of_year='jan-jun', day_of_week='mon'"
    assert f"crontab({fields})" in said['a "quoted" name']
    assert "'expires': 3600" in said['a "quoted" name']
    assert ast.unparse(ast.parse(repr(SCHEDULE[3]["args"]))) in said["äöü\\n"]
    assert "Once(moment=datetime.fromisoformat('2030-01-01T10:00:00+00:00'))" in said["k"]


def test_what_is_in_the_tables_is_not_in_the_settings(render: Any) -> None:
    files = render(beat_scheduler="database", beat_schedule=SCHEDULE)
    assert TASK not in files["shop/celery_settings.py"]
    assert "shop/celery_ops/schedules.py" not in files


def test_redbeat_keeps_hours_as_rules(render: Any) -> None:
    files = render(beat_scheduler="redbeat", beat_schedule=SCHEDULE[:4], beat_takeover=20)
    text = files["shop/celery_settings.py"]
    assert 'rrule(\n            freq="HOURLY"' in text
    assert "CELERY_BEAT_MAX_LOOP_INTERVAL = 4\nCELERY_REDBEAT_LOCK_TIMEOUT = 20\n" in text
    assert "shop/celery_ops/schedules.py" not in files


def test_rate_limits_by_name_and_pattern(
    render: Any, load_settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes = {"a.slow": {"rate_limit": "1/m"}, "a.*": {"rate_limit": "2/m"}, "*": {"rate_limit": "3/m"}}
    monkeypatch.setenv("CELERY_STATE_PATH", str(tmp_path))
    values = load_settings(render(task_routes=routes), tmp_path)
    (annotation,) = values["CELERY_TASK_ANNOTATIONS"]
    found = {name: annotation.annotate(type("Task", (), {"name": name})) for name in ("a.slow", "a.b", "c")}
    assert {name: limit["rate_limit"] for name, limit in found.items()} == {
        "a.slow": "1/m",
        "a.b": "2/m",
        "c": "3/m",
    }
    assert "CELERY_TASK_ROUTES" not in values


@pytest.mark.parametrize("given", [True, "yes", None, 1.5, [], {}, ["a", ["b"]], {"a": {"b": ["c'", 'd"']}}])
def test_literals_say_the_same(given: object) -> None:
    assert ast.literal_eval(python_source.literal(given)) == given


def test_long_imports_take_a_line_for_each_name() -> None:
    module = "a" * 80
    assert python_source.import_lines({module: ["make", "Sent"], "b": ["LEASE", "a", "B"]}) == (
        f"from {module} import (\n    Sent,\n    make,\n)\nfrom b import LEASE, B, a\n"
    )
