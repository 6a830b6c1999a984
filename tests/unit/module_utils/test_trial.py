"""A process for the time of a proof is ready when its proof begins, and gone when it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils import _trial
from ansible_collections.celeriac.django.plugins.module_utils._project_python import ProjectPython

READY = """
import os, pathlib, socket, sys, time
pathlib.Path("started").write_text(f"{os.getpid()} {' '.join(sys.argv[1:])}")
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.sendto(b"STATUS=Starting", os.environ["NOTIFY_SOCKET"])
notify.sendto(b"READY=1\\nSTATUS=Consuming", os.environ["NOTIFY_SOCKET"])
"""
WAITS = "time.sleep(60)\n"

Make = Callable[[str], ProjectPython]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a project whose interpreter runs this source, whatever it is told to run."""

    def make(source: str) -> ProjectPython:
        program = tmp_path / "python"
        program.write_text(f"#!{sys.executable} -IS\n{source}")
        program.chmod(0o755)
        return ProjectPython(str(program), str(tmp_path), "s", os.getuid(), os.getgid())

    return make


def started(project: ProjectPython) -> tuple[int, str]:
    """Returns the number and the arguments of the process that ran."""
    number, _space, arguments = Path(project.base, "started").read_text().partition(" ")
    return int(number), arguments


def alive(number: int) -> bool:
    """Tells whether there is such a process."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_runs_for_the_time_of_the_context(make: Make) -> None:
    project = make(READY + WAITS)
    with _trial.running(project, ["-A", "shop", "worker"], "worker", tells=True):
        number, arguments = started(project)
        assert alive(number)
    assert not alive(number)
    assert arguments == "-m celery -A shop worker"


def test_it_ends_with_a_proof_that_fails(make: Make) -> None:
    project = make(READY + WAITS)
    with pytest.raises(KeyError), _trial.running(project, [], "worker", tells=True):
        raise KeyError
    assert not alive(started(project)[0])


def test_one_that_ends_is_told_with_its_last_lines(make: Make) -> None:
    project = make("import sys\nprint('one', flush=True)\nsys.exit('two')\n")
    with (
        pytest.raises(_trial.TrialError, match=r"^beat ended with status 1: one / two$"),
        _trial.running(project, [], "beat", tells=True),
    ):
        pytest.fail("it was never ready")


def test_one_that_is_never_ready_is_ended(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_trial, "READY", 0.5)
    project = make(READY.replace("READY=1", "RELOADING=1") + WAITS)
    with (
        pytest.raises(_trial.TrialError, match=r"^beat was not ready after "),
        _trial.running(project, [], "beat", tells=True),
    ):
        pytest.fail("it was never ready")
    if Path(project.base, "started").exists():
        assert not alive(started(project)[0])


def test_one_that_tells_nothing_is_not_waited_for(make: Make) -> None:
    project = make("import time\n" + WAITS)
    with _trial.running(project, [], "worker", tells=False):
        pass


def test_one_that_does_not_want_to_end_is_killed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_trial, "END", 0.1)
    project = make("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY + WAITS)
    with _trial.running(project, [], "worker", tells=True):
        number, _arguments = started(project)
    assert not alive(number)
