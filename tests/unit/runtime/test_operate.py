# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``NAME-celery`` and ``NAME-manage``: what they run, as whom, with which environment."""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
import subprocess
import sys
import types
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import common
from ansible_collections.celeriac.django.plugins.module_utils._runtime import environment_file

PROGRAM = Path(__file__).resolve().parents[3] / "runtime" / "operate.py"


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


#: It stands alone on a host, so it is loaded from its file.
OPERATE = _load("celeriac_operate")
VALUES = st.text(st.characters(exclude_characters="\0", codec="utf-8"))


@pytest.fixture
def operate() -> ModuleType:
    return OPERATE


def setup_of(operate: ModuleType, tmp_path: Path, **changes: Any) -> Any:
    data = {
        "user": "shop",
        "base": str(tmp_path),
        "manage": str(tmp_path / "manage.py"),
        "python": "/var/lib/shop-celery/venv/bin/python",
        "app": "shop",
        "environment": [],
        "pools": {"default": ["celery"]},
    } | changes
    folder = tmp_path / "shop-celery"
    folder.mkdir(exist_ok=True)
    (folder / "operate.json").write_text(json.dumps(data))
    return operate.Setup.read("shop", str(tmp_path))


@pytest.mark.parametrize(
    ("kind", "arguments", "expected"),
    [
        ("manage", ["shell"], ["{base}/manage.py", "shell"]),
        ("manage", ["queues"], ["{base}/manage.py", "queues"]),
        ("celery", ["inspect", "active"], ["-m", "celery", "-A", "shop", "inspect", "active"]),
        ("celery", ["queues", "--json"], ["/usr/local/bin/shop-celery", "queues", "--json"]),
        ("celery", [], ["-m", "celery", "-A", "shop"]),
    ],
)
def test_what_is_run(
    operate: ModuleType, tmp_path: Path, kind: str, arguments: list[str], expected: list[str]
) -> None:
    setup = setup_of(operate, tmp_path)
    found = operate.command(setup, kind, "/usr/local/bin/shop-celery", arguments)
    assert found == [setup.python, *(part.format(base=tmp_path) for part in expected)]


def test_a_host_without_the_deployment(operate: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(operate.OperateError, match="shop is not deployed on this host"):
        operate.Setup.read("shop", str(tmp_path))


def test_the_callers_environment_stays_behind(operate: ModuleType, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.write_text(environment_file.dump({"KEY": "s"}))
    setup = setup_of(operate, tmp_path, environment=[str(secrets)])
    caller = {"TERM": "xterm", "LC_ALL": "de_DE.UTF-8", "LD_PRELOAD": "/evil.so", "PYTHONPATH": "/evil"}
    found = operate.environment(setup, caller, "/home")
    assert found["TERM"] == "xterm"
    assert found["LC_ALL"] == "de_DE.UTF-8"
    assert found["KEY"] == "s"
    assert found["USER"] == "shop"
    assert found["PATH"].startswith("/var/lib/shop-celery/venv/bin:")
    assert not {"LD_PRELOAD", "PYTHONPATH"} & set(found)


@pytest.mark.parametrize(
    ("user", "same"), [(pwd.getpwuid(os.geteuid()).pw_name, True), ("no-such-user", False)]
)
def test_the_second_run_is_that_of_the_user(
    operate: ModuleType, tmp_path: Path, user: str, same: bool
) -> None:
    """What a caller has in the environment lets nobody else load the project's code."""
    assert operate._is_user(setup_of(operate, tmp_path, user=user)) is same


@given(st.dictionaries(st.from_regex(r"\A[A-Z_][A-Z0-9_]{0,9}\Z"), VALUES))
def test_it_reads_what_was_written(tmp_path_factory: pytest.TempPathFactory, values: dict[str, str]) -> None:
    path = tmp_path_factory.mktemp("environment") / "file"
    path.write_bytes(environment_file.dump(values).encode())
    assert OPERATE.load(str(path)) == values


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_it_becomes_the_user_for_good(tmp_path: Path) -> None:
    code = (
        "import importlib.util, os, sys\n"
        "spec = importlib.util.spec_from_file_location('operate', sys.argv[1])\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "sys.modules['operate'] = module\n"
        "spec.loader.exec_module(module)\n"
        "module.become('nobody')\n"
        "try:\n    os.setuid(0)\n    print('back')\nexcept PermissionError:\n    print(*os.getresuid())\n"
    )
    said = subprocess.run(
        [sys.executable, "-I", "-c", code, str(PROGRAM)], capture_output=True, text=True, check=True
    )
    numbers = said.stdout.split()
    assert len(set(numbers)) == 1
    assert numbers[0] != "0"


def test_where_a_file_is_followed_celerys_commands_load_it_first(operate: ModuleType, tmp_path: Path) -> None:
    setup = setup_of(operate, tmp_path)
    program = "/usr/local/bin/shop-celery"
    found = operate.command(setup, "celery", program, ["inspect", "ping"], follows=True)
    assert found == [setup.python, program, "inspect", "ping"]
    # manage.py does so itself.
    assert operate.command(setup, "manage", program, ["check"], follows=True)[1] == setup.manage


@pytest.mark.parametrize(
    ("loader", "replaces", "keyword"),
    [
        ("dotenv.load_dotenv", False, {}),
        ("dotenv.load_dotenv", True, {"override": True}),
        ("environ.Env.read_env", True, {"overwrite": True}),
        ("environs.Env.read_env", True, {"override": True}),
    ],
)
@pytest.mark.parametrize("program", ["operate", "launch", "probes"])
def test_all_processes_load_the_files_of_the_entry_points_in_the_same_way(
    program: str, loader: str, replaces: bool, keyword: dict[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file with the units' programs, the launcher and the probes have a function each."""
    called: list[tuple[str, dict[str, bool]]] = []

    def load(file: str, **options: bool) -> None:
        called.append((file, options))

    module, *names = loader.split(".")
    leaf: Any = load
    for name in reversed(names):
        leaf = types.SimpleNamespace(**{name: leaf})
    monkeypatch.setitem(sys.modules, module, leaf)
    monkeypatch.setenv("CELERY_ENTRY_FILES", json.dumps([[loader, "/srv/shop/.env", replaces]]))
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[3] / "runtime"))
    which = {"operate": OPERATE, "probes": common}.get(program) or importlib.import_module(program)
    which.load_entry_files()
    assert called == [("/srv/shop/.env", keyword)]
    monkeypatch.delenv("CELERY_ENTRY_FILES")
    which.load_entry_files()
    assert len(called) == 1
