# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What older code cannot bear, by the migrations and the messages of a real Django project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._project import python as _python
from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import guard

from .layouts.virtualenvs import virtualenv

#: Operations in the order in which they are applied, each with what is said of it, empty where it is safe.
OPERATIONS = (
    ("AddField('Thing', 'a', models.IntegerField(null=True))", ""),
    ("AddField('Thing', 'b', models.IntegerField(default=0))", "db_default"),
    ("AddField('Thing', 'c', models.IntegerField(db_default=0))", ""),
    ("AlterField('Thing', 'a', models.IntegerField(default=0))", "becomes NOT NULL"),
    ("AlterField('Thing', 'name', models.CharField(max_length=80))", ""),
    ("AlterField('Thing', 'name', models.CharField(max_length=10))", "shorter"),
    ("AlterField('Thing', 'name', models.CharField(max_length=10, unique=True))", "twice"),
    ("AlterField('Thing', 'name', models.TextField())", "type changes"),
    ("AddIndex('Thing', models.Index(fields=['b'], name='by_b'))", ""),
    ("AddConstraint('Thing', models.UniqueConstraint(fields=['b'], name='one_b'))", "constraint"),
    ("RemoveConstraint('Thing', 'one_b')", ""),
    ("RenameField('Thing', 'b', 'd')", "old name"),
    ("RemoveField('Thing', 'd')", "reads and writes the column"),
    ("CreateModel('Other', [('id', models.BigAutoField(primary_key=True))])", ""),
    ("RenameModel('Other', 'Another')", "old name"),
    ("DeleteModel('Another')", "reads and writes the table"),
    ("CreateModel('View', [('id', models.BigAutoField(primary_key=True))], {'managed': False})", ""),
    ("DeleteModel('View')", ""),
    ("RunSQL('CREATE INDEX by_c ON things_thing (c)')", ""),
    ("RunSQL(['ALTER TABLE things_thing ADD x int', 'ALTER TABLE things_thing drop column x'])", "drops"),
    ("SeparateDatabaseAndState([], [migrations.RemoveField('Thing', 'a')])", ""),
    ("SeparateDatabaseAndState([migrations.RunSQL('DROP TABLE gone')], [])", "drops"),
    ("RunPython(migrations.RunPython.noop)", ""),
)
SETTINGS = """
from pathlib import Path
BASE_DIR = Path(__file__).parent.parent
SECRET_KEY = "x"
INSTALLED_APPS = ["things"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR.parent / "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
CELERY = """
import os
from celery import Celery
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "proj.settings")
app = Celery("proj", broker="filesystem://")
folder = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(__file__))), "queue")
app.conf.broker_transport_options = {"data_folder_in": folder, "data_folder_out": folder}
app.conf.beat_schedule = {"one": {"task": "things.tasks.seldom", "schedule": 60}}

@app.task(name="things.tasks.known")
def known():
    pass
"""
MIGRATION = "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n"


@pytest.fixture(scope="module")
def interpreter() -> Path:
    """A Python with Django and Celery."""
    return virtualenv("5.2", Path(shutil.which("python3.11") or sys.executable))


@pytest.fixture
def project(interpreter: Path, tmp_path: Path) -> _python.ProjectPython:
    """A project with one migration, in a folder of its own."""
    base = tmp_path / "release"
    first = (
        "    initial = True\n    operations = [migrations.CreateModel('Thing', [('id', models.BigAutoField("
        "primary_key=True)), ('name', models.CharField(max_length=40))])]\n"
    )
    for name, text in {
        "manage.py": "import sys\nfrom django.core.management import execute_from_command_line\n"
        "execute_from_command_line(sys.argv)\n",
        "proj/__init__.py": "from .celery import app\n",
        "proj/settings.py": SETTINGS,
        "proj/celery.py": CELERY,
        "things/__init__.py": "",
        "things/models.py": "",
        "things/migrations/__init__.py": "",
        "things/migrations/m0000.py": MIGRATION + first,
    }.items():
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text(text)
    (tmp_path / "queue").mkdir()
    return _python.ProjectPython(str(interpreter), str(base), "proj.settings", os.geteuid(), os.getegid())


def add(project: _python.ProjectPython, number: int, operation: str) -> None:
    """Adds a migration after the one with the number before."""
    text = (
        f"{MIGRATION}    dependencies = [('things', 'm{number - 1:04}')]\n"
        f"    operations = [migrations.{operation}]\n"
    )
    Path(project.base, f"things/migrations/m{number:04}.py").write_text(text)


def manage(project: _python.ProjectPython, *arguments: str) -> None:
    """Runs manage.py."""
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "proj.settings"}
    command = [project.python, "manage.py", *arguments]
    subprocess.run(command, cwd=project.base, env=environ, check=True, capture_output=True)


def look(project: _python.ProjectPython, **job: Any) -> dict[str, Any]:
    """Looks with the project's code."""
    given = {"app": "proj", "databases": [], "queues": ["celery"], "release": project.base, **job}
    answer: dict[str, Any] = project.run(guard, given, role=_python.WORKER)
    return answer


def test_each_operation_is_judged(project: _python.ProjectPython) -> None:
    for number, (operation, _why) in enumerate(OPERATIONS, 1):
        add(project, number, operation)
    only = [["things", f"m{number:04}"] for number in range(len(OPERATIONS) + 1)]
    said = {one["migration"]: one["why"] for one in look(project, only=only)["unsafe"]}
    for number, (operation, why) in enumerate(OPERATIONS, 1):
        found = said.pop(f"things.m{number:04}", "")
        assert bool(found) == bool(why), (operation, found)
        assert why in found, operation
    assert said == {}


def test_pending_migrations_and_tasks_that_wait(project: _python.ProjectPython) -> None:
    # Tables that are not there yet, no older code uses.
    add(project, 1, OPERATIONS[1][0])
    first = look(project)
    assert (first["pending"], first["unsafe"]) == (["things.m0000", "things.m0001"], [])
    Path(project.base, "things/migrations/m0001.py").unlink()
    manage(project, "migrate", "--verbosity=0")
    add(project, 1, OPERATIONS[0][0])
    add(project, 2, OPERATIONS[1][0])
    send = "from proj import app\n" + "\n".join(
        f"app.send_task('things.tasks.{name}')" for name in ("known", "gone", "gone")
    )
    manage(project, "shell", "-c", send)
    found = look(project)
    assert found["pending"] == ["things.m0001", "things.m0002"]
    [unsafe] = found["unsafe"]
    assert unsafe["file"] == f"{project.base}/things/migrations/m0002.py"
    assert unsafe["operation"] == "Add field b to Thing"
    assert found["unknown"] == [
        {"task": "things.tasks.gone", "where": "the queue celery", "count": 2},
        {"task": "things.tasks.seldom", "where": "the schedule in the settings", "count": 1},
    ]
    assert (found["ahead"], found["inside"]) == ([], [])


def test_what_only_the_database_has(project: _python.ProjectPython) -> None:
    add(project, 1, OPERATIONS[0][0])
    manage(project, "migrate", "--verbosity=0")
    Path(project.base, "things/migrations/m0001.py").unlink()
    assert look(project)["ahead"] == [["things", "m0001"]]


def test_a_database_inside_of_the_release(project: _python.ProjectPython) -> None:
    settings = Path(project.base, "proj/settings.py")
    settings.write_text(settings.read_text().replace("BASE_DIR.parent /", "BASE_DIR /"))
    [told] = look(project)["inside"]
    assert told == f"DATABASES['default'] is {project.base}/db.sqlite3"
    assert not Path(project.base, "db.sqlite3").exists()
