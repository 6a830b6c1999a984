# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs are run from nobody's folder, and what is started ends with who has started it."""

from __future__ import annotations

import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils import _command

PARENT = """
import sys, tempfile, time
from ansible_collections.celeriac.django.plugins.module_utils import _command
options = {"user": int(sys.argv[2]), "group": int(sys.argv[2])} if sys.argv[2] else {}
with tempfile.TemporaryFile() as output:
    # It holds the pipe as long as it lives, and no longer.
    _command.start(["sleep", "600"], output, cwd="/", pass_fds=[int(sys.argv[1])], **options)
print("started", flush=True)
time.sleep(600)
"""


def test_the_folder_is_nobodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert _command.run(["pwd"]).stdout == "/\n"
    assert _command.run(["pwd"], cwd=str(tmp_path)).stdout == f"{tmp_path}\n"


@pytest.mark.parametrize("user", ["", pytest.param("65534", marks=pytest.mark.skipif("os.geteuid() != 0"))])
def test_what_was_started_ends_with_a_killed_parent(user: str) -> None:
    reading, writing = os.pipe()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(writing), user], stdout=subprocess.PIPE, pass_fds=[writing]
    )
    os.close(writing)
    assert parent.stdout
    assert parent.stdout.readline() == b"started\n"
    assert not select.select([reading], [], [], 0)[0]
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    # Closed at both its ends: the child is gone.
    assert select.select([reading], [], [], 60)[0]
    os.close(reading)


def test_its_output_goes_to_the_file() -> None:
    with tempfile.TemporaryFile() as output:
        assert _command.start(["echo", "said"], output).wait() == 0
        output.seek(0)
        assert output.read() == b"said\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the user")
def test_another_users_program_is_nowhere_that_its_user_cannot_get(tmp_path: Path) -> None:
    """A folder that was exchanged for one below root's private ones is entered as the user, or not at all."""
    private = tmp_path / "private/open"
    private.mkdir(parents=True)
    (private / "told").write_text("what is root's\n")
    (tmp_path / "private").chmod(0o700)
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(0o755)
    (tmp_path / "base").symlink_to(private)
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    with pytest.raises(PermissionError, match="base"):
        _command.run(["cat", "told"], cwd=str(tmp_path / "base"), **nobody)
    with pytest.raises(FileNotFoundError, match="none"):
        _command.run(["cat", "told"], cwd=str(tmp_path / "none"), **nobody)
    with tempfile.TemporaryFile() as output, pytest.raises(PermissionError, match="base"):
        _command.start(["cat", "told"], output, cwd=str(tmp_path / "base"), **nobody)
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        _command.run(["/no-such-program"], cwd=str(tmp_path), **nobody)
    with pytest.raises(subprocess.TimeoutExpired):
        _command.run(["sleep", "60"], cwd=str(tmp_path), timeout=0.1, **nobody)
    assert _command.run(["pwd"], cwd=str(tmp_path), **nobody).stdout == f"{tmp_path}\n"
    assert _command.run(["cat", "told"], cwd=str(private)).stdout == "what is root's\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the user")
def test_no_picture_is_kept_of_what_has_secrets(tmp_path: Path) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (4096, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    said = _command.run(["sh", "-c", "ulimit -Sc; ulimit -Hc"], user=65534, group=65534, extra_groups=[])
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    assert said.stdout.split() == ["0", "0"]
