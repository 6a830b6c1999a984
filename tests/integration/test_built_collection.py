# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as users get it: built, installed in an empty place, used there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import Deployment

REPOSITORY = Path(__file__).parents[2]
PLAYBOOKS = sorted(path.stem for path in (REPOSITORY / "playbooks").glob("*.yml"))
# What Galaxy gets, and nothing else.
SHIPPED = {
    "CHANGELOG.md",
    "FILES.json",
    "LICENSE",
    "LICENSES",
    "MANIFEST.json",
    "README.md",
    "SECURITY.md",
    "docs",
    "files",
    "meta",
    "playbooks",
    "plugins",
    "roles",
    "runtime",
    "templates",
}


@dataclass(frozen=True)
class Place:
    """An empty folder, and an Ansible that knows nothing of the clone."""

    path: Path

    def run(self, program: str, *arguments: str) -> str:
        """Runs a program of this virtualenv here, and returns what it wrote."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")
        } | {
            "ANSIBLE_COLLECTIONS_PATH": str(self.path / "collections"),
            "ANSIBLE_HOME": str(self.path / "home"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }
        done = subprocess.run(
            [program, *arguments],
            check=False,
            cwd=self.path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The place where all of this happens."""
    return Place(tmp_path_factory.mktemp("place"))


@pytest.fixture(scope="module")
def tarball(place: Place) -> Path:
    """The collection, built."""
    place.run("ansible-galaxy", "collection", "build", str(REPOSITORY))
    (path,) = place.path.glob("celeriac-django-*.tar.gz")
    return path


@pytest.fixture(scope="module")
def installed(place: Place, tarball: Path) -> Place:
    """The collection, installed; those that it needs come with the package ansible."""
    # Forced, as the virtualenv has the clone already.
    place.run("ansible-galaxy", "collection", "install", "--force", "--no-deps", str(tarball))
    return place


def test_only_what_is_meant_to_be_shipped(tarball: Path) -> None:
    """No file of the tools, and none that git ignores."""
    with tarfile.open(tarball) as archive:
        names = {name for name in archive.getnames() if not archive.getmember(name).isdir()}
    assert {name.split("/")[0] for name in names} <= SHIPPED
    known = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        check=True,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.splitlines()
    assert names - {"FILES.json", "MANIFEST.json"} <= set(known)


def test_the_importer_of_galaxy_takes_it(place: Place, tarball: Path) -> None:
    """Galaxy's importer has neither an error nor a warning."""
    output = place.run(sys.executable, "-m", "galaxy_importer.main", str(tarball))
    complaints = [line for line in output.splitlines() if line.startswith(("ERROR", "WARNING"))]
    assert not complaints, output


def test_the_execution_environment_has_a_context(place: Place) -> None:
    """What ansible-builder makes of the example is what a container is built from."""
    file = REPOSITORY / "examples/execution-environment/execution-environment.yml"
    place.run("ansible-builder", "create", "--file", str(file), "--context", str(place.path / "context"))
    requirements = (place.path / "context/_build/requirements.yml").read_text(encoding="utf-8")
    assert "celeriac.django" in requirements


def test_the_installed_one_is_used(installed: Place) -> None:
    """What is tested here is not the clone."""
    found = json.loads(
        installed.run("ansible-galaxy", "collection", "list", "--format", "json", "celeriac.django")
    )
    assert str(installed.path / "collections/ansible_collections") in found


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_playbooks_are_found(installed: Place, playbook: str) -> None:
    """Each playbook runs by its full name, and finds its roles."""
    installed.run(
        "ansible-playbook",
        "--syntax-check",
        "--inventory",
        "localhost,",
        f"celeriac.django.{playbook}",
    )


def test_it_works_from_there(installed: Place, deployment: Deployment) -> None:
    """A checkout goes in, a proven deployment comes out, and the checkout comes back."""
    before = deployment.tree()
    _program, *arguments = deployment.command("integrate", "-vv")
    output = installed.run("ansible-playbook", *arguments)
    assert "ok      round trip" in output
    assert f"task path: {installed.path}/collections/ansible_collections/celeriac/django/roles" in output
    _program, *arguments = deployment.command("remove")
    installed.run("ansible-playbook", *arguments)
    after = deployment.tree()
    after.pop("db.sqlite3")
    assert after == before
