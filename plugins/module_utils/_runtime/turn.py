# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time: on each host, a deployment is one run's from its first look to its proof.

A run is many modules, each a process of its own, so no process can hold a lock for it. Its turn is a note
beside the locks: whose it is, and until when it lasts without another sign of life. Whoever finds the note of
a run that is over takes it. A run that was taken for over, and was not, changes nothing any more: it is told.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import lock

#: Seconds that a turn lasts after a look, which is all that becomes of a run that is refused.
AFTER_A_LOOK = 120.0
#: Seconds that it lasts after a change: other hosts of a fleet take their time.
AFTER_A_CHANGE = 900.0
#: Seconds to wait for somebody who only looks, too.
BRIEFLY = 2.0
#: How many runs that had their turn taken are kept in mind.
_REMEMBERED = 50


#: The argument of modules that are part of a run; documented in the fragment _attributes.run.
ARGUMENTS: dict[str, dict[str, Any]] = {"run": {"type": "dict", "default": {}}}


class TurnError(Exception):
    """It is another run's turn. The text says whose."""


@dataclass(frozen=True)
class Run:
    """A run of a playbook, as its controller tells of it."""

    #: The same for all modules of a run.
    token: str
    #: For people: who, where, what, since when.
    who: str
    #: What it changes: the folder of the checkout.
    what: str
    #: Whether it goes on where something fails, as it undoes then what it has done.
    undoes: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> Run | None:
        """Return the run of a module's argument, None where the module is not part of one."""
        return cls(**given) if given else None


@dataclass
class _Note:
    token: str = ""
    who: str = ""
    #: By the clock of the host, which starts when it does, as the note goes when it ends.
    until: float = 0.0
    #: Whether something may have been changed.
    begun: bool = False
    #: Runs that had their turn taken.
    over: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Taken:
    """What became of the wish to have one's turn."""

    #: Whether it is this run's.
    mine: bool
    token: str = ""
    who: str = ""
    #: Whether who has it may have changed something already.
    begun: bool = False


def take(run: Run, gone: Collection[str] = (), folder: Path | None = None) -> Taken:
    """Take the turn, if nobody has it.

    Args:
        run: whose it is to be.
        gone: the runs of which it is known that they are over.
        folder: where notes are; by default beside the locks.
    """
    try:
        with _alone(run.what, BRIEFLY, folder) as place:
            note = _read(place)
            theirs = note.token not in ("", run.token, *gone)
            if theirs and time.monotonic() < note.until <= time.monotonic() + AFTER_A_CHANGE:
                return Taken(False, note.token, note.who, note.begun)
            if note.token not in ("", run.token, *gone):
                note.over = [*note.over[-_REMEMBERED:], note.token]
            note.over = [token for token in note.over if token != run.token]
            note.begun = note.begun and note.token == run.token
            note.token, note.who = run.token, run.who
            note.until = time.monotonic() + AFTER_A_LOOK
            _write(place, note)
            return Taken(True)
    except lock.LockError:
        # A module of the other run is at work.
        note = _read(_place(run.what, folder))
        return Taken(False, note.token, note.who or "another run", begun=True)


@contextlib.contextmanager
def kept(run: Run | None, last: bool = False, folder: Path | None = None) -> Iterator[None]:
    """Keep the turn for the time of the context, and for a while after it.

    It is given back by what is *last*, and by what fails, unless the run undoes then what it has done.

    Raises:
        TurnError: it is another run's by now.
    """
    if run is None:
        yield
        return
    try:
        alone = contextlib.ExitStack()
        place = alone.enter_context(_alone(run.what, lock.PATIENCE, folder))
    except lock.LockError as error:
        raise TurnError(str(error)) from error
    with alone:
        note = _read(place)
        if run.token in note.over or note.token not in ("", run.token):
            raise TurnError(
                f"This run gave no sign of life for so long that another one took its turn at {run.what} "
                f"({note.who or 'which has ended since'}). Nothing more is changed here by this one. "
                "Run again."
            )
        note.token, note.who, note.begun = run.token, run.who, True
        note.until = time.monotonic() + AFTER_A_CHANGE
        _write(place, note)
        failed = True
        try:
            yield
            failed = False
        except SystemExit as end:  # as modules end, well or not
            failed = bool(end.code)
            raise
        finally:
            if last or (failed and not run.undoes):
                _write(place, _Note(over=note.over))
            else:
                note.until = time.monotonic() + AFTER_A_CHANGE
                _write(place, note)


def give_back(run: Run, folder: Path | None = None) -> None:
    """End the turn of a run that is refused, if it has it."""
    with contextlib.suppress(lock.LockError), _alone(run.what, BRIEFLY, folder) as place:
        note = _read(place)
        if note.token == run.token:
            _write(place, _Note(over=note.over))


@contextlib.contextmanager
def of(module: Any, last: bool = False) -> Iterator[None]:
    """Do a module's work in the turn of the run that it is part of; of object called module, only params,
    check_mode and fail_json are used.

    Args:
        module: its argument ``run`` is of :data:`ARGUMENTS`.
        last: whether the run's turn ends with it.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(kept(None if module.check_mode else Run.of(module.params["run"]), last))
        except TurnError as error:
            module.fail_json(msg=str(error))
        yield


@contextlib.contextmanager
def _alone(what: str, patience: float, folder: Path | None) -> Iterator[Path]:
    with lock.held(f"turn {what}", patience, folder):
        yield _place(what, folder)


def _place(what: str, folder: Path | None) -> Path:
    return (folder or lock.place()) / f"{lock.name_of(what)}.turn"


def _read(place: Path) -> _Note:
    try:
        return _Note(**json.loads(place.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return _Note()


def _write(place: Path, note: _Note) -> None:
    if note == _Note():
        place.unlink(missing_ok=True)
    else:
        # In a folder that is nobody else's, and gone with the power: nothing has to get to the disk.
        new = place.with_suffix(".new")
        new.write_text(json.dumps(asdict(note)), encoding="utf-8")
        new.rename(place)
