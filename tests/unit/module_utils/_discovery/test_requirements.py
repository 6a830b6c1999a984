# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which requirement files there are, and what they ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._checkout import block
from ansible_collections.celeriac.django.plugins.module_utils._discovery import requirements

Write = Callable[[Path, Mapping[str, str]], Path]

PROJECT = '[project]\nname = "shop"\nrequires-python = ">=3.11,<4"\ndependencies = ["Django>=5.2"]\n'


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["requirements.txt", "requirements/production.txt", "pyproject.toml"], "requirements.txt"),
        (["requirements/production.txt", "requirements/base.txt"], "requirements/production.txt"),
        (["requirements/prod.txt", "requirements/base.txt"], "requirements/prod.txt"),
        (["requirements/base.txt", "pyproject.toml"], "requirements/base.txt"),
        (["requirements/common.txt"], "requirements/common.txt"),
        (["pyproject.toml"], "pyproject.toml"),
        (["site/requirements.txt", "requirements.txt"], "site/requirements.txt"),
        (["site/requirements/base.txt", "requirements.txt"], "requirements.txt"),
        (["requirements-dev.txt"], None),
    ],
)
def test_the_first_that_is_there(
    files: list[str], found: str | None, tmp_path: Path, write_tree: Write
) -> None:
    write_tree(tmp_path, dict.fromkeys(files, PROJECT))
    expected = [found] if found else []
    assert requirements.find_requirements(tmp_path, tmp_path / "site") == expected


def test_a_pyproject_that_only_sets_tools_is_passed_over(tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path, {"pyproject.toml": "[tool.black]\nline-length = 88\n"})
    assert requirements.find_requirements(tmp_path, tmp_path) == []


def test_requires_python(tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path, {"pyproject.toml": PROJECT, "site/manage.py": ""})
    assert requirements.find_requires_python(tmp_path, tmp_path / "site") == ">=3.11,<4"


def test_requires_python_of_the_nearest(tmp_path: Path, write_tree: Write) -> None:
    near = "[project]\nrequires-python = '>=3.13'\n"
    write_tree(tmp_path, {"pyproject.toml": PROJECT, "site/pyproject.toml": near})
    assert requirements.find_requires_python(tmp_path, tmp_path / "site") == ">=3.13"


@pytest.mark.parametrize("files", [{}, {"pyproject.toml": "[tool.ruff]\n"}])
def test_no_requires_python(files: dict[str, str], tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path, files)
    assert requirements.find_requires_python(tmp_path, tmp_path) == ""


def test_names_are_normalised_and_those_of_includes_are_there(tmp_path: Path, write_tree: Write) -> None:
    write_tree(
        tmp_path,
        {
            "requirements.txt": "-r requirements/base.txt\n--requirement=requirements/more.txt\n"
            "Django_Extensions>=3 ; python_version > '3'\n# a comment\n-e git+https://x/y#egg=z\n",
            "requirements/base.txt": "Django~=5.2\nzope.interface\n-rdeep.txt\n",
            "requirements/deep.txt": "psycopg[binary] @ https://example.com/psycopg.whl\n",
            "requirements/more.txt": "six\n",
        },
    )
    assert requirements.required_names(tmp_path, ["requirements.txt"]) == [
        "django",
        "django-extensions",
        "psycopg",
        "six",
        "zope-interface",
    ]


def test_a_constraint_asks_for_nothing(tmp_path: Path, write_tree: Write) -> None:
    write_tree(
        tmp_path,
        {
            "requirements.txt": "-c constraints.txt\n--constraint more.txt\nDjango\n",
            "constraints.txt": "psycopg==3.2\n",
            "more.txt": "six==1\n",
        },
    )
    assert requirements.required_names(tmp_path, ["requirements.txt"]) == ["django"]


def test_names_of_a_pyproject(tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path, {"pyproject.toml": PROJECT})
    assert "django" in requirements.required_names(tmp_path, ["pyproject.toml"])


def test_included_files_are_found_once_each_level(tmp_path: Path, write_tree: Write) -> None:
    write_tree(
        tmp_path,
        {
            "a.txt": "-r below/b.txt\n  -c below/c.txt\n-r absent.txt\n-r https://example.com/x.txt\n",
            "below/b.txt": "-r d.txt\n",
            "below/c.txt": "",
            "below/d.txt": "",
        },
    )
    found = requirements.with_includes(tmp_path / "a.txt")
    assert [file.name for file in found] == ["a.txt", "b.txt", "d.txt", "c.txt"]


def test_files_that_include_each_other_come_to_an_end(tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path, {"a.txt": "-r b.txt\nsix\n", "b.txt": "-r a.txt\nDjango\n"})
    assert requirements.required_names(tmp_path, ["a.txt"]) == ["django", "six"]


def test_lines_can_be_added_to_a_plain_file(tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path, {"requirements/base.txt": "Django\n", "pyproject.toml": PROJECT})
    assert requirements.open_requirements(tmp_path, ["requirements/base.txt"]) == "requirements/base.txt"
    assert requirements.open_requirements(tmp_path, ["pyproject.toml"]) == ""
    assert requirements.open_requirements(tmp_path, []) == ""


@pytest.mark.parametrize("name", ["requirements.txt", "locked.txt"])
def test_next_to_hashes_no_lines_can_be_added(name: str, tmp_path: Path, write_tree: Write) -> None:
    """With one hash, pip wants a hash for everything, included files too."""
    write_tree(tmp_path, {"requirements.txt": "-r locked.txt\nsix\n", "locked.txt": "Django==5.2\n"})
    with (tmp_path / name).open("a") as file:
        file.write("asgiref==3.8.1 \\\n    --hash=sha256:0123\n")
    assert requirements.open_requirements(tmp_path, ["requirements.txt"]) == ""


def test_what_we_wrote_is_not_the_wish_of_the_project(tmp_path: Path) -> None:
    content = block.put(b"Django", "celery>=5.7\npsycopg[binary]>=3.2")
    (tmp_path / "requirements.txt").write_bytes(content)
    assert requirements.required_names(tmp_path, ["requirements.txt"]) == ["django"]


def test_an_absent_file_asks_for_nothing(tmp_path: Path) -> None:
    assert requirements.with_includes(tmp_path / "absent.txt") == []
    assert requirements.required_names(tmp_path, ["absent.txt"]) == []


@pytest.mark.parametrize(
    "name",
    [
        "requirements/requirements.txt",
        "requirements/main.txt",
        "prod-requirements.txt",
        "production-requirements.txt",
        "base-requirements.txt",
    ],
)
def test_files_of_other_names_are_known(name: str, tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path, {name: "Django\n", "dev-requirements.txt": "pytest\n"})
    assert requirements.find_requirements(tmp_path, tmp_path) == [name]


def test_what_may_be_requirements_is_offered(tmp_path: Path, write_tree: Write) -> None:
    names = ["requirements/project-requirements.txt", "requirements/server/web.txt", "app-requirements.txt"]
    others = ["requirements/test-requirements.txt", "requirements/dev.txt", "docs-requirements.txt"]
    write_tree(tmp_path, dict.fromkeys([*names, *others, "requirements/src/notes.md"], "Django\n"))
    assert sorted(requirements.other_requirements(tmp_path, tmp_path)) == sorted(names)
