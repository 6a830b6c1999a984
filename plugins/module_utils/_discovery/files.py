# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project's own files in a checkout: neither installed, nor generated, nor ignored by git."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from .. import _command

#: Folders that never hold a project's own source.
SKIPPED_FOLDERS = frozenset(
    {"__pycache__", "node_modules", "site-packages", "dist-packages", "bower_components"}
)

#: Folders of templates. Django's loader and Jinja's keep what they have read as long as the process runs.
TEMPLATE_FOLDERS = frozenset({"templates", "jinja2"})
#: Other files that a process reads once: compiled translations, and what django-environ and others read.
_READ_ONCE = (".mo", ".env")

#: Seconds for git to list what it ignores.
_GIT_TIMEOUT = 20


def python_files(top: Path, ignored: Collection[str] = ()) -> Iterator[Path]:
    """Yield the project's own Python files below *top*, in a stable order.

    Hidden folders, virtual environments and dependency folders are passed over,
    and symbolic links to folders are not followed. Passed over, too, is a file whose name holds a line break,
    or is no text: no module is called that.

    Args:
        top: the folder to look in.
        ignored: absolute paths of files and folders that are passed over too.
    """
    for _folder, entries in _folders(top, ignored):
        for entry in entries:
            if entry.name.endswith(".py") and readable_name(entry.path) and entry.is_file():
                yield Path(entry.path)


def loaded_files(top: Path) -> Iterator[Path]:
    """Yield what a process of the project reads once and keeps: code, templates, translations, environment.

    Args:
        top: the folder to look in, as :func:`python_files` does.
    """
    for folder, entries in _folders(top, ()):
        templates = not TEMPLATE_FOLDERS.isdisjoint(folder.relative_to(top).parts)
        for entry in entries:
            if (templates or entry.name.endswith((".py", *_READ_ONCE))) and entry.is_file():
                yield Path(entry.path)


def _folders(top: Path, ignored: Collection[str]) -> Iterator[tuple[Path, list[os.DirEntry[str]]]]:
    """Yield the folders with what else than folders is in each."""
    stack = [top]
    while stack:
        folder = stack.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            continue
        if folder != top and any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        below, others = [], []
        for entry in entries:
            if entry.path in ignored:
                continue
            if not entry.is_dir(follow_symlinks=False):
                others.append(entry)
            # "{{ cookiecutter.name }}" is a template of a project, and no project.
            elif not entry.name.startswith((".", "{{")) and entry.name not in SKIPPED_FOLDERS:
                below.append(Path(entry.path))
        yield folder, others
        stack.extend(reversed(below))


def git_ignored(top: Path) -> frozenset[str]:
    """Return the absolute paths of the folders and Python files below *top* that git ignores.

    Empty where git is not installed, *top* is no work tree, or *top* itself is ignored as a whole.
    Nothing of the repository's configuration that names a program is used, and of somebody else's
    repository nothing at all: git is run by its owner, or refuses.
    """
    names = _git(top, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    if "./" in names:
        return frozenset()
    return frozenset(
        os.path.join(top, name.rstrip("/")) for name in names if name.endswith(("/", ".py")) and name
    )


def ignoring_patterns(top: Path, names: Collection[str]) -> dict[str, str]:
    """Return which files git would not take into the repository of *top*, each with the pattern that says so.

    Args:
        top: the checkout.
        names: files, relative to it; those that are in the repository already are no matter.
    """
    found = _git(top, "check-ignore", "-v", "-z", "--stdin", given="\0".join(names)) if names else []
    # Four texts for each: the file with the patterns, the line, the pattern, and what it is about.
    rows = zip(*(iter(found),) * 4, strict=False)
    return {name: f"{source}:{line}: {pattern}" for source, line, pattern, name in rows if pattern[:1] != "!"}


def deciding_patterns(top: Path, names: Sequence[str]) -> list[str]:
    """Return the pattern that decides whether git ignores each of the names, empty where none does.

    Args:
        top: the checkout.
        names: files, and folders with a ``/`` at the end, relative to it; whether they are in the repository
            is no matter.

    Nothing is returned where nothing is ignored, or git says nothing.
    """
    found = _git(top, "check-ignore", "-v", "-z", "--no-index", "--stdin", given="\0".join(names))
    rows = zip(*(iter(found),) * 4, strict=False)
    decided = {name: pattern for _source, _line, pattern, name in rows}
    return [decided.get(name, "") for name in names] if decided else []


def tracked(top: Path, names: Iterable[str]) -> frozenset[str]:
    """Return which of the names are in the repository of *top*, relative to it."""
    return frozenset(filter(None, _git(top, "ls-files", "-z", "--", *names)))


def _git(top: Path, *arguments: str, given: str = "") -> list[str]:
    """Return what git says of the work tree at *top*, split at NUL bytes; nothing where it says nothing."""
    if not any((folder / ".git").exists() for folder in (top, *top.parents)):
        return []
    command = ["git", "-C", str(top)]
    # A file system monitor would be a program.
    for setting in ("core.fsmonitor=false", "core.hooksPath=/dev/null"):
        command += ["-c", setting]
    command += arguments
    try:
        done = _command.run(command, timeout=_GIT_TIMEOUT, env=_git_environment(), input=given)
    except (OSError, _command.TimeoutExpired):
        return []
    return done.stdout.split("\0") if done.returncode == 0 else []


def _git_environment() -> dict[str, str]:
    """Return an environment in which git only reads: it fetches nothing, writes nothing and asks nobody."""
    given = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {
        **given,
        # A repository can say that what is missing in it is to be fetched, by a program that it names.
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }


def readable_name(path: str) -> bool:
    """Tell whether a path can be written into units, settings and messages: text, on one line."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", path)
