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
import time
import types
from datetime import UTC, datetime
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
    operate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str, same: bool
) -> None:
    """What a caller has in the environment lets nobody else load the project's code."""
    setup = setup_of(operate, tmp_path, user=user)
    monkeypatch.setattr(operate.Setup, "read", classmethod(lambda _kind, _name: setup))
    assert operate._second("shop") is None
    monkeypatch.setenv("CELERIAC_OPERATE", "shop")
    assert operate._second("shop") is (setup if same else None)

    def refuse(_kind: Any, _name: str) -> None:
        raise operate.OperateError("Permission denied")

    monkeypatch.setattr(operate.Setup, "read", classmethod(refuse))
    assert operate._second("shop") is None


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


def test_a_host_that_is_drained_says_so(operate: ModuleType, tmp_path: Path) -> None:
    setup = setup_of(operate, tmp_path)
    assert operate.drained(setup) is None
    mark = Path(setup.config) / "drained"
    mark.write_text('{"since": "now", "by": "anna", "reason": ""}')
    assert operate.drained(setup)["by"] == "anna"
    mark.write_text("{")
    assert operate.drained(setup) == {"since": "?", "by": "?"}


def drained_host(
    operate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Any, list[Any]]:
    """A host with two units of workers, where systemctl only notes what it is told."""
    told: list[Any] = []
    wants = tmp_path / "shop-celery.target.wants"
    wants.mkdir()
    for unit in (
        "shop-worker-default@1f0c9a2b.service",
        "shop-worker-late@1f0c9a2b.service",
        "shop-beat.service",
    ):
        (wants / unit).touch()
    monkeypatch.setattr(operate, "UNITS", str(tmp_path))

    def systemctl(*arguments: str) -> str:
        told.append(arguments)
        states = (
            "shop-worker-default@1f0c9a2b.service loaded active running x y",
            "shop-worker-late@0aeeaaaf.service loaded failed failed x y",
        )
        return "\n".join(states) if arguments[0] == "list-units" else ""

    monkeypatch.setattr(operate, "_systemctl", systemctl)
    return setup_of(operate, tmp_path), told


def test_drain_and_resume(
    operate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What runs is stopped, what is wanted starts; beat is left alone."""
    setup, told = drained_host(operate, tmp_path, monkeypatch)
    monkeypatch.setenv("SUDO_USER", "anna")
    assert operate.of_root(setup, ["drain", "--reason", " new\n disk "]) == 0
    assert told[-1] == ("stop", "shop-worker-default@1f0c9a2b.service")
    assert operate.drained(setup)["by"] == "anna"
    assert operate.drained(setup)["reason"] == "new disk"
    # Who drains it once more does not take its place.
    monkeypatch.setenv("SUDO_USER", "bert")
    assert operate.of_root(setup, ["drain", "--no-wait", "--json"]) == 0
    assert told[-1][:2] == ("stop", "--no-block")
    assert operate.drained(setup)["by"] == "anna"
    capsys.readouterr()
    assert operate.of_root(setup, ["resume", "--json"]) == 0
    assert told[-1] == ("start", "shop-worker-default@1f0c9a2b.service", "shop-worker-late@1f0c9a2b.service")
    assert json.loads(capsys.readouterr().out)["started"] == list(told[-1][1:])
    assert operate.drained(setup) is None
    with pytest.raises(operate.OperateError, match="not drained"):
        operate.of_root(setup, ["resume"])


def test_a_host_that_is_another_one_is_not_drained(
    operate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup, told = drained_host(operate, tmp_path, monkeypatch)
    with pytest.raises(operate.OperateError, match=r"Run the command on other\.example"):
        operate.of_root(setup, ["drain", "other.example"])
    for unit in (tmp_path / "shop-celery.target.wants").glob("*worker*"):
        unit.unlink()
    with pytest.raises(operate.OperateError, match="runs no workers of shop"):
        operate.of_root(setup, ["drain"])
    assert told == []
    assert operate.drained(setup) is None


@pytest.mark.parametrize(
    "arguments", [[], ["queues"], ["resume", "default"], ["dead", "list"], ["inspect", "ping"]]
)
def test_what_the_project_is_asked_is_not_roots(
    operate: ModuleType, tmp_path: Path, arguments: list[str]
) -> None:
    assert operate.of_root(setup_of(operate, tmp_path), arguments) is None


def test_logs_have_no_pager_of_roots(operate: ModuleType, tmp_path: Path) -> None:
    found = operate.journal(setup_of(operate, tmp_path), ["x; id", "--json"])
    assert found[:3] == ["journalctl", "CELERY_TASK_ID=x; id", "--no-pager"]
    assert "--output=json" in found
    with pytest.raises(SystemExit) as ended:
        operate.journal(setup_of(operate, tmp_path), [])
    assert ended.value.code == 2


def test_a_table(operate: ModuleType) -> None:
    assert operate.table(["queue", "messages"], [["celery", 12], ["late", None]]) == [
        "queue   messages",
        "celery        12",
        "late           ?",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, None), (0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (2e5, "2 d")],
)
def test_a_time(operate: ModuleType, seconds: float | None, text: str | None) -> None:
    assert operate.span(seconds) == text


@given(st.lists(st.tuples(VALUES, st.none() | st.integers(0, 10**9))))
def test_a_table_has_a_line_for_each_row(rows: list[tuple[str, int | None]]) -> None:
    assert len(OPERATE.table(["name", "number"], rows)) == len(rows) + 1


def test_the_age_of_a_message_is_in_its_headers(operate: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operate.time, "time", lambda: 100.0)
    assert operate._age({"headers": {"timestamp": 40.5}}) == 59.5
    # The clock of who sends may be ahead.
    assert operate._age({"headers": {"timestamp": 101}}) == 0
    assert operate._age({"headers": {"timestamp": "soon"}}) is None
    assert operate._age({}) is None


def test_dead_letters_are_named_or_all_of_them(operate: ModuleType, tmp_path: Path) -> None:
    setup = setup_of(operate, tmp_path)
    for ids, everything in (([], False), (["x"], True)):
        options = types.SimpleNamespace(ids=ids, all=everything)
        with pytest.raises(operate.UsageError, match="dead drop --all"):
            operate._each_dead(setup, None, options, "drop")


def test_how_it_ends(
    operate: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Errors are a line, and a signal has the code that shells give it."""

    def ends(error: BaseException) -> int:
        def run(_program: str, _arguments: list[str]) -> int:
            raise error

        monkeypatch.setattr(operate, "main", run)
        return int(operate.ended("shop-celery", []))

    assert ends(operate.OperateError("no broker")) == 1
    assert capsys.readouterr().err == "error: no broker\n"
    assert ends(operate.UsageError("so not")) == 2
    assert ends(KeyboardInterrupt()) == 130


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_the_time_of_a_dead_letter(operate: ModuleType, monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    """Django sets the zone of the process; what RabbitMQ says is in UTC."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert operate._seconds(datetime(1970, 1, 1, 1)) == 3600.0
        assert operate._seconds(datetime(1970, 1, 1, 1, tzinfo=UTC)) == 3600.0
        assert operate._seconds(None) is None
    finally:
        monkeypatch.undo()
        time.tzset()
