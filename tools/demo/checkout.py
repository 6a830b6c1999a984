# SPDX-License-Identifier: GPL-3.0-or-later
"""The copy of a project that the demo works on: a git repository that holds the project as it was."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

#: Folders that are no part of a project's source. Virtual environments are told by their pyvenv.cfg.
_LEFT_OUT = frozenset(
    {".celery", ".git", ".hg", ".svn", "__pycache__", "node_modules"}
    | {".mypy_cache", ".nox", ".pytest_cache", ".ruff_cache", ".tox"}
)
#: Nothing of the user's own git takes part: no hooks, no signature, no global excludes.
_OWN_GIT = (
    *("-c", "user.name=make demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgSign=false"),
    *("-c", "core.hooksPath=/dev/null", "-c", "core.excludesFile=/dev/null"),
    *("-c", "core.autocrlf=false", "-c", "init.defaultBranch=main"),
)


def git(folder: Path, *arguments: str, index: str = "") -> str | None:
    """Return what git prints, None where there is no git, or no checkout that it trusts."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    if index:
        environ["GIT_INDEX_FILE"] = index
    command = ["git", "--no-pager", *arguments]
    try:
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return os.fsdecode(done.stdout)


def diff_stat(folder: Path, columns: int, colour: bool) -> str | None:
    """Return ``git diff --stat`` with the new files, None where *folder* is in no git checkout.

    The checkout's own index stays as it is: a copy of it takes the new files.
    """
    index = git(folder, "rev-parse", "--git-path", "index")
    if index is None:
        return None
    with tempfile.TemporaryDirectory(prefix="celeriac-") as temporary:
        other = Path(temporary, "index")
        if (folder / index.strip()).exists():
            shutil.copyfile(folder / index.strip(), other)
        git(folder, "add", "--intent-to-add", ".", index=str(other))
        when = "--color=always" if colour else "--color=never"
        return git(folder, "diff", when, f"--stat={columns}", "--relative", index=str(other))


def source_files(top: Path) -> list[Path]:
    """Return a project's files, relative: what git has or would add, or all without a checkout."""
    listed = git(top, "ls-files", "-z", "--cached", "--others", "--exclude-standard") or ""
    names = [Path(name) for name in listed.split("\0") if name and os.path.lexists(top / name)]
    # Where git ignores the project itself, or knows nothing of it.
    if not any(name.name == "manage.py" for name in names):
        names = [Path()]
    return sorted({file for name in names for file in _below(top, name)})


def _below(top: Path, name: Path) -> Iterator[Path]:
    path = top / name
    if path.is_symlink() or path.is_file():
        yield name
    elif path.is_dir() and not (path / "pyvenv.cfg").exists():
        for entry in sorted(os.listdir(path)):
            if entry not in _LEFT_OUT:
                yield from _below(top, name / entry)


def digest(top: Path, files: Iterable[Path]) -> str:
    """Return what tells whether the project has changed; what it keeps in a database does not."""
    state = hashlib.sha256()
    for file in files:
        if file.suffix == ".sqlite3":
            continue
        path = top / file
        content = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
        state.update(os.fsencode(file) + b"\0" + hashlib.sha256(content).digest())
    return state.hexdigest()


class Copy:
    """The copy of one project, and beside it a record of what it was made from."""

    def __init__(self, source: Path, folder: Path) -> None:
        """Choose a place in *folder*: another project of the same name may have the first one."""
        self.source = source
        names = (f"{source.name}{suffix}" for suffix in ("", *(f"-{n}" for n in range(2, 100))))
        self.path = next(
            path for path in map(folder.joinpath, names) if _made_from(path) in ("", str(source))
        )

    def refresh(self, anew: bool) -> str:
        """Make the copy where there is none, or where it is of an older state and as it was made.

        Args:
            anew: make it in any case.

        Returns:
            what is to be said about it, empty where there is nothing.
        """
        files = source_files(self.source)
        record = {"source": str(self.source), "digest": digest(self.source, files)}
        if anew or not self.path.exists():
            self._make(files, record)
            return ""
        if _record(self.path) == record:
            return ""
        if git(self.path, "status", "--porcelain") == "":
            self._make(files, record)
            return "The project has changed, so it was copied anew."
        return "The project has changed since it was copied. FRESH=1 makes a new copy."

    def _make(self, files: Iterable[Path], record: dict[str, str]) -> None:
        """Make it whole beside its place, then put it there: there is never half a copy."""
        new = self.path.with_name(f"{self.path.name}.new")
        for old in (new, self.path):
            if old.exists():
                shutil.rmtree(old)
        new.mkdir(parents=True)
        for file in files:
            (new / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self.source / file, new / file, follow_symlinks=False)
        git(new, *_OWN_GIT, "init", "--quiet", "--template=")
        git(new, *_OWN_GIT, "add", "--all")
        git(new, *_OWN_GIT, "commit", "--quiet", "--allow-empty", "-m", "The project as it was")
        _record_file(self.path).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        new.rename(self.path)


def _record_file(copy: Path) -> Path:
    return copy.with_name(f"{copy.name}.json")


def _record(copy: Path) -> dict[str, str]:
    try:
        return dict(json.loads(_record_file(copy).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _made_from(copy: Path) -> str:
    return _record(copy).get("source", "")
