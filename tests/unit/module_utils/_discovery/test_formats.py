# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements of other tools, said as pip says them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._discovery import formats


@pytest.mark.parametrize(
    ("wish", "lines"),
    [
        ("^4.2", ["a>=4.2,<5"]),
        ("^1.2.3", ["a>=1.2.3,<2"]),
        ("^0.3", ["a>=0.3,<0.4"]),
        ("^0.0.3", ["a>=0.0.3,<0.0.4"]),
        ("^0", ["a>=0,<1"]),
        ("~4.2", ["a>=4.2,<4.3"]),
        ("~4.2.1", ["a>=4.2.1,<4.3"]),
        ("~4", ["a>=4,<5"]),
        ("4.2", ["a==4.2"]),
        ("=4.2", ["a==4.2"]),
        ("4.2.*", ["a==4.2.*"]),
        ("*", ["a"]),
        (">=4.2, <5.3,!=5.0", ["a>=4.2,<5.3,!=5.0"]),
        ("~=4.2.0", ["a~=4.2.0"]),
        ("2.0.0b1", ["a==2.0.0b1"]),
        ({"version": "^1", "extras": ["x", "y"]}, ["a[x,y]>=1,<2"]),
        ({"version": "*", "optional": True}, []),
        ({"version": "1.0", "markers": "sys_platform == 'linux'"}, ["a==1.0 ; (sys_platform == 'linux')"]),
        (
            [{"version": "1", "python": "<3.12"}, {"version": "2", "python": ">=3.12"}],
            ["a==1 ; python_version < '3.12'", "a==2 ; python_version >= '3.12'"],
        ),
        ({"git": "https://example.org/a.git", "tag": "v1"}, ["a @ git+https://example.org/a.git@v1"]),
        (
            {"git": "https://example.org/a.git", "subdirectory": "b"},
            ["a @ git+https://example.org/a.git#subdirectory=b"],
        ),
        ({"url": "https://example.org/a.whl"}, ["a @ https://example.org/a.whl"]),
    ],
)
def test_what_poetry_says_in_the_form_of_pip(wish: Any, lines: list[str]) -> None:
    assert list(formats.of_poetry("a", wish)) == lines


@pytest.mark.parametrize("wish", ["^1 || ^2", "^x", "one", {"path": "../a"}, {"file": "a.whl"}])
def test_what_has_no_equal_is_an_error_that_names_it(wish: Any) -> None:
    with pytest.raises(formats.FormatError, match=r"^a "):
        list(formats.of_poetry("a", wish))


def test_python_is_no_package(tmp_path: Path, write_tree: Callable[[Path, Mapping[str, str]], Path]) -> None:
    assert list(formats.of_poetry("python", "^3.10")) == []
    write_tree(tmp_path, {"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.12"\ndjango = "*"\n'})
    assert formats.python_of_poetry(tmp_path / "pyproject.toml") == ">=3.12,<4"
    assert formats.python_of_poetry(tmp_path / "none.toml") == ""


def test_what_pip_reads_itself_is_left_to_it(
    tmp_path: Path, write_tree: Callable[[Path, Mapping[str, str]], Path]
) -> None:
    poetry = "[tool.poetry.dependencies]\ndjango = '^5'\n"
    texts = (
        "[project]\ndependencies = ['Django>=5']\n",
        "[project]\ndynamic = ['dependencies']\n",
        "[tool.black]\n",
    )
    for text in texts:
        write_tree(tmp_path, {"pyproject.toml": text if "black" in text else text + poetry})
        assert formats.lines(tmp_path / "pyproject.toml") is None
    assert formats.lines(tmp_path / "requirements.txt") is None


@pytest.mark.parametrize("text", ["[project\n", "<<<<<<< HEAD\n"])
def test_a_broken_file_is_an_error(
    text: str, tmp_path: Path, write_tree: Callable[[Path, Mapping[str, str]], Path]
) -> None:
    write_tree(tmp_path, {"pyproject.toml": text})
    with pytest.raises(formats.FormatError, match=r"^pyproject\.toml: "):
        formats.lines(tmp_path / "pyproject.toml")


def test_groups_that_include_each_other_are_an_error(
    tmp_path: Path, write_tree: Callable[[Path, Mapping[str, str]], Path]
) -> None:
    groups = '[dependency-groups]\na = ["django", {include-group = "b"}]\nb = [{include-group = "a"}]\n'
    write_tree(tmp_path, {"pyproject.toml": groups})
    with pytest.raises(formats.FormatError, match="include each other"):
        formats.lines(tmp_path / "pyproject.toml")
