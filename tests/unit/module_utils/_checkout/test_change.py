# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A checkout is changed as computed, or it is as it was."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._checkout import (
    change,
    integration,
    transaction,
)

RECORD = "shop/celery_ops/integration.json"


@pytest.fixture
def top(tmp_path: Path, write_tree: Callable[[Path, Mapping[str, str]], Path]) -> Path:
    """A small checkout."""
    return write_tree(tmp_path, {"shop/__init__.py": "", "shop/settings.py": "A = 1"})


@pytest.fixture
def compute(top: Path) -> Callable[[integration.Reader], integration.Change]:
    """An integration of it."""

    def integrate(read: integration.Reader) -> integration.Change:
        files = {"shop/celery.py": "app = 1\n"}
        blocks = {"shop/settings.py": {"lines": "B = 2"}}
        return integration.integrate(top, RECORD, files, blocks, read)

    return integrate


def no_check(changed: list[Path]) -> None:
    """Accepts everything."""


def refuse(changed: list[Path]) -> NoReturn:
    """Accepts nothing."""
    raise change.CheckoutError("it does not work")


def test_a_change_is_made_and_told(top: Path, compute: Any) -> None:
    outcome = change.change(top, compute, no_check, check=False)
    assert outcome.files == ["shop/celery.py", RECORD, "shop/settings.py"]
    assert "+B = 2\n" in outcome.diff
    assert (outcome.kept, outcome.recovered) == ({}, False)
    assert (top / "shop/celery.py").read_text() == "app = 1\n"


def test_a_check_tells_the_same_and_changes_nothing(
    top: Path, compute: Any, snapshot: Callable[[Path], Any]
) -> None:
    before = snapshot(top)
    told = change.change(top, compute, refuse, check=True)
    assert snapshot(top) == before
    assert told == change.change(top, compute, no_check, check=False)


def test_bytecode_of_what_is_removed_goes_with_it(top: Path, compute: Any) -> None:
    change.change(top, compute, no_check, check=False)
    cache = top / "shop/__pycache__"
    cache.mkdir()
    for name in ("celery.cpython-311.pyc", "celery_other.cpython-311.pyc", "settings.cpython-311.pyc"):
        (cache / name).touch()

    def remove(read: integration.Reader) -> integration.Change:
        return integration.remove(top, RECORD, read)

    change.change(top, remove, no_check, check=False)
    left = {path.name for path in cache.iterdir()}
    assert left == {"celery_other.cpython-311.pyc", "settings.cpython-311.pyc"}


def test_a_second_run_checks_nothing_and_changes_nothing(
    top: Path, compute: Any, snapshot: Callable[[Path], Any]
) -> None:
    change.change(top, compute, no_check, check=False)
    before = snapshot(top)
    outcome = change.change(top, compute, refuse, check=False)
    assert (outcome.files, outcome.diff) == ([], "")
    assert snapshot(top) == before


def test_the_proof_gets_what_changed(top: Path, compute: Any) -> None:
    seen: list[Path] = []
    change.change(top, compute, seen.extend, check=False)
    assert set(seen) == {top / "shop/celery.py", top / "shop/settings.py", top / RECORD}


def test_a_refused_change_is_undone(top: Path, compute: Any, snapshot: Callable[[Path], Any]) -> None:
    before = snapshot(top)
    with pytest.raises(change.CheckoutError, match="it does not work"):
        change.change(top, compute, refuse, check=False)
    assert snapshot(top) == before


def test_a_file_in_the_way_is_told(top: Path, compute: Any) -> None:
    (top / "shop/celery.py").write_text("mine = 1\n")
    with pytest.raises(change.CheckoutError, match="exists already"):
        change.change(top, compute, no_check, check=False)


def test_a_file_that_cannot_be_read_is_named(top: Path, compute: Any) -> None:
    (top / "shop/celery.py").mkdir()
    with pytest.raises(change.CheckoutError, match=r"shop/celery\.py"):
        change.change(top, compute, no_check, check=False)


def test_another_run_is_told(top: Path, compute: Any) -> None:
    with (
        transaction.locked(top),
        pytest.raises(change.CheckoutError, match="another run"),
    ):
        change.change(top, compute, no_check, check=False)


@pytest.fixture
def interrupted(top: Path) -> Path:
    """The checkout after a run that was killed with all files written."""
    child = os.fork()
    if child == 0:
        changes = {top / "shop/settings.py": b"HALF = 1", top / "shop/half.py": b""}
        transaction.apply(top, changes, lambda: os._exit(0))
    os.waitpid(child, 0)
    assert (top / "shop/settings.py").read_bytes() == b"HALF = 1"
    return top


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_an_interrupted_run_is_undone_first(interrupted: Path, compute: Any) -> None:
    outcome = change.change(interrupted, compute, no_check, check=False)
    assert outcome.recovered
    assert (interrupted / "shop/settings.py").read_bytes().startswith(b"A = 1\n")
    assert not (interrupted / "shop/half.py").exists()


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_check_looks_at_the_files_before_the_interrupted_run(interrupted: Path, compute: Any) -> None:
    told = change.change(interrupted, compute, no_check, check=True)
    assert (interrupted / "shop/settings.py").read_bytes() == b"HALF = 1"
    assert told == change.change(interrupted, compute, no_check, check=False)


def test_valid_files_pass(tmp_path: Path, write_tree: Callable[..., Path]) -> None:
    write_tree(tmp_path, {"a.py": b"# coding: latin-1\nA = '\xe9'\n", ".gitignore": "no python", "b.py": ""})
    change.check_syntax([tmp_path / "a.py", tmp_path / ".gitignore", tmp_path / "gone.py"])


@pytest.mark.parametrize("content", [b"def broken(:\n", b"A = '\xe9'\n", b"A = 1\0\n"])
def test_an_invalid_file_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(content)
    with pytest.raises(change.CheckoutError, match=r"a\.py would be no valid Python"):
        change.check_syntax([tmp_path / "a.py"])


def test_a_file_that_somebody_has_broken_is_no_hindrance(
    tmp_path: Path, write_tree: Callable[..., Path]
) -> None:
    """Our lines go out of it too, and it stays as broken as it was."""
    write_tree(tmp_path, {"shop/settings.py": "A = 1\n"})
    record = "shop/celery_ops/integration.json"
    blocks = {"shop/settings.py": {"lines": "B = 2", "hint": ""}}

    def put(read: integration.Reader) -> integration.Change:
        return integration.integrate(tmp_path, record, {}, blocks, read)

    change.change(tmp_path, put, no_check, check=False)
    with (tmp_path / "shop/settings.py").open("a") as file:
        file.write("def broken(:\n")
    change.change(tmp_path, lambda read: integration.remove(tmp_path, record, read), no_check, check=False)
    assert (tmp_path / "shop/settings.py").read_text() == "A = 1\ndef broken(:\n"


def test_what_git_ignores_is_told_with_the_pattern_and_the_command() -> None:
    ignored = {"shop/b.json": ".gitignore:2: *.json", "shop/a.json": ".gitignore:2: *.json"}
    outcome = change.Outcome("", [], {}, recovered=False, ignored=ignored)
    text = change.uncommitted(outcome)
    assert "shop/a.json, shop/b.json (.gitignore:2: *.json)" in text
    assert "git add --force shop/a.json shop/b.json" in text
    assert change.uncommitted(change.Outcome("", [], {}, recovered=False, ignored={})) == ""
