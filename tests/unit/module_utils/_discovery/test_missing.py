# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who lacks a package is told which, and where the checkout names it already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._discovery import missing

Write = Callable[[Path, Mapping[str, str]], Path]


@pytest.mark.parametrize(
    ("files", "module", "words"),
    [
        (
            {"pyproject.toml": '\n[x]\ndev = [\n  "django-linear-migrations>=2"]\n'},
            "django_linear_migrations.a",
            "pyproject.toml:4 names django-linear-migrations",
        ),
        (
            {"pyproject.toml": "[tool.poetry.group.dev.dependencies]\nDjango_Environ = '*'\n"},
            "environ",
            "pyproject.toml:2 names django-environ",
        ),
        (
            {"requirements/dev.txt": "# whitenoise\nwhitenoise[brotli]==6\n"},
            "whitenoise",
            "requirements/dev.txt:2 names",
        ),
        ({"setup.py": "extras = {'site': ['PyYAML']}\n"}, "yaml", "setup.py:1 names PyYAML"),
        (
            {"requirements.txt": "django-environment\nnot-environ\n"},
            "environ",
            "is of the package django-environ",
        ),
        ({}, "PIL.Image", "is of the package Pillow"),
        ({"requirements.txt": "Django\n"}, "company_lib", ""),
    ],
)
def test_a_module_that_is_missing(
    files: Mapping[str, str], module: str, words: str, tmp_path: Path, write_tree: Write
) -> None:
    told = missing.advice(write_tree(tmp_path, files), f"No module named '{module}'")
    assert words in told
    assert bool(told) == bool(words)


def test_what_a_project_in_a_folder_needs_may_be_named_above(tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path, {".git/HEAD": "", "requirements/dev.txt": "whitenoise\n", "site/manage.py": ""})
    assert "requirements/dev.txt:1 names" in missing.advice(tmp_path / "site", "No module named 'whitenoise'")


def test_other_errors_are_no_matter(tmp_path: Path) -> None:
    assert missing.advice(tmp_path, "cannot import name 'x' from 'y'") == ""
    assert missing.advice(tmp_path / "gone", "No module named 'x'") == ""
