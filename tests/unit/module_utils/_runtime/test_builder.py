# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root builds nothing, and takes over nothing but files of who has built it."""

from __future__ import annotations

import os
import pwd
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils import _command
from ansible_collections.celeriac.django.plugins.module_utils._runtime import builder
from ansible_collections.celeriac.django.plugins.module_utils._runtime.builder import Builder

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that every user can pass through."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - to be found by the other user
        yield Path(folder)


def test_without_root_it_is_who_runs_this(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    assert Builder.choose(str(tmp_path), "nobody").uid == 1234
    assert Builder.choose(str(tmp_path), "nobody").options() == {}


@root_only
@pytest.mark.parametrize(
    ("owner", "user", "uid"),
    [
        (4321, "daemon", 4321),
        (0, "daemon", pwd.getpwnam("daemon").pw_uid),
        (0, "no-such-user", NOBODY.pw_uid),
        (0, "", 0),
    ],
)
def test_the_owner_builds_and_in_place_of_root_the_user(
    owner: int, user: str, uid: int, tmp_path: Path
) -> None:
    os.chown(tmp_path, owner, -1)
    assert Builder.choose(str(tmp_path), user).uid == uid


@root_only
def test_a_builder_runs_as_itself(tmp_path: Path) -> None:
    who = Builder(NOBODY.pw_uid, NOBODY.pw_gid)
    done = _command.run(["sh", "-c", "id -u; umask; pwd"], **who.options())
    assert done.stdout.split() == [str(NOBODY.pw_uid), "0022", "/"]
    assert who.environ(tmp_path)["HOME"] == str(tmp_path)


@root_only
def test_what_was_built_becomes_ours(open_path: Path) -> None:
    source, target = open_path / "source", open_path / "target"
    (source / "bin").mkdir(parents=True)
    (source / "bin/tool").write_text(f"#!{source}/bin/python\n")
    (source / "bin/tool").chmod(0o4777)
    (source / "bin/python").symlink_to("/usr/bin/python3")
    (source / "lib").mkdir()
    (source / "lib/module.py").write_text("a = 1\n")
    os.utime(source / "lib/module.py", (1, 1_000_000_000))
    builder.give(source, Builder(NOBODY.pw_uid, NOBODY.pw_gid))
    assert (source / "lib/module.py").stat().st_uid == NOBODY.pw_uid
    (source / "bin/tool").chmod(0o4777)
    target.mkdir()
    builder.copy(source, target, NOBODY.pw_uid)
    assert {path.lstat().st_uid for path in target.rglob("*")} == {0}
    assert (target / "bin/tool").read_text() == f"#!{target}/bin/python\n"
    assert (target / "bin/tool").stat().st_mode & 0o7777 == 0o755
    assert (target / "bin/python").readlink() == Path("/usr/bin/python3")
    assert (target / "lib/module.py").stat().st_mtime == 1_000_000_000


@root_only
def test_a_file_of_somebody_else_is_not_taken_over(open_path: Path) -> None:
    source, target = open_path / "source", open_path / "target"
    source.mkdir()
    secret = open_path / "secret"
    secret.write_text("root's")
    secret.chmod(0o600)
    os.link(secret, source / "public.txt")
    target.mkdir()
    with pytest.raises(builder.BuilderError, match="no file of who has built it"):
        builder.copy(source, target, NOBODY.pw_uid)
    assert not (target / "public.txt").exists()


@root_only
def test_what_is_no_file_is_not_taken_over(open_path: Path) -> None:
    source, target = open_path / "source", open_path / "target"
    source.mkdir()
    os.mkfifo(source / "pipe")
    target.mkdir()
    with pytest.raises(builder.BuilderError):
        builder.copy(source, target, 0)
