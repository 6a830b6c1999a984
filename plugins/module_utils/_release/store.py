# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases of a project on a host: folders that never change, and a link to the one that was proven.

``<root>/releases/<time>-<commit>/`` has the code, ``.venv`` and ``.celeriac/release.json``, which is
written last: a folder without it is none. All of it is root's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tarfile
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .. import _whole
from .._owner import exchangeable
from .._services.systemd import UNITS, Systemd, SystemdError
from .record import OURS, PROVEN, RECORD

RELEASES, CURRENT, SHARED, LOG, MIRROR = "releases", "current", "shared", "releases.log", "repository.git"
_NAME = re.compile(r"\d{8}-\d{6}-[0-9a-f]{7,12}\Z")
#: How many lines the log keeps.
_LINES = 500


class StoreError(Exception):
    """A release cannot be made or used. The text says why."""


@dataclass(frozen=True)
class Release:
    """A release that is whole."""

    name: str
    commit: str
    version: str = ""
    subject: str = ""
    #: What of the variables went into it.
    recipe: str = ""
    #: The tasks that its source has, each with its place; its packages.
    tasks: dict[str, str] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    #: Whether a deploy of it was proven: its folder says so by a file.
    proven: bool = False


def name_of(commit: str, time: str) -> str:
    """Return the name of a new release.

    Args:
        commit: what it is made of.
        time: as ``20261130-140501``.
    """
    return f"{time}-{commit[:10]}"


class Store:
    """The releases below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / RELEASES

    def see_that_it_can_be_ours(self) -> None:
        """See that nobody else could exchange what services run.

        Raises:
            StoreError: somebody could.
        """
        whose = exchangeable(self.root)
        if os.geteuid() == 0 and whose:
            raise StoreError(
                f"celery_release_path: {whose} is not root's alone, and whoever may write there could "
                "exchange what the services run. Name a folder below folders of root's, such as /srv/shop."
            )
        if (self.root / "manage.py").exists() or (self.root / ".git").exists():
            raise StoreError(
                f"celery_release_path: {self.root} is a checkout, and would hold the releases. Name another "
                "folder, such as /srv/NAME-releases."
            )

    def place(self, name: str) -> Path:
        """Return the folder of a release.

        Raises:
            StoreError: none can be called so.
        """
        if not _NAME.match(name):
            raise StoreError(f"{name!r} is no name of a release")
        return self.folder / name

    def there(self) -> list[Release]:
        """Return the releases that are whole, oldest first."""
        if not self.folder.is_dir():
            return []
        names = sorted(path.name for path in self.folder.iterdir() if _NAME.match(path.name))
        return [found for found in map(self.read, names) if found]

    def read(self, name: str) -> Release | None:
        """Return a release, None where it is not there or not whole."""
        try:
            text = (self.folder / name / OURS / RECORD).read_text(encoding="utf-8")
            proven = (self.folder / name / OURS / PROVEN).exists()
            return Release(**{**json.loads(text), "name": name, "proven": proven})
        except (OSError, ValueError, TypeError):
            return None

    def current(self) -> str:
        """Return the name of the release that was proven last, empty where there is none."""
        try:
            return os.path.basename(os.readlink(self.root / CURRENT))
        except OSError:
            return ""

    def with_packages(self, name: str) -> Path | None:
        """Return the folder of the current release, or the newest, whose packages another can begin with."""
        others = self.folder.iterdir() if self.folder.is_dir() else ()
        names = sorted((path.name for path in others if _NAME.match(path.name)), reverse=True)
        places = [self.folder / one for one in (self.current(), *names) if one and one != name]
        return next((place for place in places if (place / ".venv/bin/python").exists()), None)

    def unpack(self, name: str, archive: Path) -> Path:
        """Make the folder of a release of a tar archive, and return it.

        Raises:
            StoreError: the archive cannot be unpacked.
        """
        self.see_that_it_can_be_ours()
        target = self.place(name)
        for folder in (self.root, self.folder):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
        new = self.folder / f".new-{name}"
        # They need not be there; what cannot be removed fails below.
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(target, ignore_errors=True)
        new.mkdir()
        new.chmod(0o755)
        try:
            with tarfile.open(archive) as opened:
                _extract(opened, new)
        except (tarfile.TarError, OSError) as error:
            # The first error is the cause.
            shutil.rmtree(new, ignore_errors=True)
            raise StoreError(f"the code cannot be unpacked into {target}: {error}") from error
        (new / OURS).mkdir(exist_ok=True)
        new.rename(target)
        return target

    def seal(self, release: Release) -> None:
        """Say that a release is whole."""
        place = self.place(release.name) / OURS / RECORD
        os.sync()
        _whole.write(place, json.dumps(asdict(release), indent=1, sort_keys=True), 0o644)

    def share(self, name: str, paths: Collection[str], uid: int, gid: int) -> None:
        """Put links to what all releases share into one; what is not there yet is made, for the services.

        Raises:
            StoreError: a path leads elsewhere, or is part of the code.
        """
        release = self.place(name)
        for path in paths:
            parts = Path(path).parts
            if os.path.isabs(path) or ".." in parts or not parts or parts[0] in (OURS, ".venv"):
                raise StoreError(
                    f"celery_release_shared: {path!r} has to be a path inside of a release, such as media."
                )
            kept, link = self.root / SHARED / path, release / path
            if not os.path.lexists(kept):
                kept.mkdir(parents=True)
                os.chown(kept, uid, gid)
                kept.chmod(0o755)
            if os.path.islink(link) and os.readlink(link) == str(kept):
                continue
            if link.is_dir() and not link.is_symlink() and not any(link.iterdir()):
                link.rmdir()
            if os.path.lexists(link):
                raise StoreError(
                    f"celery_release_shared: {path} is in the repository too, and the link to {kept} would "
                    "take its place. Take it out of one of them."
                )
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(kept)

    def point(self, name: str) -> bool:
        """Let ``current`` lead to a release, by one rename; tell whether that is a change."""
        place = self.place(name)
        (place / OURS / PROVEN).touch()
        if self.current() == name:
            return False
        new = self.root / f".{CURRENT}.new"
        new.unlink(missing_ok=True)
        new.symlink_to(place.relative_to(self.root))
        new.rename(self.root / CURRENT)
        return True

    def note(self, line: Mapping[str, Any]) -> None:
        """Add a line to the log."""
        lines = [*self.log(_LINES - 1), dict(line)]
        self.root.mkdir(parents=True, exist_ok=True)
        text = "".join(f"{json.dumps(one, ensure_ascii=False)}\n" for one in lines)
        _whole.write(self.root / LOG, text, 0o644)

    def log(self, most: int = 50) -> list[dict[str, Any]]:
        """Return the last lines of the log, oldest first."""
        try:
            lines = (self.root / LOG).read_text(encoding="utf-8").splitlines()
        except OSError:
            return []
        found = []
        for line in lines[-most:]:
            try:
                found.append(json.loads(line))
            except ValueError:
                continue
        return found

    def used(self, units: Path = UNITS) -> set[str]:
        """Return the releases that units of this host start from."""
        found = set()
        for file in units.glob("*.service"):
            try:
                text = file.read_text(encoding="utf-8")
            except OSError:
                continue
            found |= self._named(text)
        return found

    def running(self, systemd: Systemd) -> list[str]:
        """Return the releases that workers run from which are not on their way out."""
        try:
            states = systemd.states(["*-worker-*@*.service"])
        except (SystemdError, OSError):
            return []
        texts = []
        for unit, state in states.items():
            if state == "active" and (systemd.folder / unit).is_file():
                texts.append((systemd.folder / unit).read_text(encoding="utf-8"))
        return sorted({name for text in texts for name in self._named(text)})

    def _named(self, text: str) -> set[str]:
        """Return the releases that a unit starts from."""
        found = (re.match(r"[0-9a-f-]+", part) for part in text.split(f"{self.folder}/")[1:])
        return {match[0] for match in found if match}

    def prune(self, keep: int, also: Collection[str] = (), units: Path = UNITS) -> list[str]:
        """Remove old releases, and what killed runs have left; return their names.

        Args:
            keep: how many that were proven stay besides the current one.
            also: releases that stay.
            units: where units are: what one of them starts from stays.
        """
        proven = [release.name for release in self.there() if release.proven]
        others = [name for name in proven if name != self.current()]
        stay = {self.current(), *also, *(others[-keep:] if keep else []), *self.used(units)}
        gone = []
        for path in sorted(self.folder.iterdir()) if self.folder.is_dir() else []:
            if path.name in stay or not (_NAME.match(path.name) or path.name.startswith(".new-")):
                continue
            # First it is none any more.
            (path / OURS / RECORD).unlink(missing_ok=True)
            shutil.rmtree(path)
            gone.append(path.name)
        return gone


def _extract(archive: tarfile.TarFile, folder: Path) -> None:
    """Unpack an archive of code: files, folders, and links that stay inside; all of it root's."""
    for member in archive:
        member.uid, member.gid, member.uname, member.gname = os.geteuid(), os.getegid(), "", ""
        executable = member.isdir() or bool(member.mode & 0o100)
        member.mode = 0o755 if executable else 0o644
        if not (member.isfile() or member.isdir() or member.issym()):
            raise tarfile.TarError(f"{member.name} is no file, folder or link")
        where = os.path.normpath(os.path.join(os.path.dirname(member.name), member.linkname or "."))
        inside = os.path.normpath(member.name)
        for path in (inside, where):
            if os.path.isabs(path) or path.split(os.sep)[0] == "..":
                raise tarfile.TarError(f"{member.name} leads out of the release ({member.linkname})")
        if any((folder / parent).is_symlink() for parent in Path(inside).parents):
            raise tarfile.TarError(f"{member.name} would be written through a link")
        if hasattr(tarfile, "fully_trusted_filter"):
            archive.extract(member, folder, filter="fully_trusted")
        else:
            archive.extract(member, folder)
