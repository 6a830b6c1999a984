# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller as a new user has it: the built collection, an empty folder, a terminal."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pexpect

from .playbooks import ROOT

#: No command takes as long.
PATIENCE = 900
#: How wide the terminal is.
COLUMNS = 120
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
#: A line of celeriac.django.report: the step, its seconds, what came of it.
_STEP = re.compile(r"^  (?P<name>\S.*?) +(?P<seconds>[0-9.]+) s  (?P<changes>.+)$", re.MULTILINE)
#: The rest of such a line, in the same column.
_CONTINUED = re.compile(r"\n {50,}")
#: What the user of the vault's editor does: each placeholder becomes a password.
_EDITOR = """\
#!{python}
import re, secrets, sys
text = open(sys.argv[1]).read()
text = re.sub(r"\\w+_production_your_key_here", lambda _match: secrets.token_hex(16), text)
open(sys.argv[1], "w").write(text)
"""


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    name: str
    status: int
    seconds: float
    text: str

    @property
    def lines(self) -> list[str]:
        """What was on the screen, without colours, and without what was typed over."""
        lines = self.text.replace("\r\n", "\n").rstrip("\n").split("\n")
        return [line.rpartition("\r")[2] for line in lines]

    @property
    def widest(self) -> int:
        """The length of the longest line."""
        return max((len(line) for line in self.lines), default=0)

    @property
    def folded(self) -> str:
        """All of it in one line."""
        return " ".join(self.text.split())

    @property
    def changes(self) -> dict[str, str]:
        """What each step changed, or would change; those that changed nothing are left out."""
        found = {
            match["name"].strip(): match["changes"].strip()
            for match in _STEP.finditer(_CONTINUED.sub(" ", "\n".join(self.lines)))
        }
        return {name: text for name, text in found.items() if text != "ok"}

    @property
    def proven(self) -> bool:
        """Whether there is a table of proofs, and all of them are green; a warning fails none."""
        marks = [line.split()[0] for line in self.lines if re.match(r"  (ok|FAILED|WARN|-) {2,}\S", line)]
        return "ok" in marks and set(marks) <= {"ok", "WARN"}


@dataclass
class Desk:
    """Where the user sits."""

    path: Path
    #: What was run, for the report at the end.
    done: list[Done] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Install the collection as a user does."""
        self.path.mkdir(parents=True, exist_ok=True)
        editor = self.path / "editor"
        editor.write_text(_EDITOR.format(python=sys.executable))
        editor.chmod(0o755)

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a shell that knows nothing of the clone."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ANSIBLE_", "MOLECULE_", "PYTHONPATH"))
        }
        return {
            **kept,
            "ANSIBLE_COLLECTIONS_PATH": str(self.path / "collections"),
            "ANSIBLE_HOME": str(self.path / "home"),
            # How this user reaches the hosts; others have SSH.
            "ANSIBLE_TRANSPORT": "containers.podman.podman",
            "EDITOR": str(self.path / "editor"),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "TERM": "xterm",
        }

    def install(self) -> None:
        """Build the collection, and install the tarball without Galaxy."""
        self._call("ansible-galaxy", "collection", "build", str(ROOT), "--output-path", str(self.path))
        [tarball] = self.path.glob("celeriac-django-*.tar.gz")
        # Forced, as the virtualenv has the clone already.
        self._call("ansible-galaxy", "collection", "install", "--force", "--no-deps", str(tarball))

    def _call(self, *command: str) -> None:
        subprocess.run(command, cwd=self.path, env=self.environ, check=True, capture_output=True)

    def run(
        self,
        name: str,
        command: str,
        folder: Path,
        answers: Sequence[tuple[str, str]] = (),
        stop_at: str = "",
    ) -> Done:
        """Run a command at a terminal.

        Args:
            name: what it is called in the report.
            command: the line that is typed.
            folder: where.
            answers: what is typed, each after what it answers has appeared; an unsaid one fails.
            stop_at: press Ctrl-C when this appears.
        """
        began = time.monotonic()
        text: list[str] = []
        child = pexpect.spawn(
            "/bin/bash",
            ["-c", command],
            cwd=str(folder),
            env=self.environ,
            encoding="utf-8",
            timeout=PATIENCE,
            dimensions=(50, COLUMNS),
        )
        try:
            for prompt, answer in answers:
                child.expect(prompt)
                text += [child.before or "", str(child.after)]
                _type(child, prompt, answer, text)
            if stop_at:
                child.expect(stop_at)
                text += [child.before or "", str(child.after)]
                _wait_for_work(child.pid)
                child.sendintr()
            child.expect(pexpect.EOF)
            text.append(child.before or "")
        finally:
            child.close(force=True)
        status = child.exitstatus if child.exitstatus is not None else 128 + int(child.signalstatus or 0)
        done = Done(name, status, time.monotonic() - began, _COLOURS.sub("", "".join(text)))
        self.done.append(done)
        return done

    def report(self) -> Iterator[str]:
        """Return what was run, with its time and the lines on the screen."""
        yield f"{'command':<44} {'status':>6} {'seconds':>8} {'lines':>6} {'widest':>6}"
        for done in self.done:
            numbers = f"{done.seconds:>8.1f} {len(done.lines):>6} {done.widest:>6}"
            yield f"{done.name:<44} {done.status:>6} {numbers}"


def _type(child: pexpect.spawn[str], prompt: str, answer: str, text: list[str]) -> None:
    """Type a line once somebody reads it: what was typed before is dropped.

    For a password, that is when nothing is echoed any more; for a question of Ansible, when it obeys a
    backspace.
    """
    if "password" in prompt:
        child.waitnoecho()
    else:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            child.send("\x7f")
            if child.expect([r"\x1b\[K", pexpect.TIMEOUT], timeout=0.5) == 0:
                text.append(str(child.before))
                break
    child.send(f"{answer}\r")


def _wait_for_work(process: int) -> None:
    """Wait until one child of a process is there for a while: a task is at work, and no longer being begun.

    While it forks, Ansible can lose a Ctrl-C, or fall over it ("process object is closed").
    """
    children = Path(f"/proc/{process}/task/{process}/children")
    deadline, before = time.monotonic() + PATIENCE, set[str]()
    while time.monotonic() < deadline:
        now = set(children.read_text(encoding="ascii").split())
        if now & before:
            return
        before = now
        time.sleep(0.2)


def put(host: str, files: Mapping[str, str], folder: str) -> None:
    """Bring files of the project to a host, as its owner does."""
    for name, content in files.items():
        place = f"{folder}/{name}"
        command = f"mkdir -p {shlex.quote(os.path.dirname(place))} && cat > {shlex.quote(place)}"
        subprocess.run(
            ["podman", "exec", "--interactive", "--user", "deploy", host, "bash", "-c", command],
            input=content,
            text=True,
            check=True,
            capture_output=True,
        )
