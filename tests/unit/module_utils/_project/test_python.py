# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A script runs inside the project, and what the project does wrong is told with its place."""

from __future__ import annotations

import importlib.util
import os
import pwd
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._project import python
from ansible_collections.celeriac.django.plugins.module_utils._project.python import (
    ProjectError,
    ProjectPython,
)

Script = Callable[[str], ModuleType]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """Makes a script out of the body of its function main."""

    def make(body: str) -> ModuleType:
        path = tmp_path / "script.py"
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        path.write_text(f"import os, sys\n\ndef main(job):\n{lines}\n")
        spec = importlib.util.spec_from_file_location("script", path)
        assert spec
        return importlib.util.module_from_spec(spec)

    return make


@pytest.fixture
def project(tmp_path: Path) -> ProjectPython:
    """A project whose interpreter is this one."""
    base = tmp_path / "base"
    base.mkdir()
    return ProjectPython(
        sys.executable, str(base), "shop.settings", os.getuid(), os.getgid(), {"KEY": "value é"}
    )


def test_the_answer_comes_back(project: ProjectPython, script: Script) -> None:
    job = {"number": 1, "text": "é", "list": [None, True]}
    assert project.run(script("return {'job': job}"), job) == {"job": job}


def test_what_the_project_prints_is_no_answer(project: ProjectPython, script: Script) -> None:
    noise = "print('noise', end=''); print('more', file=sys.stderr); os.write(1, b'raw\\n')\nreturn 1"
    assert project.run(script(noise), {}) == 1


def test_the_project_can_be_imported(project: ProjectPython, script: Script) -> None:
    Path(project.base, "shop.py").write_text("NAME = 'mine'\n")
    assert project.run(script("import shop\nreturn [shop.NAME, os.getcwd()]"), {}) == [
        "mine",
        project.base,
    ]


@pytest.mark.parametrize(
    ("role", "program", "arguments"),
    [
        (python.CHECK, "manage.py", ["check"]),
        (python.MIGRATE, "manage.py", ["migrate", "--noinput"]),
        (python.SHELL, "manage.py", ["shell"]),
        (python.WORKER, "celery", ["-A", "shop", "worker"]),
    ],
)
def test_a_probe_looks_like_what_it_stands_for(
    role: tuple[str, ...], program: str, arguments: list[str], project: ProjectPython, script: Script
) -> None:
    source = "import __main__, sys\nSEEN = [sys.argv, __main__.__file__, sys.path[0]]\n"
    Path(project.base, "shop.py").write_text(source)
    answer = project.run(script("import shop\nreturn shop.SEEN"), {"app": "shop"}, role=role)
    folder = project.base if program == "manage.py" else str(Path(sys.executable).parent)
    assert answer == [[f"{folder}/{program}", *arguments], f"{folder}/{program}", project.base]


def test_modules_of_the_project_hide_none_that_a_probe_itself_needs(
    project: ProjectPython, script: Script
) -> None:
    for name in ("json", "traceback", "linecache"):
        Path(project.base, f"{name}.py").write_text("raise RuntimeError('mine')\n")
    assert project.run(script("return 1"), {}) == 1


def test_the_environment_is_the_projects_alone(
    project: ProjectPython, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_CONTROLLER", "hidden")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    found = project.run(script("return dict(os.environ)"), {})
    assert found["KEY"] == "value é"
    assert found["DJANGO_SETTINGS_MODULE"] == "shop.settings"
    assert found["HOME"] == pwd.getpwuid(os.getuid()).pw_dir
    assert found["PATH"].startswith(str(Path(sys.executable).parent))
    assert not {"SECRET_OF_THE_CONTROLLER", "PYTHONPATH"} & set(found)


def test_values_are_the_same_for_probes_and_for_services(tmp_path: Path) -> None:
    project = {"python": "", "base": str(tmp_path), "settings": "", "user": ""}
    project["environment"] = {"ON": True, "HOSTS": ["a", "b"]}
    params = {"project": project, "secrets": {"KEYS": {"x": False}, "NO": None}}
    assert ProjectPython.from_params(params).environment == {
        "ON": "true",
        "HOSTS": '["a", "b"]',
        "KEYS": '{"x": false}',
        "NO": "",
    }


def test_state_is_kept_for_the_time_of_the_run(project: ProjectPython, script: Script) -> None:
    body = "path = os.environ['CELERY_STATE_PATH']\nopen(path + '/x', 'w').close()\nreturn path"
    path = project.run(script(body), {})
    assert not Path(path).exists()


def test_state_of_the_project_itself_wins(project: ProjectPython, script: Script) -> None:
    own = ProjectPython(**{**vars(project), "environment": {"CELERY_STATE_PATH": "/own"}})
    assert own.run(script("return os.environ['CELERY_STATE_PATH']"), {}) == "/own"


def test_no_bytecode_is_left(project: ProjectPython, script: Script) -> None:
    Path(project.base, "shop.py").write_text("")
    project.run(script("import shop"), {})
    assert [path.name for path in Path(project.base).iterdir()] == ["shop.py"]


@pytest.mark.parametrize(
    ("source", "error", "text"),
    [
        ("A = 1\nB = {}['x']\n", "KeyError", "shop.py:2: KeyError: 'x'"),
        ("A = 1\nB = (\n", "SyntaxError", "shop.py:2: SyntaxError: "),
        ("import no_such\n", "ModuleNotFoundError", "shop.py:1: ModuleNotFoundError: No module"),
        ("import json\n\njson.loads('{')\n", "JSONDecodeError", "shop.py:3: JSONDecodeError: "),
        ("raise ValueError\n", "ValueError", "shop.py:1: ValueError"),
        ("raise SystemExit('no .env')\n", "SystemExit", "shop.py:1: SystemExit: no .env"),
    ],
)
def test_an_error_is_told_with_its_place(
    source: str, error: str, text: str, project: ProjectPython, script: Script
) -> None:
    Path(project.base, "shop.py").write_text(source)
    with pytest.raises(ProjectError) as caught:
        project.run(script("import shop"), {})
    assert str(caught.value).startswith(f"{project.base}/{text}")
    assert caught.value.error == error
    assert caught.value.place == ":".join(str(caught.value).split(":")[:2])


def test_the_cause_of_an_error_is_told(project: ProjectPython, script: Script) -> None:
    Path(project.base, "shop.py").write_text(
        "try:\n    open('/no/such/log')\nexcept OSError as error:\n"
        "    raise ValueError('Unable to configure handler') from error\n"
    )
    with pytest.raises(ProjectError) as caught:
        project.run(script("import shop"), {})
    assert str(caught.value).endswith(
        "shop.py:4: ValueError: Unable to configure handler "
        "(because of FileNotFoundError: [Errno 2] No such file or directory: '/no/such/log')"
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    ("owner", "user", "uid"),
    [
        (0, "daemon", pwd.getpwnam("daemon").pw_uid),
        (0, "not-yet", pwd.getpwnam("nobody").pw_uid),
        (77, "daemon", 77),
    ],
)
def test_what_root_owns_runs_as_somebody_else(owner: int, user: str, uid: int, tmp_path: Path) -> None:
    os.chown(tmp_path, owner, -1)
    given = params(base=str(tmp_path), user=user)
    assert ProjectPython.from_params(given, as_owner=True).uid == uid


def test_an_error_outside_the_project_has_no_place(project: ProjectPython, script: Script) -> None:
    with pytest.raises(ProjectError, match=r"^ZeroDivisionError: ") as caught:
        project.run(script("return 1 / 0"), {})
    assert caught.value.place == ""


def test_a_death_is_told_with_the_last_lines(project: ProjectPython, script: Script) -> None:
    body = "print('one\\ntwo\\nthree\\nfour', file=sys.stderr)\nos._exit(3)"
    with pytest.raises(ProjectError, match=r"status 3 and no answer: two / three / four$"):
        project.run(script(body), {})


def test_a_run_that_takes_too_long_is_ended(project: ProjectPython, script: Script) -> None:
    with pytest.raises(ProjectError, match="did not end within 0 s") as caught:
        project.run(script("while True: pass"), {}, timeout=0.2)
    assert caught.value.error == "Timeout"


@pytest.mark.parametrize("harm", ["python", "base"])
def test_what_is_missing_is_named(harm: str, project: ProjectPython, script: Script) -> None:
    broken = ProjectPython(**{**vars(project), harm: "/no/such"})
    with pytest.raises(ProjectError, match=r"^/no/such: No such file or directory, as the user "):
        broken.run(script("return 1"), {})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_runs_it_as_the_user(tmp_path: Path, script: Script) -> None:
    nobody = pwd.getpwnam("nobody")
    project = ProjectPython("/usr/bin/env", "/", "shop.settings", nobody.pw_uid, nobody.pw_gid)
    identity = project.identity()
    assert (identity["user"], identity["group"]) == (nobody.pw_uid, nobody.pw_gid)
    assert nobody.pw_gid in identity["extra_groups"]
    assert 0 not in identity["extra_groups"]
    assert project.environ()["USER"] == "nobody"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_user_has_all_their_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = pwd.getpwnam("nobody")
    monkeypatch.setattr(os, "getgrouplist", lambda name, gid: [gid, {"nobody": 42}[name]])
    project = ProjectPython("/usr/bin/env", "/", "shop.settings", nobody.pw_uid, nobody.pw_gid)
    assert project.identity()["extra_groups"] == [nobody.pw_gid, 42]


@pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/usr/bin/python3"),
    reason="only root can become another user, who needs a Python",
)
@pytest.mark.parametrize("uid", [65534, 54321])
def test_another_user_has_a_state_folder_of_their_own(uid: int, script: Script) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as base:
        os.chmod(base, 0o755)  # noqa: S103 - to be found by the other user
        project = ProjectPython("/usr/bin/python3", base, "shop.settings", uid, 65534)
        body = (
            "path = os.environ['CELERY_STATE_PATH']\nopen(path + '/x', 'w').close()\n"
            "return [os.getuid(), os.getgid(), oct(os.stat(path).st_mode & 0o777), os.getcwd()]"
        )
        assert project.run(script(body), {}) == [uid, 65534, "0o700", base]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_owner_without_an_account_is_no_hindrance() -> None:
    project = ProjectPython("/usr/bin/env", "/", "shop.settings", 54321, 54322)
    assert project.identity() == {"user": 54321, "group": 54322, "extra_groups": [54322]}
    assert (project.environ()["HOME"], project.environ()["USER"]) == ("/", "54321")


def params(**given: Any) -> dict[str, Any]:
    """Returns the arguments of a module, with others for the project."""
    project = {
        "python": "/venv/bin/python",
        "base": "/",
        "settings": "shop.settings",
        "user": "",
        "environment": {"A": 1, "B": "plain"},
    }
    return {"project": {**project, **given}, "secrets": {"B": "secret", "C": "x"}}


def test_the_arguments_of_a_module() -> None:
    found = ProjectPython.from_params(params(user="root"))
    assert (found.python, found.base, found.settings) == ("/venv/bin/python", "/", "shop.settings")
    assert (found.uid, found.gid) == (0, 0)
    assert found.environment == {"A": "1", "B": "secret", "C": "x"}


def test_without_a_user_it_is_the_owner_of_the_checkout(tmp_path: Path) -> None:
    found = ProjectPython.from_params(params(base=str(tmp_path)))
    assert (found.uid, found.gid) == (tmp_path.stat().st_uid, tmp_path.stat().st_gid)


def test_an_unknown_user_is_told() -> None:
    with pytest.raises(ProjectError, match="there is no user no-such-user on this host"):
        ProjectPython.from_params(params(user="no-such-user"))


def test_secrets_are_in_no_log() -> None:
    assert python.ARGUMENTS["secrets"]["no_log"] is True


def test_a_script_has_what_it_shares_with_others(project: ProjectPython, tmp_path: Path) -> None:
    """As a module of this package it imports it, and the project's Python knows no such package."""
    path = tmp_path / "script.py"
    path.write_text(
        '"""A script."""\n\nfrom __future__ import annotations\n\nfrom .common import own_line\n\n\n'
        "def main(job):\n    return own_line(KeyError())\n"
    )
    spec = importlib.util.spec_from_file_location("script", path)
    assert spec
    assert project.run(importlib.util.module_from_spec(spec), {}) == ""
