# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time, from its first look to its proof; who is over holds up nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._runtime import turn
from ansible_collections.celeriac.django.plugins.module_utils._runtime.turn import Run

ANN = Run("1", "ann@laptop, integrate.yml", "/srv/shop")
BOB = Run("2", "bob@ci, integrate.yml", "/srv/shop")
EVE = Run("3", "eve@desk, integrate.yml", "/srv/shop")


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Where the notes are."""
    return tmp_path / "notes"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets time pass."""
    passed = 0.0
    real = time.monotonic

    def sleep(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    monkeypatch.setattr(time, "monotonic", lambda: real() + passed)
    return sleep


def change(run: Run, folder: Path, last: bool = False) -> None:
    """Is a module that changes something."""
    with turn.kept(run, last, folder):
        pass


def test_a_run_that_undoes_keeps_its_turn_when_it_fails(notes: Path) -> None:
    deploy = Run("4", "joe@ci, deploy.yml", "/srv/shop", undoes=True)
    for run, free in ((ANN, True), (deploy, False)):
        with pytest.raises(SystemExit), turn.kept(run, folder=notes):
            raise SystemExit(1)
        assert turn.take(BOB, folder=notes).mine == free
        turn.give_back(BOB, notes)
    change(deploy, notes, last=True)
    assert turn.take(BOB, folder=notes).mine


def test_the_second_is_told_who_is_first(notes: Path) -> None:
    assert turn.take(ANN, folder=notes).mine
    told = turn.take(BOB, folder=notes)
    assert not told.mine
    assert (told.token, told.who, told.begun) == (ANN.token, ANN.who, False)
    change(ANN, notes)
    assert turn.take(BOB, folder=notes).begun
    assert turn.take(ANN, folder=notes).mine


def test_another_deployment_has_another_turn(notes: Path) -> None:
    assert turn.take(ANN, folder=notes).mine
    assert turn.take(Run("2", "bob", "/srv/market"), folder=notes).mine


def test_the_last_module_gives_it_back_and_nothing_stays(notes: Path) -> None:
    turn.take(ANN, folder=notes)
    change(ANN, notes)
    change(ANN, notes, last=True)
    assert not notes.exists()
    assert turn.take(BOB, folder=notes).mine


@pytest.mark.parametrize("status", [0, 1])
def test_a_module_that_fails_gives_it_back(status: int, notes: Path) -> None:
    turn.take(ANN, folder=notes)
    with pytest.raises(SystemExit), turn.kept(ANN, folder=notes):
        sys.exit(status)
    assert turn.take(BOB, folder=notes).mine == bool(status)


@pytest.mark.parametrize(("begun", "seconds"), [(False, turn.AFTER_A_LOOK), (True, turn.AFTER_A_CHANGE)])
def test_a_run_without_a_sign_of_life_is_over(
    begun: bool, seconds: float, notes: Path, later: Callable[[float], None]
) -> None:
    turn.take(ANN, folder=notes)
    if begun:
        change(ANN, notes)
    later(seconds - 5)
    assert not turn.take(BOB, folder=notes).mine
    later(10)
    assert turn.take(BOB, folder=notes).mine


def test_who_is_known_to_be_over_is_not_waited_for(notes: Path) -> None:
    turn.take(ANN, folder=notes)
    change(ANN, notes)
    assert not turn.take(BOB, gone=[EVE.token], folder=notes).mine
    assert turn.take(BOB, gone=[ANN.token], folder=notes).mine
    change(BOB, notes, last=True)
    assert not notes.exists()


def test_a_run_that_lost_its_turn_changes_nothing_any_more(
    notes: Path, later: Callable[[float], None]
) -> None:
    """Neither while the other one is at it, nor after that."""
    turn.take(ANN, folder=notes)
    later(turn.AFTER_A_LOOK + 1)
    turn.take(BOB, folder=notes)
    for who in (BOB.who, "which has ended since"):
        with pytest.raises(turn.TurnError, match=rf"took its turn at /srv/shop \({who}\).*Run again"):
            change(ANN, notes)
        change(BOB, notes, last=True)
    assert turn.take(ANN, folder=notes).mine
    change(ANN, notes)


def test_a_note_of_another_start_of_the_host_says_nothing(
    notes: Path, later: Callable[[float], None]
) -> None:
    later(100_000)
    turn.take(ANN, folder=notes)
    later(-100_000)
    assert turn.take(BOB, folder=notes).mine


def test_modules_that_belong_to_no_run_need_no_turn(notes: Path) -> None:
    turn.take(ANN, folder=notes)
    assert Run.of({}) is None
    with turn.kept(None, folder=notes):
        pass


WORKING = """
import sys
from pathlib import Path
from ansible_collections.celeriac.django.plugins.module_utils._runtime import turn
run = turn.Run("1", "ann@laptop", "/srv/shop")
turn.take(run, folder=Path(sys.argv[1]))
with turn.kept(run, folder=Path(sys.argv[1])):
    print(flush=True)
    input()
"""


def test_a_module_at_work_is_no_run_that_is_over(
    notes: Path, later: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes; and where it is killed, what counts is the run."""
    working = subprocess.Popen(
        [sys.executable, "-c", WORKING, str(notes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert working.stdout
    assert working.stdin
    working.stdout.readline()
    monkeypatch.setattr(turn, "BRIEFLY", 0.0)
    later(10 * turn.AFTER_A_CHANGE)
    told = turn.take(BOB, folder=notes)
    assert (told.mine, told.who, told.begun) == (False, "ann@laptop", True)
    later(-10 * turn.AFTER_A_CHANGE)
    working.send_signal(signal.SIGKILL)
    working.wait(20)
    assert not turn.take(BOB, folder=notes).mine
    assert turn.take(BOB, gone=["1"], folder=notes).mine
