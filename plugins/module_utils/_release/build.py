# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made in a release once: its packages from those before, its assets, its bytecode."""

from __future__ import annotations

import filecmp
import os
import shutil
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .. import _command
from .._project.python import ProjectPython
from .._runtime import builder as _builder
from .._runtime import packages
from .record import OURS

VENV = ".venv"
#: Seconds that one command may take.
PATIENCE = 3600


class BuildError(Exception):
    """A command failed. The text has its last lines."""


def seed(before: Path, release: Path) -> None:
    """Let a release begin with the packages of another one: files are shared, as they are never changed."""
    source, venv = (before / VENV).resolve(), release / VENV
    sets = packages.sets_of(venv)
    if not packages.is_ours(before / VENV) or sets.exists() or _leads_to(source, before):
        return
    sets.mkdir()
    (sets / OURS).touch()
    target = sets / "seed"
    target.mkdir()
    _builder.copy(source, target, source.stat().st_uid, link=True)
    venv.symlink_to(target.relative_to(release))


def _leads_to(venv: Path, release: Path) -> bool:
    """Tell whether packages lead to the code of a release, as one that is installed editable does."""
    names = ("*.pth", "__editable__*", "*.egg-link", "*.dist-info/direct_url.json")
    files = [file for name in names for file in venv.glob(f"lib/python3*/site-packages/{name}")]
    return any(os.fsencode(release) in file.read_bytes() for file in files)


def run(release: Path, base: Path, commands: Sequence[str], project: ProjectPython) -> list[str]:
    """Run commands in a copy of the release as an unprivileged user, and take over what they have made.

    Returns the files that are new or changed.

    Args:
        release: its folder, root's.
        base: the folder of manage.py, where they run.
        commands: lines for a shell.
        project: as whom, and with which environment.

    Raises:
        BuildError: one failed.
    """
    if not commands:
        return []
    with tempfile.TemporaryDirectory(prefix=".build-", dir=release.parent) as folder:
        os.chmod(folder, 0o711)  # noqa: S103 - to pass through, on the way to what is the builder's
        work = Path(folder, "code")
        shutil.copytree(release, work, symlinks=True, ignore=_ours_at(release))
        work.chmod(0o755)
        who = _builder.Builder(project.uid, project.gid)
        if not who.is_us():
            _builder.give(work, who)
        for command in commands:
            _run(command, work / base.relative_to(release), project)
        changed = _changed(work, release)
        for path in changed:
            if (release / path).is_symlink() or (release / path).is_file():
                (release / path).unlink()
        try:
            _builder.copy(work, release, project.uid)
        except _builder.BuilderError as error:
            raise BuildError(f"celery_release_build: {error}") from error
    return [str(path) for path in changed]


def _ours_at(release: Path):  # type: ignore[no-untyped-def] # as of shutil.copytree
    def ignore(folder: str, names: list[str]) -> list[str]:
        ours = (VENV, f"{VENV}.d", OURS) if folder == str(release) else ()
        return [name for name in names if name in ours]

    return ignore


def _changed(work: Path, release: Path) -> list[Path]:
    found = []
    for folder, folders, files in os.walk(work):
        for name in (*files, *(one for one in folders if Path(folder, one).is_symlink())):
            path = Path(folder, name)
            below = path.relative_to(work)
            old = release / below
            if path.is_symlink():
                same = old.is_symlink() and os.readlink(old) == os.readlink(path)
            else:
                same = old.is_file() and not old.is_symlink() and filecmp.cmp(path, old, shallow=False)
            if not same:
                found.append(below)
    return sorted(found)


def _run(command: str, base: Path, project: ProjectPython) -> None:
    with tempfile.TemporaryFile() as output:
        environ = {**project.environ(), "CELERY_STATE_PATH": str(base), "PYTHONPYCACHEPREFIX": ""}
        process = _command.start(
            ["/bin/sh", "-c", command], output, cwd=str(base), env=environ, umask=0o022, **project.identity()
        )
        try:
            status = process.wait(PATIENCE)
        except _command.TimeoutExpired:
            status = -1
        finally:
            # What it has left running must not change what becomes the release.
            _kill(process.pid)
            process.wait()
        output.seek(0)
        text = output.read().decode("utf-8", "replace").strip()
    if status:
        why = f"status {status}" if status > 0 else f"it did not end within {PATIENCE} s"
        last = "\n".join(text.splitlines()[-15:])
        raise BuildError(f"celery_release_build: {command}: {why}. Its last lines:\n{last}")


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def compile_code(release: Path, interpreter: str) -> None:
    """Compile the code of a release; none of it is run."""
    # Without the packages of anybody: -S. What cannot be compiled is told when it is imported.
    _command.run(
        [interpreter, "-I", "-S", "-m", "compileall", "-q", "-x", rf"/\{VENV}(\.d)?/", str(release)],
        timeout=PATIENCE,
    )
