# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes for the time of a proof are ready when the proof begins, and gone when it ends."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils import _command
from ansible_collections.celeriac.django.plugins.module_utils._project.python import ProjectPython
from ansible_collections.celeriac.django.plugins.module_utils._proof import trial

ROOT = Path(__file__).resolve().parents[4]
READY = """
import os, pathlib, socket, sys, time
pathlib.Path(f"started.{os.getpid()}").write_text(" ".join(sys.argv[1:]))
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.sendto(b"STATUS=Starting", os.environ["NOTIFY_SOCKET"])
notify.sendto(b"READY=1\\nSTATUS=Consuming", os.environ["NOTIFY_SOCKET"])
"""
WAITS = "time.sleep(3600)\n"

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


def started(project: ProjectPython) -> dict[int, str]:
    """Returns the processes that ran: number to arguments."""
    files = Path(project.base).glob("started.*")
    return {int(file.suffix[1:]): file.read_text() for file in files}


def alive(number: int) -> bool:
    """Tells whether there is such a process."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def running(
    project: ProjectPython, commands: Sequence[trial.Command], **environment: str
) -> AbstractContextManager[Any]:
    """Runs them by a launcher that is there."""
    launcher = Path(project.base, "launch.py")
    launcher.touch()
    return trial.running(project, str(launcher), commands, environment)


def test_what_the_processes_print_is_for_nobody_else(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    modes = []
    start = _command.start

    def watched(command: list[str], output: IO[bytes], **options: Any) -> _command.Process[bytes]:
        modes.append(os.fstat(output.fileno()).st_mode & 0o777)
        return start(command, output, **options)

    monkeypatch.setattr(_command, "start", watched)
    with running(make(READY + WAITS), [trial.Command("the worker", [])]):
        assert modes == [0o600]


WORKER = trial.Command("the worker", ["-A", "shop", "worker"])
BEAT = trial.Command("beat", ["-A", "shop", "beat"])


def test_they_run_for_the_time_of_the_context(make: Make) -> None:
    project = make(READY + WAITS)
    with running(project, [WORKER, BEAT]):
        before = started(project)
        assert all(alive(number) for number in before)
    assert not any(alive(number) for number in before)
    launcher = Path(project.base, "launch.py")
    assert sorted(before.values()) == [f"{launcher} -A shop beat", f"{launcher} -A shop worker"]


def test_a_worker_looks_like_one(tmp_path: Path) -> None:
    """A stand-in for Celery's package notes what the project's settings would see."""
    celery = tmp_path / "celery"
    service = tmp_path / "state/celeriac_service"
    for package in (celery, service):
        package.mkdir(parents=True)
    launcher = shutil.copy(ROOT / "runtime/launch.py", service.parent)
    (service / "__init__.py").write_text(
        "import os, socket\n\n\ndef install():\n"
        "    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "    notify.sendto(b'READY=1', os.environ['NOTIFY_SOCKET'])\n"
    )
    (celery / "__init__.py").write_text("VERSION = (5, 7)\nmaybe_patch_concurrency = list\n")
    (celery / "__main__.py").write_text(
        "import __main__, pathlib, sys\n\n\ndef main():\n"
        "    found = [*sys.argv, __main__.__file__, sys.path[0]]\n"
        "    pathlib.Path('seen').write_text('\\n'.join(found))\n"
    )
    project = ProjectPython(sys.executable, str(tmp_path), "s", os.getuid(), os.getgid())
    with trial.running(project, str(launcher), [WORKER], {}) as processes:
        processes[0].process.wait()
    program = str(Path(sys.executable).parent / "celery")
    assert (tmp_path / "seen").read_text().splitlines() == [
        *(program, "-A", "shop", "worker"),
        *(program, str(tmp_path)),
    ]


def test_the_last_error_of_a_process_is_at_hand(make: Make) -> None:
    line = "[2026-01-01 00:00:00,000: ERROR/MainProcess] consumer: no right"
    noisy = f"print({line!r}, 'then', sep='\\n', flush=True)\n"
    project = make(noisy + READY + WAITS)
    with running(project, [WORKER]) as (worker,):
        assert worker.runs()
        assert worker.last_error() == "[2026-01-01 00:00:00,000: ERROR/MainProcess] consumer: no right"


@pytest.mark.parametrize(
    ("log", "error"),
    [
        ("all is well\n", ""),
        (
            "Traceback:\n  a\nredis.exceptions.NoPermissionError: no rights\nlater\n",
            "redis.exceptions.NoPerm",
        ),
        ("[… CRITICAL/MainProcess] first\n[… ERROR/Beat] second\n[… INFO/Beat] x\n", "[… ERROR/Beat] second"),
    ],
)
def test_which_line_tells_of_an_error(log: str, error: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(log)
    assert trial.last_error(tmp_path / "log").startswith(error)
    assert bool(trial.last_error(tmp_path / "log")) == bool(error)


def test_they_end_with_a_proof_that_fails(make: Make) -> None:
    project = make(READY + WAITS)
    with pytest.raises(KeyError), running(project, [WORKER, BEAT]):
        raise KeyError
    assert not any(alive(number) for number in started(project))


def test_one_that_ends_is_told_with_its_last_lines(make: Make) -> None:
    project = make("import sys\nprint('one', flush=True)\nsys.exit('two')\n")
    with (
        pytest.raises(trial.TrialError, match=r"^the worker ended with status 1: .*\none\ntwo$"),
        running(project, [WORKER]),
    ):
        pytest.fail("it was never ready")


def test_one_that_ends_takes_the_others_with_it(make: Make) -> None:
    fails = trial.Command("beat", ["fail"])
    project = make("import sys\nif sys.argv[-1] == 'fail':\n    sys.exit(3)\n" + READY + WAITS)
    with (
        pytest.raises(trial.TrialError, match=r"^beat ended with status 3"),
        running(project, [WORKER, fails]),
    ):
        pytest.fail("it was never ready")
    launcher = Path(project.base, "launch.py")
    assert list(started(project).values()) == [f"{launcher} -A shop worker"]
    assert not any(alive(number) for number in started(project))


def test_one_that_is_never_ready_is_ended(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "READY", 0.5)
    project = make(READY.replace("READY=1", "RELOADING=1") + WAITS)
    with (
        pytest.raises(trial.TrialError, match=r"^the worker was not ready after "),
        running(project, [WORKER]),
    ):
        pytest.fail("it was never ready")
    assert not any(alive(number) for number in started(project))


def test_without_the_launcher_it_says_who_puts_it_there(make: Make, tmp_path: Path) -> None:
    (tmp_path / "launch.py").unlink(missing_ok=True)
    project = make(READY + WAITS)
    with (
        pytest.raises(trial.TrialError, match=r"launch\.py is not there. Run integrate\.yml"),
        trial.running(project, str(tmp_path / "launch.py"), [WORKER], {}),
    ):
        pytest.fail("nothing ran")
    assert started(project) == {}


def test_they_have_what_their_units_would_have(make: Make) -> None:
    writes = "import os, pathlib\npathlib.Path('canary').write_text(os.environ['CELERY_CANARY'])\n"
    project = make(writes + READY + WAITS)
    with running(project, [BEAT], CELERY_CANARY="shop-canary"):
        assert Path(project.base, "canary").read_text() == "shop-canary"


def test_one_that_does_not_want_to_end_is_killed(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "END", 0.1)
    project = make("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY + WAITS)
    with running(project, [WORKER, BEAT]):
        before = started(project)
        assert len(before) == 2
    assert not any(alive(number) for number in before)
