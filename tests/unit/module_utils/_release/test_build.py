# SPDX-License-Identifier: GPL-3.0-or-later
"""A release begins with the packages of another one, and takes over what its commands make."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._project.python import ProjectPython
from ansible_collections.celeriac.django.plugins.module_utils._release import build


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """A release with packages."""
    release = tmp_path / "releases/one"
    place = release / ".venv.d/abc"
    (place / "lib/python3.13/site-packages/celery").mkdir(parents=True)
    (place / "lib/python3.13/site-packages/celery/app.py").write_text("1")
    (place / "bin").mkdir()
    (place / "bin/celery").write_text(f"#!{place}/bin/python\n")
    (place / "bin/celery").chmod(0o755)
    (place / ".celeriac.json").write_text(json.dumps({"made": True}))
    (release / ".venv").symlink_to(".venv.d/abc")
    return release


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Another one, without."""
    found = tmp_path / "releases/two"
    (found / "shop").mkdir(parents=True)
    (found / "manage.py").write_text("1")
    return found


def test_packages_are_shared_and_programs_know_their_place(before: Path, release: Path) -> None:
    build.seed(before, release)
    name = "lib/python3.13/site-packages/celery/app.py"
    assert (release / ".venv" / name).samefile(before / ".venv" / name)
    script = release / ".venv/bin/celery"
    assert script.read_text() == f"#!{release}/.venv.d/seed/bin/python\n"
    assert script.stat().st_mode & 0o111
    assert (before / ".venv/bin/celery").read_text() == f"#!{before}/.venv.d/abc/bin/python\n"


@pytest.mark.parametrize("name", ["shop.pth", "shop-1.0.dist-info/direct_url.json"])
def test_packages_that_lead_to_another_release_are_not_shared(name: str, before: Path, release: Path) -> None:
    file = before / ".venv/lib/python3.13/site-packages" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(f'{{"url": "file://{before}"}}')
    build.seed(before, release)
    assert not (release / ".venv").exists()


def project(release: Path) -> ProjectPython:
    """Returns how the project is run."""
    return ProjectPython(
        sys.executable, str(release), "shop.settings", os.geteuid(), os.getegid(), {"A": "1"}
    )


def test_what_commands_make_is_taken_over(release: Path) -> None:
    (release / ".venv.d").mkdir()
    (release / "old.txt").write_text("old")
    (release / "same.txt").write_text("same")
    commands = [
        "mkdir -p static && echo $A > static/a.css && ln -s a.css static/b.css",
        "echo new > old.txt; touch same.txt; ls -a > list.txt",
    ]
    made = build.run(release, release, commands, project(release))
    assert made == ["list.txt", "old.txt", "static/a.css", "static/b.css"]
    assert (release / "static/b.css").read_text() == "1\n"
    assert (release / "old.txt").read_text() == "new\n"
    assert ".venv.d" not in (release / "list.txt").read_text()
    assert [path.name for path in release.parent.iterdir()] == ["two"]


def test_a_command_that_fails_tells_its_last_lines(release: Path) -> None:
    with pytest.raises(build.BuildError, match=r"echo why; exit 7: status 7. Its last lines:\nwhy"):
        build.run(release, release, ["echo why; exit 7"], project(release))
    assert [path.name for path in release.parent.iterdir()] == ["two"]


def test_no_command_no_copy(release: Path) -> None:
    assert build.run(release, release, [], project(release)) == []
