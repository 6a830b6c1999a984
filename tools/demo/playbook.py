# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a playbook on this machine, and shows what the callback plugin tells of it."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from screen import Screen

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment

_CALLBACK = Path(__file__).with_name("callback")
#: Lists in results that tell how much a task changed.
_COUNTED = {"packages": "package", "files": "file", "migrations": "migration"}
#: Seconds that whatever is interrupted gets to end.
_PATIENCE = 30
#: Of prctl(2): orphans become children of this process, and not of init.
_PR_SET_CHILD_SUBREAPER = 36


class Playbook:
    """One run of ansible-playbook, of this virtualenv and with the clone's configuration."""

    def __init__(self, screen: Screen, root: Path) -> None:
        self._screen = screen
        self._root = root
        self._step = ""
        #: What the step's tasks came to; empty while all of them are skipped.
        self._results: list[str] = []
        #: How many tasks changed something.
        self.changed = 0
        #: What was decided, once that is known.
        self.deployment: Deployment | None = None
        self.proofs: list[dict[str, Any]] = []
        #: What a failed task said.
        self.message = ""
        #: Warnings, and what Ansible says where no task even began.
        self.noise = ""
        self.interrupted = False

    def run(self, playbook: str, variables: Mapping[str, str], files: Sequence[Path]) -> int:
        """Run it, and return its exit status."""
        command = [str(Path(sys.executable).with_name("ansible-playbook")), playbook]
        command += ["-i", "localhost,", "-c", "local", "-e", json.dumps(variables)]
        for file in files:
            command += ["-e", f"@{file}"]
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        with tempfile.TemporaryFile() as noise:
            with (
                subprocess.Popen(
                    command,
                    cwd=self._root,
                    env=self._environ(),
                    process_group=0,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=noise,
                ) as process,
                self._interruptible(process),
            ):
                for line in self._lines(process):
                    self._take(line)
                process.wait()
                self._end_step()
                self._wait_for_orphans()
            noise.seek(0)
            self.noise += noise.read().decode("utf-8", "replace")
        return process.returncode

    def _environ(self) -> dict[str, str]:
        """Return Ansible's environment: nobody's settings but the clone's."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith("ANSIBLE_")}
        path = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
        return {
            **kept,
            "ANSIBLE_CALLBACK_PLUGINS": str(_CALLBACK),
            "ANSIBLE_CONFIG": str(self._root / "ansible.cfg"),
            # Nothing is left in the user's home.
            "ANSIBLE_HOME": str(self._root / ".ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_REMOTE_TEMP": str(self._root / ".ansible/tmp"),
            "ANSIBLE_STDOUT_CALLBACK": "celeriac_demo",
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

    def _lines(self, process: subprocess.Popen[bytes]) -> Iterator[bytes]:
        """Yield the lines that the process writes, and show in between that it still runs."""
        assert process.stdout is not None  # noqa: S101
        rest = b""
        while True:
            while not select.select([process.stdout], [], [], 0.1)[0]:
                self._screen.tick()
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                return
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines

    def _wait_for_orphans(self) -> None:
        """Wait for the modules of an interrupted Ansible: they end what they began."""
        deadline = time.monotonic() + _PATIENCE
        self._screen.begin("Stop what was started")
        with contextlib.suppress(ChildProcessError):
            while self.interrupted and time.monotonic() < deadline:
                if os.waitpid(-1, os.WNOHANG) == (0, 0):
                    self._screen.tick()
                    time.sleep(0.1)
        self._screen.end("", "")

    def _take(self, line: bytes) -> None:
        """Take in what the callback plugin tells."""
        try:
            event = json.loads(line)
        except ValueError:
            self.noise += line.decode("utf-8", "replace") + "\n"
            return
        match event["event"]:
            case "start":
                if event["step"] != self._step:
                    self._end_step()
                    self._step = event["step"]
                    self._screen.begin(self._step)
            case "end":
                self._end_task(event["status"], event["changed"], event["result"])
            case "stats":
                self.changed = event["changed"]

    def _end_task(self, status: str, changed: bool, result: dict[str, Any]) -> None:
        if "deployment" in result:
            self.deployment = Deployment.from_data(result["deployment"])
        self.proofs = result.get("proofs", self.proofs)
        if status == "failed":
            self.message = str(result.get("msg", ""))
            self._results.append("FAILED")
        elif changed:
            self._results += [
                f"{len(result[key])} {name}{'s' if len(result[key]) > 1 else ''}"
                for key, name in _COUNTED.items()
                if result.get(key)
            ] or ["changed"]
        elif status == "ok":
            self._results.append("ok")

    def _end_step(self) -> None:
        """Show what the step came to: whatever is more than being in order."""
        results = [text for text in dict.fromkeys(self._results) if text != "ok"]
        if self.interrupted:
            results = ["interrupted"]
        codes = "31" if "FAILED" in results else "33"
        self._screen.end(", ".join(results or self._results[:1]), codes if results else "2")
        self._step, self._results = "", []
