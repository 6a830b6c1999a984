# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a playbook on this machine; what it shows is the collection's own report."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from screen import Screen

#: Seconds that whatever is interrupted gets to end.
_PATIENCE = 30
#: Of prctl(2): orphans become children of this process, and not of init.
_PR_SET_CHILD_SUBREAPER = 36


class Playbook:
    """One run of ansible-playbook, of this virtualenv and with the clone's configuration."""

    def __init__(self, screen: Screen, root: Path) -> None:
        self._screen = screen
        self._root = root
        self.interrupted = False

    def run(self, playbook: str, variables: Mapping[str, str], files: Sequence[Path]) -> int:
        """Run it, and return its exit status."""
        command = [str(Path(sys.executable).with_name("ansible-playbook")), playbook]
        command += ["-i", "localhost,", "-c", "local", "-e", json.dumps(variables)]
        for file in files:
            command += ["-e", f"@{file}"]
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._screen.gap()
        with (
            subprocess.Popen(
                command, cwd=self._root, env=self._environ(), process_group=0, stdin=subprocess.DEVNULL
            ) as process,
            self._interruptible(process),
        ):
            process.wait()
            self._wait_for_orphans()
        return process.returncode

    def _environ(self) -> dict[str, str]:
        """Return Ansible's environment: nobody's settings but the clone's."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith("ANSIBLE_")}
        path = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
        return {
            **kept,
            "ANSIBLE_CONFIG": str(self._root / "ansible.cfg"),
            "ANSIBLE_FORCE_COLOR" if self._screen.colour else "ANSIBLE_NOCOLOR": "1",
            # Nothing is left in the user's home.
            "ANSIBLE_HOME": str(self._root / ".ansible"),
            "ANSIBLE_REMOTE_TEMP": str(self._root / ".ansible/tmp"),
            "ANSIBLE_STDOUT_CALLBACK": "celeriac.django.report",
            # Ansible insists on UTF-8, and a bare machine may lack the locale that it was given.
            "LC_ALL": "C.UTF-8",
            "PATH": os.pathsep.join(path),
        }

    @contextlib.contextmanager
    def _interruptible(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """Hand Ctrl-C and the like on as one SIGINT, with which everything ends what it began.

        Ansible is in a process group of its own, so that it gets no second one meanwhile; whoever
        insists kills it.
        """

        def stop(_number: int, _frame: object) -> None:
            process.send_signal(signal.SIGKILL if self.interrupted else signal.SIGINT)
            self.interrupted = True

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = [signal.signal(number, stop) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)

    def _wait_for_orphans(self) -> None:
        """Wait for the modules of an interrupted Ansible: they end what they began."""
        deadline = time.monotonic() + _PATIENCE
        with contextlib.suppress(ChildProcessError):
            while self.interrupted and time.monotonic() < deadline:
                if os.waitpid(-1, os.WNOHANG) == (0, 0):
                    time.sleep(0.1)
