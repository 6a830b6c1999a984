# SPDX-License-Identifier: GPL-3.0-or-later
"""Running playbooks on the hosts of a scenario, and reading what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INTEGRATE = "celeriac.django.integrate"


def play(inventory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ansible-playbook; all that it printed is in `stdout`."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), f"--inventory={inventory}", *arguments],
        cwd=ROOT,
        # Molecule forces colours, unless it is told not to.
        env={**os.environ, "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_PIPELINING": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,  # Molecule has failures go there
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )


def integrate(scenario: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run integrate on the hosts of a scenario, whatever becomes of it."""
    return play(scenario / "inventory", *arguments, INTEGRATE)


def converge(scenario: Path, *arguments: str) -> str:
    """Run integrate, and return what it printed.

    Raises:
        RuntimeError: If it failed.
    """
    done = integrate(scenario, *arguments)
    if done.returncode != 0:
        raise RuntimeError(f"integrate ended with status {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


def flat(text: str) -> str:
    """Return a text without the line breaks that Ansible puts in."""
    return " ".join(text.split())
