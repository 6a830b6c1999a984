# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Python for the virtual environment is the first of the host that fits."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from ansible_collections.celeriac.django.plugins.module_utils._runtime import interpreter


@pytest.mark.parametrize(
    ("specifier", "fitting", "others"),
    [
        ("", ["3.8.0", "3.13.1"], []),
        (">=3.11", ["3.11.0", "3.11.7", "4.0.0"], ["3.10.9"]),
        (">=3.11.5", ["3.11.5", "3.12.0"], ["3.11.4"]),
        (">=3.10,<3.13", ["3.10.0", "3.12.9"], ["3.9.9", "3.13.0"]),
        (" >= 3.10 , != 3.11.* ", ["3.10.1", "3.12.0"], ["3.11.0", "3.11.9"]),
        (">=3.10,<4", ["3.13.0"], ["4.0.0", "3.9.0"]),
        ("~=3.11", ["3.11.0", "3.13.0"], ["3.10.0", "4.0.0"]),
        ("~=3.11.2", ["3.11.2", "3.11.9"], ["3.11.1", "3.12.0"]),
        ("==3.12.*", ["3.12.0", "3.12.7"], ["3.11.9", "3.13.0"]),
        ("==3.12.1", ["3.12.1"], ["3.12.2"]),
        ("===3.12.1", ["3.12.1"], ["3.12.2"]),
        ("!=3.12.1", ["3.12.2"], ["3.12.1"]),
        (">3.11", ["3.11.4", "3.12.0"], ["3.11.0", "3.10.9"]),
        (">3.11.4", ["3.11.5"], ["3.11.4"]),
        ("<=3.12.1", ["3.12.1"], ["3.12.2"]),
        # These are meant for a whole series by whoever writes them, whatever PEP 440 says.
        ("==3.12", ["3.12.0", "3.12.7"], ["3.11.9", "3.13.0"]),
        ("<=3.12", ["3.12.0", "3.12.7", "3.11.0"], ["3.13.0"]),
        # What is not understood is for the installer to judge.
        (">=three", ["3.8.0"], []),
    ],
)
def test_what_fits(specifier: str, fitting: list[str], others: list[str]) -> None:
    for text in (*fitting, *others):
        version = tuple(int(part) for part in text.split("."))
        assert interpreter.satisfies(version, specifier) == (text in fitting), text


VERSIONS = st.tuples(st.just(3), st.integers(10, 12), st.integers(0, 2))
CLAUSES = st.builds(
    "{}{}".format,
    st.sampled_from(["==", "!=", "<=", ">=", "<", ">", "~="]),
    st.one_of(VERSIONS, VERSIONS.map(lambda version: version[:2])).map(
        lambda version: ".".join(map(str, version))
    ),
)


@given(VERSIONS, st.lists(CLAUSES, min_size=1, max_size=2).map(",".join))
def test_no_fitting_python_is_refused(version: tuple[int, int, int], specifier: str) -> None:
    if SpecifierSet(specifier).contains(".".join(map(str, version))):
        assert interpreter.satisfies(version, specifier)


def test_this_very_python_answers() -> None:
    found = interpreter.ask(sys.executable)
    assert found
    assert (found.path, found.version) == (sys.executable, sys.version_info[:3])
    assert found.has_ensurepip


@pytest.mark.parametrize("script", ["exit 1", "echo nonsense", "echo 3.x.1 True", ""])
def test_what_does_not_answer_is_none(script: str, tmp_path: Path) -> None:
    program = tmp_path / "python3"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    assert interpreter.ask(str(program)) is None
    assert interpreter.ask(str(tmp_path / "absent")) is None


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """A host with these interpreters on its PATH: name to version."""

    def make(**versions: str) -> Path:
        for name, version in versions.items():
            program = tmp_path / name.replace("_", ".")
            program.write_text(f"#!/bin/sh\necho {version} False\n")
            program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        return tmp_path

    return make


def test_python3_comes_first(host: Callable[..., Path]) -> None:
    folder = host(python3="3.11.2", python3_13="3.13.1")
    assert interpreter.choose("", "") == interpreter.Interpreter(
        str(folder / "python3"), (3, 11, 2), has_ensurepip=False
    )


def test_the_newest_that_fits_comes_next(host: Callable[..., Path]) -> None:
    host(python3="3.9.2", python3_11="3.11.2", python3_12="3.12.1", python3_13="3.13.1")
    assert str(interpreter.choose("", "<3.13")).endswith("/python3.12 (3.12.1)")


def test_one_that_does_not_run_is_passed_over(host: Callable[..., Path]) -> None:
    host(python3="not a version", python3_12="3.12.1")
    assert interpreter.choose("", "").version == (3, 12, 1)


def test_what_is_there_is_listed_where_nothing_fits(host: Callable[..., Path]) -> None:
    folder = host(python3="3.9.2", python3_11="3.11.2")
    with pytest.raises(interpreter.InterpreterError) as caught:
        interpreter.choose("", ">=3.12")
    assert f"found: {folder}/python3 (3.9.2), {folder}/python3.11 (3.11.2)" in str(caught.value)
    assert "requires-python '>=3.12'" in str(caught.value)
    assert "celery_python" in str(caught.value)


def test_too_old_for_celery_is_refused(host: Callable[..., Path]) -> None:
    host(python3="3.9.18")
    with pytest.raises(interpreter.InterpreterError, match=r"Celery 5.7 needs 3.10"):
        interpreter.choose("", "")


def test_no_python_at_all_is_told(host: Callable[..., Path]) -> None:
    host()
    with pytest.raises(interpreter.InterpreterError, match="found: none"):
        interpreter.choose("", "")


@pytest.mark.parametrize("by_path", [True, False])
def test_the_wanted_one_is_taken(by_path: bool, host: Callable[..., Path]) -> None:
    folder = host(python3="3.13.0", python3_11="3.11.2")
    wanted = str(folder / "python3.11") if by_path else "python3.11"
    assert interpreter.choose(wanted, "").version == (3, 11, 2)


def test_the_wanted_one_has_to_fit(host: Callable[..., Path]) -> None:
    host(python3="3.13.0", python3_11="3.11.2")
    with pytest.raises(interpreter.InterpreterError, match=r"celery_python: .*python3\.11 \(3\.11\.2\)"):
        interpreter.choose("python3.11", ">=3.12")


def test_the_wanted_one_has_to_run(host: Callable[..., Path]) -> None:
    host(python3="3.13.0")
    with pytest.raises(interpreter.InterpreterError, match=r"celery_python: /no/python does not run"):
        interpreter.choose("/no/python", "")
