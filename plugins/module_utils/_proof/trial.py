# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers and beat for the time of a proof, where no service manager runs them.

They are started by the launcher of the units, and tell that they are ready as they would tell systemd:
by sd_notify(3).
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from .. import _command
from .._project.python import ProjectPython

if TYPE_CHECKING:
    from typing import Self

#: Seconds that a process gets to be ready, and to end.
READY = 60.0
END = 20.0


class TrialError(Exception):
    """A process did not get ready. The text holds its last lines."""


#: Celery's own lines (``[… ERROR/MainProcess] …``), and what ends a traceback.
_ERROR = re.compile(r"\b(ERROR|CRITICAL)/|^\S*(Error|Exception|NoPermission)\b.*:")


@dataclass(frozen=True)
class Running:
    """A process of the trial that was started."""

    #: What it is called in a message.
    name: str
    process: _command.Process[bytes]
    log: Path

    def runs(self) -> bool:
        """Tell whether it has not ended."""
        return self.process.poll() is None

    def last_error(self) -> str:
        """Return its last line that tells of an error, empty where none does."""
        return last_error(self.log)


@dataclass(frozen=True)
class Command:
    """A process of the trial."""

    #: What it is called in a message.
    name: str
    #: The arguments of ``celery``.
    arguments: Sequence[str]


@contextlib.contextmanager
def running(
    project: ProjectPython, launcher: str, commands: Sequence[Command], environment: Mapping[str, str]
) -> Iterator[list[Running]]:
    """Run processes, which it gives, for the time of the context: started one by one, ended at once.

    Args:
        project: how the project is run.
        launcher: the program that starts them.
        commands: the processes.
        environment: what units would have in theirs, besides the project's.

    Raises:
        TrialError: one ended, or did not get ready in time; or there is no such program.
    """
    if not os.path.isfile(launcher):
        raise TrialError(f"{launcher} is not there. Run integrate.yml: it puts it there.")
    started: list[Running] = []
    with tempfile.TemporaryDirectory(prefix="celeriac-") as folder, _Listener(folder) as listener:
        try:
            for number, command in enumerate(commands):
                log = Path(folder, f"log-{number}")
                # What the project writes is for nobody else, whatever its processes print.
                with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
                    given = {**environment, "NOTIFY_SOCKET": listener.address}
                    process = _start(project, [launcher, *command.arguments], command.name, output, given)
                started.append(Running(command.name, process, log))
                listener.wait_ready(process, command.name, log)
            yield started
        finally:
            _end([running.process for running in started])


def _start(
    project: ProjectPython,
    words: Sequence[str],
    name: str,
    output: IO[bytes],
    environment: Mapping[str, str],
) -> _command.Process[bytes]:
    try:
        return _command.start(
            [project.python, *words],
            output,
            cwd=project.base,
            env={**project.environ(), **environment},
            **project.identity(),
        )
    except OSError as error:
        raise TrialError(
            f"{name} cannot be started: {error.filename or project.python}: {error.strerror}. "
            "Run integrate.yml first if this was never deployed."
        ) from error


class _Listener:
    """The socket that stands in for systemd's."""

    def __init__(self, folder: str) -> None:
        os.chmod(folder, 0o711)  # noqa: S103 - to pass through, on the way to the socket
        self.address = os.path.join(folder, "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def __enter__(self) -> Self:
        self._socket.bind(self.address)
        os.chmod(self.address, 0o666)  # noqa: S103 - the process is another user's
        self._socket.settimeout(0.2)
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    def wait_ready(self, process: _command.Process[bytes], name: str, log: Path) -> None:
        deadline = time.monotonic() + READY
        while time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):
                if b"READY=1" in self._socket.recv(4096):
                    return
            if process.poll() is not None:
                raise TrialError(f"{name} ended with status {process.returncode}: {_last(log)}")
        raise TrialError(f"{name} was not ready after {READY:.0f} s: {_last(log)}")


def last_error(log: Path) -> str:
    """Return the last line of a log that tells of an error, empty where none does."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return next((line.strip() for line in reversed(lines) if _ERROR.search(line)), "")


def _last(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "\n".join(["its last lines:", *lines[-12:]])


def _end(processes: Sequence[_command.Process[bytes]]) -> None:
    """Ask all to end, so that they finish their tasks side by side; kill what does not."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + END
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except _command.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
