"""Runs a playbook, and shows what the callback plugin tells of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from screen import Screen

_CALLBACK = Path(__file__).with_name("callback")
#: Lists in results that tell how much a step changed.
_COUNTED = ("packages", "files", "migrations")


class Playbook:
    """One run of ansible-playbook, from this virtualenv and with the clone's configuration."""

    def __init__(self, screen: Screen, root: Path) -> None:
        self._screen = screen
        self._root = root
        self._step = ""
        #: What the step's tasks came to: empty while all are skipped.
        self._results: list[str] = []
        #: How many tasks changed something.
        self.changed = 0
        #: What was decided about the deployment, once that is known.
        self.deployment: dict[str, Any] = {}
        self.proofs: list[dict[str, Any]] = []
        #: What the last failed task said.
        self.message = ""
        #: What Ansible wrote beside that: warnings, or why it did not even begin.
        self.noise = ""

    def run(self, playbook: str, variables: Mapping[str, str], files: Sequence[Path]) -> int:
        """Run it on this machine; return its exit status.

        Raises:
            KeyboardInterrupt: it was interrupted, and has ended.
        """
        command = [str(Path(sys.executable).with_name("ansible-playbook"))]
        command += ["-i", "localhost,", "-c", "local", "-e", json.dumps(variables)]
        for file in files:
            command += ["-e", f"@{file}"]
        with tempfile.TemporaryFile() as noise:
            process = subprocess.Popen(
                [*command, playbook],
                cwd=self._root,
                env=self._environ(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=noise,
            )
            with _interruptible(process):
                for line in self._lines(process):
                    self._take(line)
            self._end_step()
            noise.seek(0)
            self.noise += noise.read().decode("utf-8", "replace")
        return process.wait()

    def _environ(self) -> dict[str, str]:
        """Return Ansible's environment: nobody's settings but the clone's."""
        kept = {name: text for name, text in os.environ.items() if not name.startswith("ANSIBLE_")}
        path = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
        return {
            **kept,
            "ANSIBLE_CALLBACK_PLUGINS": str(_CALLBACK),
            "ANSIBLE_CONFIG": str(self._root / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_STDOUT_CALLBACK": "celeriac_demo",
            # Ansible insists on UTF-8, and a bare machine may lack the locale that it was given.
            "LC_ALL": "C.UTF-8",
            "PATH": os.pathsep.join(path),
        }
