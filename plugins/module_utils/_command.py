# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run programs: the one place that does, so that the pure functions need no AnsibleModule.

AnsibleModule.run_command cannot switch the user without a shell, and wants a module to belong to.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, Any

Completed = subprocess.CompletedProcess
Process = subprocess.Popen
TimeoutExpired = subprocess.TimeoutExpired
#: For the option `stdin` of a program that is to read nothing.
NO_INPUT = subprocess.DEVNULL
_PR_SET_PDEATHSIG = 1


def run(command: Sequence[str], **options: Any) -> Completed[str]:
    """Run a program to its end, with its output as text.

    Args:
        command: the program and its arguments; no shell reads them.
        options: as of :func:`subprocess.run`; the folder is / where none is named, and not the one
            that somebody started Ansible in, from which programs would read configuration and code.

    Raises:
        OSError: it cannot be started.
        TimeoutExpired: it took longer than the option ``timeout`` allows.
    """
    options.setdefault("cwd", "/")
    with _as_the_user(options) as changed:
        return subprocess.run(  # pylint: disable=ansible-bad-function
            command, capture_output=True, text=True, errors="replace", check=False, **changed
        )


def start(command: Sequence[str], output: IO[bytes], **options: Any) -> Process[bytes]:
    """Start a program in a session of its own, with all its output in a file. It ends when this process does.

    Raises:
        OSError: it cannot be started.
    """
    with _as_the_user(options, _end_with(os.getpid())) as changed:
        return subprocess.Popen(  # pylint: disable=ansible-bad-function
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **changed,
        )


@contextlib.contextmanager
def _as_the_user(
    options: Mapping[str, Any], more: Callable[[], None] | None = None
) -> Iterator[dict[str, Any]]:
    """Change options so that another user's program enters its folder as that user.

    Left to itself, the child would enter it as root: a folder that somebody has exchanged for a link would
    take the program to where its user cannot get. And it may have secrets: no picture of its memory is kept.

    Raises:
        OSError: the user cannot enter the folder.
    """
    changed = dict(options)
    folder = changed.pop("cwd", None) if options.get("user") is not None else None

    def call() -> None:
        if options.get("user") is not None:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if folder is not None:
            os.chdir(folder)
        if more:
            more()

    if folder is not None or more:
        changed["preexec_fn"] = call  # modules have one thread
    if folder is not None:
        # Where root is now may be nothing for that user.
        changed["cwd"] = "/"
    try:
        yield changed
    except subprocess.SubprocessError as error:
        # All that is told of it. A program that took too long, or ended, is not meant.
        if isinstance(error, (subprocess.CalledProcessError, subprocess.TimeoutExpired)):
            raise
        number = errno.EACCES if folder is None or os.path.isdir(folder) else errno.ENOENT
        raise OSError(number, os.strerror(number), str(folder)) from error


def _end_with(parent: int) -> Callable[[], None]:
    """Return what lets a child get SIGTERM when its parent is gone, however that ended (prctl(2))."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def call() -> None:
        # After the change of the user, which would take it back.
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return call
