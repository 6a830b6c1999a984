# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages that are named where nothing is installed from, locked, or too old are told with what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._discovery import packaging
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Finding
from ansible_collections.celeriac.django.plugins.module_utils._discovery.requirements import (
    asked,
    find_requirements,
    open_requirements,
    required_names,
)

Tell = Callable[[Mapping[str, str | bytes]], list[Finding]]
PROJECT = '[project]\nname = "shop"\ndependencies = [\n    "Django>=5.2",\n    "celery[redis]",\n]\n'


@pytest.fixture
def tell(tmp_path: Path, write_tree: Callable[[Path, Mapping[str, str | bytes]], Path]) -> Tell:
    """Returns what is told of a checkout with such files."""

    def tell(files: Mapping[str, str | bytes]) -> list[Finding]:
        write_tree(tmp_path, files)
        return packaging.find(tmp_path, tmp_path, find_requirements(tmp_path, tmp_path))

    return tell


POETRY = '[tool.poetry]\nname = "shop"\n\n[tool.poetry.dependencies]\npython = "^3.10"\nDjango = "~4.2"\n'
EMPTY = '[project]\nname = "shop"\ndependencies = []\n\n'
EXTRAS = f"{EMPTY}[project.optional-dependencies]\n"
#: What has no equal in pip's form.
EITHER = POETRY.replace("~4.2", "^4.2 || ^5.2")


@pytest.mark.parametrize(
    ("files", "where"),
    [
        ({"pyproject.toml": EITHER}, "pyproject.toml, in poetry's own form (Django has alternatives"),
        ({"pyproject.toml": f'[project]\nname = "shop"\n\n{EITHER}'}, "pyproject.toml, in poetry's own form"),
        (
            {"pyproject.toml": f'{EXTRAS}a = ["Django~=4.2"]\nb = ["django"]\n'},
            "pyproject.toml, as an extra",
        ),
        (
            {"pyproject.toml": f'{EMPTY}[dependency-groups]\na = ["django~=4.2"]\nb = ["django"]\n'},
            "pyproject.toml, as a dependency group",
        ),
        ({"Pipfile": '[packages]\ndjango = "*"\n'}, "Pipfile"),
        ({"environment.yml": "dependencies:\n  - django=4.2\n"}, "environment.yml, which is conda's"),
    ],
)
def test_packages_that_are_named_elsewhere_are_refused(files: dict[str, str], where: str, tell: Tell) -> None:
    (finding,) = tell(files)
    assert finding.refuses
    assert finding.option == "requirements"
    assert f"are in {where}" in finding.text
    assert "celery_requirements" in finding.text


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": PROJECT},
        {"pyproject.toml": f'{PROJECT}\n[project.optional-dependencies]\ndev = ["django-debug-toolbar"]\n'},
        {"pyproject.toml": f'{PROJECT}\n[dependency-groups]\ntest = ["django", "pytest"]\n'},
        {"pyproject.toml": POETRY, "requirements.txt": "Django~=4.2\n"},
        {"pyproject.toml": f'[project]\nname = "x"\ndynamic = ["dependencies"]\n\n{POETRY}'},
        {"requirements-production.txt": "Django~=4.2\n"},
        {"Pipfile": "", "requirements.txt": "Django\n"},
        {"environment.yml": "name: shop\n", "requirements.txt": "Django\n"},
    ],
)
def test_packages_that_are_installed_are_no_matter(files: dict[str, str], tell: Tell) -> None:
    assert tell(files) == []


@pytest.mark.parametrize(
    ("lock", "command"),
    [
        ("uv.lock", "uv export --frozen"),
        ("poetry.lock", "poetry export"),
        ("Pipfile.lock", "pipenv requirements"),
        ("pdm.lock", "pdm export"),
    ],
)
def test_a_lock_that_is_not_installed_from_is_told_with_its_export(
    lock: str, command: str, tell: Tell
) -> None:
    (finding,) = tell({"requirements.txt": "django\n", "pyproject.toml": PROJECT, lock: ""})
    assert not finding.refuses
    assert f"{lock} locks" in finding.text
    assert command in finding.text


@pytest.mark.parametrize(
    ("line", "needed"),
    [
        ("python-dateutil~=2.8.2", "python-dateutil 2.9"),
        ("Python_Dateutil == 2.8.2", "python-dateutil 2.9"),
        ("python-dateutil==2.8.*", "python-dateutil 2.9"),
        ("Django==2.2.28", "django 3.2.25"),
        ("Django>=2.2,<3.0  # old", "django 3.2.25"),
        ("celery[redis]<=5.6.2", "celery 5.7"),
        ("kombu~=5.4.0", "kombu 5.7"),
        ("django-celery-beat==2.5.0 ; python_version > '3'", "django-celery-beat 2.9"),
    ],
)
def test_a_line_that_cannot_go_with_what_is_added_is_refused(line: str, needed: str, tell: Tell) -> None:
    (finding,) = tell({"requirements.txt": f"requests\n{line}\n"})
    assert finding.refuses
    assert finding.concerns == "integration"
    assert finding.text.startswith("requirements.txt:2: ")
    assert needed in finding.text


@pytest.mark.parametrize(
    "line",
    [
        "python-dateutil",
        "python-dateutil~=2.8",
        "python-dateutil>=2.8.2",
        "python-dateutil==2.9.0.post0",
        "Django~=5.2.0",
        "Django==5.2.*",
        "Django>=4.2,<6",
        "celery~=5.7",
        "celery<6",
        "django-celery-email==1.0",
        "-e .",
        "git+https://example.org/x@1.0",
    ],
)
def test_other_lines_are_no_matter(line: str, tell: Tell) -> None:
    assert tell({"requirements.txt": f"{line}\n"}) == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_file_from_powershell_is_read_and_not_written_to(encoding: str, tmp_path: Path) -> None:
    content = "Django>=5.2\r\npsycopg[binary]==3.2.*\r\n".encode(encoding)
    (tmp_path / "requirements.txt").write_bytes(content)
    assert required_names(tmp_path, ["requirements.txt"]) == ["django", "psycopg"]
    expected = "requirements.txt" if encoding == "utf-8-sig" else ""
    assert open_requirements(tmp_path, ["requirements.txt"]) == expected


def test_what_somebody_names_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "base.pip").write_text("celery~=5.4\nkombu<5.5\n")
    entries = ["base.pip", "Psycopg2_binary>=2.9", "absent.txt"]
    files, names = asked(tmp_path, entries)
    assert files == ["base.pip"]
    assert {"celery", "kombu", "psycopg2-binary"} <= set(names)


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ({"pyproject.toml": POETRY}, ["django"]),
        (
            {"pyproject.toml": f'{EMPTY}[project.optional-dependencies]\nweb = ["Django~=4.2", "x"]\n'},
            ["django", "x"],
        ),
        (
            {
                "pyproject.toml": f'{EMPTY}[dependency-groups]\ndev = ["django", "black"]\n'
                'prod = [{include-group = "base"}, "gunicorn"]\nbase = ["redis"]\n'
                'production = ["django>=5", {include-group = "base"}]\n'
            },
            ["django", "redis"],
        ),
        (
            {
                "Pipfile": '[packages]\ndjango = "*"\n',
                "Pipfile.lock": '{"default": {"django": {"version": "==5.2"}}}',
            },
            ["django"],
        ),
    ],
)
def test_requirements_in_other_forms_are_read(
    files: dict[str, str], names: list[str], tell: Tell, tmp_path: Path
) -> None:
    assert [finding for finding in tell(files) if finding.refuses] == []
    assert required_names(tmp_path, find_requirements(tmp_path, tmp_path)) == names


UV_LOCK = 'version = 1\n\n[[package]]\nname = "celery"\nversion = "5.4.0"\nsource = { registry = "x" }\n'


def test_a_lock_beside_what_is_installed_from_is_used(tell: Tell, tmp_path: Path) -> None:
    files = {"pyproject.toml": PROJECT, "uv.lock": UV_LOCK.replace("5.4.0", "5.7.1")}
    assert tell(files) == []
    assert packaging.lock_of(tmp_path, ["pyproject.toml"]) == "uv.lock"
    assert packaging.lock_of(tmp_path, ["requirements.txt"]) == ""


def test_a_lock_that_celery_cannot_be_installed_with_is_refused_with_its_line(tell: Tell) -> None:
    (finding,) = tell({"pyproject.toml": PROJECT, "uv.lock": UV_LOCK})
    assert finding.text.startswith("uv.lock:3 locks celery 5.4.0, and the integration needs 5.7 or newer.")
    assert "uv add" in finding.text
    assert (finding.refuses, finding.concerns, finding.option) == (True, "integration", "requirements")


def test_a_lock_in_conflict_is_refused(tell: Tell) -> None:
    (finding,) = tell({"pyproject.toml": PROJECT, "uv.lock": "<<<<<<< HEAD\n"})
    assert finding.refuses
    assert "uv.lock: uv.lock is no lock file that can be read" in finding.text


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Django==6.1", True),
        ("django[argon2]>=6.1,<7", True),
        ("Django~=6.1.2", True),
        ("Django>=6.0", False),
        ("Django==6.0.9", False),
        ("django-filter>=25", False),
    ],
)
def test_a_django_that_beats_package_does_not_work_with_is_refused(line: str, told: bool, tell: Tell) -> None:
    told_of = tell({"requirements.txt": f"{line}\n"})
    found = [finding for finding in told_of if finding.concerns == "database scheduler"]
    assert bool(found) is told
    if told:
        assert found[0].refuses
        assert found[0].text.startswith(f"requirements.txt:1: {line} cannot be installed with django-")
