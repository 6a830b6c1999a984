# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of ours come into the repository though a pattern of the project's .gitignore is about them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._checkout.exceptions import (
    has_exception,
    told,
    with_exceptions,
)

NAMES = ["shop/celery.py", "shop/celery_ops/apps.py", "shop/celery_ops/integration.json"]


def git(top: Path, *arguments: str) -> str:
    """Runs git in a repository, and returns what it says."""
    command = ["git", "-C", str(top), "-c", "user.email=a@example.org", "-c", "user.name=a", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def integrated(top: Path, patterns: str, names: list[str], folder: str = "") -> list[str]:
    """Writes the files and the block as a run does, twice; returns the lines of the second run."""
    ignore = top / folder / ".gitignore"
    ignore.write_text(patterns)
    blocks = {f"{folder}.gitignore": {"lines": ".celery/\n", "hint": ""}}
    lines = with_exceptions(top, names, blocks)[f"{folder}.gitignore"]["lines"]
    ignore.write_text(patterns + lines)
    for name in names:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text("")
    again = with_exceptions(top, names, blocks)[f"{folder}.gitignore"]["lines"]
    assert again == lines
    git(top, "add", "--all")
    git(top, "commit", "-qm", "integrated")
    assert with_exceptions(top, names, blocks)[f"{folder}.gitignore"]["lines"] == lines
    return lines.splitlines()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a file of the project's in lib, which was added by force."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/theirs.py").write_text("")
    git(tmp_path, "add", "--force", "lib/theirs.py")
    git(tmp_path, "commit", "-qm", "start")
    return tmp_path


@pytest.mark.parametrize(
    ("patterns", "prefix"),
    [
        ("*.json\n", ""),
        ("celery*\n", ""),
        ("lib/\n", "lib/"),
        ("lib/\n*.json\n", "lib/"),
        ("/lib\n", "lib/"),
        ("*\n!*.md\n", ""),
        ("**/shop/*\n", "lib/"),
        ("celery_ops\n", ""),
        ("*.py[json]\n*.jso[n]\n", ""),
    ],
)
def test_what_git_would_ignore_is_committed_all_the_same(
    patterns: str, prefix: str, repository: Path
) -> None:
    names = [f"{prefix}{name}" for name in NAMES]
    for beside in ("shop/celery_ops/other.json", "lib/other.txt", "celery_notes"):
        (repository / beside).parent.mkdir(parents=True, exist_ok=True)
        (repository / beside).write_text("theirs")
    git(repository, "init", "--quiet")
    ignore = repository / ".gitignore"
    ignore.write_text(patterns)
    before = set(git(repository, "ls-files", "--others", "--ignored", "--exclude-standard").splitlines())
    assert len(integrated(repository, patterns, names)) > 1
    there = set(git(repository, "ls-files").splitlines())
    assert there >= set(names)
    # Nothing else that was ignored is in the repository, or would be.
    assert not there & (before - set(names))
    still = set(git(repository, "ls-files", "--others", "--ignored", "--exclude-standard").splitlines())
    assert still >= before - set(names)


def test_where_nothing_is_ignored_there_is_no_exception(repository: Path) -> None:
    assert integrated(repository, "*.pyc\n", NAMES) == [".celery/"]


def test_a_file_that_was_added_by_force_needs_none(repository: Path) -> None:
    (repository / "shop/celery_ops").mkdir(parents=True)
    for name in NAMES:
        (repository / name).write_text("")
    git(repository, "add", "--force", *NAMES)
    assert integrated(repository, "*.json\n", NAMES) == [".celery/"]


def test_names_are_quoted_and_the_block_may_stand_in_a_folder(repository: Path) -> None:
    (repository / "src").mkdir()
    (repository / ".gitignore").write_text("*.json\n")
    names = ["src/sh[o]p/a*.json", "src/shop/b.json"]
    lines = integrated(repository, "", names, "src/")
    assert lines[2:] == ["!/sh\\[o]p/a\\*.json", "!/shop/b.json"]
    assert set(git(repository, "ls-files").splitlines()) >= set(names)


def test_without_a_repository_or_a_block_nothing_is_added(tmp_path: Path) -> None:
    blocks = {".gitignore": {"lines": "a\n", "hint": ""}}
    assert with_exceptions(tmp_path, NAMES, blocks) == blocks
    assert with_exceptions(tmp_path, NAMES, {}) == {}


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        (".gitignore", b"*.json\n!/src/a.json\n", True),
        ("src/.gitignore", b"!/a.json", True),
        ("other/.gitignore", b"!/src/a.json\n", False),
        (".gitignore", b"!/src/a.json.old\n", False),
        (".gitignore", None, False),
    ],
)
def test_an_exception_that_will_be_written_is_known(
    file: str, content: bytes | None, expected: bool, tmp_path: Path
) -> None:
    assert has_exception(tmp_path, "src/a.json", {tmp_path / file: content}) is expected


def test_exceptions_are_told_when_they_come(repository: Path) -> None:
    (repository / ".gitignore").write_text("*.json\n")
    blocks = {".gitignore": {"lines": "a\n", "hint": ""}}
    lines = with_exceptions(repository, NAMES, blocks)[".gitignore"]["lines"]
    added = "".join(f"+{line}\n" for line in lines.splitlines())
    assert "git ignores files of the integration" in told(f"@@ -1 +1 @@\n{added}")
    assert told(f"@@ -1 +1 @@\n{added.replace('+', ' ')}") == ""
