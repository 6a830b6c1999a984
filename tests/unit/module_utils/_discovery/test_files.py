# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project's own files are found, and what git ignores is not of them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.celeriac.django.plugins.module_utils import _owner
from ansible_collections.celeriac.django.plugins.module_utils._discovery import files

Write = Callable[[Path, Mapping[str, str]], Path]


def names(top: Path) -> list[str]:
    """Returns the Python files that are the project's own."""
    found = files.python_files(top, files.git_ignored(top))
    return [str(path.relative_to(top)) for path in found]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs git in a folder, with nobody's own configuration."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    def git(top: Path, *arguments: str) -> None:
        subprocess.run(["git", "-C", str(top), *arguments], check=True, capture_output=True)

    return git


@pytest.fixture
def repository(tmp_path: Path, write_tree: Write, git: Callable[..., None]) -> Path:
    """A repository that ignores a folder, a pattern of files, and a folder that has a file after all."""
    top = write_tree(
        tmp_path / "repository",
        {
            ".gitignore": "/build/\n*_local.py\n/vendor/*\n!/vendor/kept.py\n",
            "manage.py": "",
            "build/lib/shop/settings.py": "",
            "shop/settings.py": "",
            "shop/settings_local.py": "",
            "shop/café_local.py": "",
            "vendor/kept.py": "",
            "vendor/gone.py": "",
        },
    )
    git(top, "init", "--quiet")
    return top


def test_only_the_own_python_files_are_found(tmp_path: Path, write_tree: Write) -> None:
    write_tree(
        tmp_path,
        {
            "b.py": "",
            "a/z.py": "",
            "a/a.txt": "",
            "a.py": "",
            "env/pyvenv.cfg": "",
            "env/lib/x.py": "",
            ".hidden/x.py": "",
            "web/node_modules/gyp/x.py": "",
            "lib/python3.11/site-packages/x.py": "",
            "__pycache__/x.py": "",
            "elsewhere/pyvenv.cfg": "",
            "elsewhere/x.py": "",
        },
    )
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "link.py").symlink_to("a.py")
    (tmp_path / "dangling.py").symlink_to("nowhere.py")
    found = [str(path.relative_to(tmp_path)) for path in files.python_files(tmp_path)]
    assert found == ["a.py", "b.py", "link.py", "a/z.py"]


def test_what_a_process_keeps_is_found(tmp_path: Path, write_tree: Write) -> None:
    """Not what it reads each time, or writes itself: a database, an upload, static files."""
    write_tree(
        tmp_path,
        {
            ".env": "",
            "manage.py": "",
            "db.sqlite3": "",
            "orders/templates/orders/mail/confirmation.txt": "",
            "orders/jinja2/a.html": "",
            "orders/locale/de/LC_MESSAGES/django.mo": "",
            "orders/locale/de/LC_MESSAGES/django.po": "",
            "media/templates.txt": "",
            "static/a.css": "",
            "venv/pyvenv.cfg": "",
            "venv/templates/a.html": "",
            ".git/templates/description": "",
        },
    )
    found = {str(path.relative_to(tmp_path)) for path in files.loaded_files(tmp_path)}
    assert found == {
        ".env",
        "manage.py",
        "orders/templates/orders/mail/confirmation.txt",
        "orders/jinja2/a.html",
        "orders/locale/de/LC_MESSAGES/django.mo",
    }


def test_a_virtualenv_as_the_top_is_looked_into(tmp_path: Path, write_tree: Write) -> None:
    """Some make the virtual environment around the checkout."""
    write_tree(tmp_path, {"pyvenv.cfg": "", "manage.py": ""})
    assert list(files.python_files(tmp_path)) == [tmp_path / "manage.py"]


def test_what_is_passed_over_is_named_by_its_path(tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path, {"a.py": "", "b/c.py": "", "d/e.py": ""})
    ignored = {str(tmp_path / "b"), str(tmp_path / "d/e.py")}
    assert list(files.python_files(tmp_path, ignored)) == [tmp_path / "a.py"]


def test_what_git_ignores_is_passed_over(repository: Path) -> None:
    assert names(repository) == ["manage.py", "shop/settings.py", "vendor/kept.py"]


def test_what_is_committed_counts_although_a_pattern_has_it(
    repository: Path, git: Callable[..., None]
) -> None:
    git(repository, "add", "--force", "shop/settings_local.py", "build/lib/shop/settings.py")
    assert names(repository) == [
        "manage.py",
        "build/lib/shop/settings.py",
        "shop/settings.py",
        "shop/settings_local.py",
        "vendor/kept.py",
    ]


def test_a_project_below_the_top_of_the_repository(repository: Path) -> None:
    assert files.git_ignored(repository / "shop") == {
        str(repository / "shop" / name) for name in ("settings_local.py", "café_local.py")
    }


def test_a_checkout_that_is_ignored_as_a_whole_is_looked_into(repository: Path) -> None:
    """Such as a deployment in a folder of somebody's own repository."""
    assert files.git_ignored(repository / "build/lib") == frozenset()
    assert names(repository / "build/lib") == ["shop/settings.py"]


def test_a_repository_of_its_own_in_an_ignored_folder(repository: Path, git: Callable[..., None]) -> None:
    git(repository / "build/lib", "init", "--quiet")
    assert "build/lib/shop/settings.py" not in names(repository)
    assert names(repository / "build/lib") == ["shop/settings.py"]


def test_without_a_repository_nothing_is_ignored(tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path, {".gitignore": "*.py\n", "a.py": ""})
    assert files.git_ignored(tmp_path) == frozenset()


def test_without_git_nothing_is_ignored(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert files.git_ignored(repository) == frozenset()


def test_a_damaged_repository_ignores_nothing(tmp_path: Path, write_tree: Write) -> None:
    write_tree(tmp_path, {".git/HEAD": "what?", ".gitignore": "*.py\n", "a.py": ""})
    assert files.git_ignored(tmp_path) == frozenset()


@pytest.mark.parametrize(
    "setting",
    ["core.fsmonitor", "core.hooksPath", "core.pager", "core.sshCommand", "core.editor", "alias.ls-files"],
)
def test_no_program_of_the_repository_is_run(
    setting: str, repository: Path, git: Callable[..., None]
) -> None:
    trap = repository.parent / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {repository.parent}/sprung\n")
    trap.chmod(0o755)
    value = {"core.hooksPath": str(trap.parent), "alias.ls-files": f"!{trap}"}.get(setting, str(trap))
    git(repository, "config", setting, value)
    assert names(repository) == ["manage.py", "shop/settings.py", "vendor/kept.py"]
    assert not (repository.parent / "sprung").exists()


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_somebody_elses_repository_is_listed_by_its_owner(
    repository: Path, public_path: Path, give_away: Callable[[Path], Path]
) -> None:
    top = give_away(repository.rename(public_path / "repository"))
    found = _owner.call(top, lambda _ask: names(top))
    assert found == ["manage.py", "shop/settings.py", "vendor/kept.py"]
    # Root itself does not ask it anything.
    assert files.git_ignored(top) == frozenset()


@pytest.fixture
def partial(public_path: Path, write_tree: Write, git: Callable[..., None]) -> Path:
    """A repository that says that a missing file is to be fetched, by a program of its own."""
    top = write_tree(
        public_path / "partial", {"manage.py": "", ".gitignore": "*.log\n", "sub/.gitignore": "*.tmp\n"}
    )
    git(top, "init", "--quiet")
    git(top, "add", "--all")
    git(top, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "--quiet", "--message=a")
    listed = subprocess.run(
        ["git", "-C", str(top), "ls-files", "-s", "sub/.gitignore"],
        check=True,
        capture_output=True,
        text=True,
    )
    digest = listed.stdout.split()[1]
    git(top, "update-index", "--skip-worktree", "sub/.gitignore")
    (top / "sub/.gitignore").unlink()
    (top / "sub/x").touch()
    (top / ".git/objects" / digest[:2] / digest[2:]).unlink()
    trap = top / "trap"
    trap.write_text(f"#!/bin/sh\nid >{public_path}/sprung\n")
    trap.chmod(0o755)
    for name, value in {
        "core.repositoryformatversion": "1",
        "extensions.partialClone": "origin",
        "remote.origin.url": f"ext::{trap}",
        "remote.origin.promisor": "true",
        "protocol.ext.allow": "always",
    }.items():
        git(top, "config", name, value)
    return top


def test_nothing_is_fetched(partial: Path, public_path: Path) -> None:
    files.git_ignored(partial)
    assert not (public_path / "sprung").exists()


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_nothing_is_fetched_for_somebody_else(
    partial: Path, public_path: Path, give_away: Callable[[Path], Path]
) -> None:
    give_away(public_path)
    _owner.call(partial, lambda _ask: sorted(files.git_ignored(partial)))
    assert not (public_path / "sprung").exists()


@pytest.mark.parametrize("name", [b"a\nb.py", b"caf\xe9.py", b"a\x1b[2J.py", b"web\nX=/manage.py"])
def test_what_cannot_be_written_down_is_passed_over(name: bytes, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(name)
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert list(files.python_files(tmp_path)) == []


@given(st.text(st.characters(exclude_categories=()), max_size=8))
def test_a_readable_name_is_one_line_for_everybody(name: str) -> None:
    if files.readable_name(name):
        assert name.encode().decode() == name
        assert len(name.splitlines()) <= 1
        assert yaml.safe_load(json.dumps(name, ensure_ascii=False)) == name


@pytest.mark.parametrize(
    ("patterns", "pattern"),
    [
        ("*.json\n", ".gitignore:1: *.json"),
        ("# all\nshop/\n", ".gitignore:2: shop/"),
        ("*.json\n!made.json\n", ""),
        ("*.py\n", ""),
    ],
)
def test_the_pattern_that_keeps_a_file_out_of_the_repository(
    patterns: str, pattern: str, tmp_path: Path, write_tree: Callable[[Path, Mapping[str, str]], Path]
) -> None:
    write_tree(tmp_path, {".gitignore": patterns})
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    # It need not be there yet.
    found = files.ignoring_patterns(tmp_path, ["shop/made.json"])
    assert found == ({"shop/made.json": pattern} if pattern else {})
    assert files.ignoring_patterns(tmp_path, []) == {}


def test_what_is_in_the_repository_already_is_no_matter(
    tmp_path: Path, write_tree: Callable[[Path, Mapping[str, str]], Path]
) -> None:
    write_tree(tmp_path, {".gitignore": "*.json\n", "made.json": ""})
    assert files.ignoring_patterns(tmp_path, ["made.json"]) == {}
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "add", "--force", "made.json"], check=True)
    assert files.ignoring_patterns(tmp_path, ["made.json"]) == {}
