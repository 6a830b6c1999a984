# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of a deployment for people, ``NAME-celery`` and ``NAME-manage``, and who may run them."""

from __future__ import annotations

import contextlib
import grp
import json
import re
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import _command
from .deployed import DRAINED
from .ownership import Belongs, OwnershipError, file

#: What each of our files has in its first lines; a file without it is somebody else's.
MARK = "celeriac.django"
#: Python of the system, which reads neither the environment nor the folder of who calls.
_INTERPRETER = "#!/usr/bin/python3 -I\n"
_PROGRAM = Belongs("root", "root", 0o755)
#: Where bash looks for the words of a command, below the folder that the commands' folder is in.
_COMPLETIONS = "share/bash-completion/completions"
_SETUP = Belongs("root", "root", 0o644)
_RULES = Belongs("root", "root", 0o440)
# What sudoers(5) takes as a group's name without quoting.
_GROUP = re.compile(r"[a-z_][a-z0-9_-]*\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Places:
    """Where the files are."""

    programs: tuple[Path, ...]
    setup: Path
    rules: Path
    completion: Path

    @classmethod
    def of(cls, name: str, folder: str, config: str, sudoers: str) -> Places:
        """Return the places for the deployment *name*."""
        return cls(
            tuple(Path(folder) / f"{name}-{kind}" for kind in ("celery", "manage")),
            Path(config) / "operate.json",
            Path(sudoers) / f"{name}-celery",
            Path(folder).parent / _COMPLETIONS / f"{name}-celery",
        )

    @property
    def name(self) -> str:
        """The deployment."""
        return self.rules.name.removesuffix("-celery")


@dataclass(frozen=True)
class Texts:
    """What is installed, as the collection has it."""

    #: The commands.
    program: str
    #: What bash completes; @NAME@, @POOLS@ and @CELERY@ stand for what they are in the deployment.
    completion: str


def install(places: Places, texts: Texts, setup: Mapping[str, Any], group: str, check: bool) -> list[str]:
    """See that the commands are there; return what changed, or would in check mode.

    Args:
        places: where they go.
        texts: what they are.
        setup: what they are run with.
        group: whose members may run them; empty: sudo's own rules decide.
        check: change nothing.

    Raises:
        OwnershipError: a file cannot be written, is somebody else's, or there is no such group.
    """
    wanted = dict.fromkeys(places.programs, (_INTERPRETER + texts.program, _PROGRAM))
    wanted[places.completion] = (_completion(places, texts.completion, setup), _SETUP)
    wanted[places.setup] = (json.dumps(setup, indent=2, sort_keys=True) + "\n", _SETUP)
    if group:
        wanted[places.rules] = (_rules(places, group), _RULES)
        _validate(wanted[places.rules][0])
    for path in (*places.programs, places.completion, *([places.rules] if group else [])):
        _refuse_foreign(path)
    if not check:
        places.completion.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    changed = [str(path) for path, (text, who) in wanted.items() if file(path, text, who, check)]
    if not group and _is_ours(places.rules):
        changed += _unlink([places.rules], check)
    return changed


def remove(places: Places, check: bool) -> list[str]:
    """Take the commands away; return what was there and ours."""
    ours = [path for path in (*places.programs, places.completion, places.rules) if _is_ours(path)]
    if not check and _is_ours(places.completion):
        places.completion.unlink()
        for folder in places.completion.parents[:2]:
            # Others may have something there.
            with contextlib.suppress(OSError):
                folder.rmdir()
    others = (places.setup, places.setup.with_name(DRAINED))
    return _unlink([*ours, *(path for path in others if path.is_file())], check)


def _completion(places: Places, text: str, setup: Mapping[str, Any]) -> str:
    """Return what bash completes: who types may read nothing of the deployment."""
    words = {
        "@NAME@": places.name,
        "@POOLS@": shlex.quote(" ".join(sorted(setup.get("pools", ())))),
        "@CELERY@": shlex.quote(str(Path(setup.get("python", "/python")).with_name("celery"))),
    }
    return re.sub("|".join(words), lambda found: words[found.group()], text)


def _unlink(paths: list[Path], check: bool) -> list[str]:
    if not check:
        for path in paths:
            path.unlink(missing_ok=True)
    return [str(path) for path in paths]


def _rules(places: Places, group: str) -> str:
    """Return what sudo has to know.

    Raises:
        OwnershipError: there is no such group.
    """
    if not _GROUP.match(group):
        raise OwnershipError(f"celery_operators_group: {group!r} cannot be the name of a group")
    try:
        grp.getgrnam(group)
    except KeyError:
        raise OwnershipError(
            f"celery_operators_group: there is no group {group} on this host; make it first: addgroup {group}"
        ) from None
    programs = ", ".join(str(path) for path in places.programs)
    return (
        f"# Made by the Ansible collection {MARK}: celery_operators_group.\n"
        f"%{group} ALL=(root) NOPASSWD: {programs}\n"
    )


def _validate(text: str) -> None:
    """See that sudo understands the rules before they land: a file that it does not shuts everybody out.

    Raises:
        OwnershipError: it does not.
    """
    visudo = shutil.which("visudo", path="/usr/sbin:/sbin:/usr/bin")
    if not visudo:
        return
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as trial:
        trial.write(text)
        trial.flush()
        said = _command.run([visudo, "-cqf", trial.name])
    if said.returncode:
        raise OwnershipError(f"celery_operators_group: visudo refuses the rules: {said.stderr.strip()}")


def _is_ours(path: Path) -> bool:
    try:
        return MARK in path.read_bytes()[:1000].decode("utf-8", "replace")
    except OSError:
        return False


def _refuse_foreign(path: Path) -> None:
    if path.exists() and not _is_ours(path):
        raise OwnershipError(
            f"{path} is there and was not made by this collection. Move it away, or choose another "
            "celery_project_name."
        )
