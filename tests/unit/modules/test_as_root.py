# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Root opens no file of a checkout that is somebody else's, and starts no program there."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._runtime import packages
from ansible_collections.celeriac.django.plugins.module_utils._runtime.interpreter import Interpreter
from ansible_collections.celeriac.django.plugins.module_utils._services import services
from ansible_collections.celeriac.django.plugins.modules import celery_deployment, celery_project

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="it is about root")
Run = Callable[..., dict[str, Any]]
STRANGER = 12345


class Watch:
    """Notes what root opens and starts, as Python announces it to audit hooks, which stay for good."""

    def __init__(self) -> None:
        self.active = False
        self.opened: list[str] = []
        self.started: list[tuple[str, str]] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.active or os.geteuid() != 0:
            return
        if event == "open" and not isinstance(arguments[0], int) and not arguments[2] & os.O_DIRECTORY:
            self.opened.append(os.fsdecode(arguments[0]))
        elif event == "subprocess.Popen":
            self.started.append((os.fsdecode(arguments[0]), str(arguments[2])))


WATCH = Watch()


@pytest.fixture
def checkout() -> Iterator[Path]:
    """A project that is somebody else's, with links to what is root's; every user gets through to it."""
    above = Path(tempfile.mkdtemp(prefix="celeriac-test-"))
    above.chmod(0o755)
    top = above / "checkout"
    (top / "shop").mkdir(parents=True)
    named = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
    (top / "manage.py").write_text(named)
    (top / "shop/__init__.py").touch()
    (top / "shop/settings.py").write_text("INSTALLED_APPS = ['shop']\n")
    (top / "requirements.txt").write_text("-r base.txt\n-r /etc/shadow\n")
    (top / "base.txt").write_text("django\n")
    (top / "shop/linked.py").symlink_to("/etc/shadow")
    for folder, folders, files in os.walk(top):
        for name in (".", *folders, *files):
            os.lchown(os.path.join(folder, name), STRANGER, STRANGER)
    yield top
    shutil.rmtree(above)


@pytest.fixture
def watch(checkout: Path) -> Iterator[Watch]:
    """The watch, on from when the checkout is there."""
    WATCH.opened, WATCH.started, WATCH.active = [], [], True
    yield WATCH
    WATCH.active = False


def of_others(watch: Watch, top: Path) -> list[str]:
    """Returns what root has opened of the checkout, or by a name relative to a folder that is open."""
    return [path for path in watch.opened if path.startswith((str(top), "/etc/shadow")) or path[:1] != "/"]


def test_the_watch_sees_what_is_opened(watch: Watch, checkout: Path) -> None:
    (checkout / "manage.py").read_bytes()
    handle = os.open(checkout, os.O_RDONLY | os.O_DIRECTORY)
    os.close(os.open("base.txt", os.O_RDONLY, dir_fd=handle))
    os.close(handle)
    assert of_others(watch, checkout) == [str(checkout / "manage.py"), "base.txt"]


def test_looking_at_a_checkout(watch: Watch, checkout: Path, run: Run) -> None:
    names = (
        "project_name",
        "project_package",
        "project_settings",
        "python",
        "venv_path",
        "state_path",
        "user",
    )
    given = {**dict.fromkeys((*names, "broker_ca"), ""), "project_path": str(checkout)}
    answer = run(celery_deployment, variables={**given, "requirements": ["requirements.txt", "celery"]})
    assert answer["project"]["settings"] == "shop.settings"
    assert of_others(watch, checkout) == []
    # git, which is the owner's to run, is not among them.
    assert [program for program, folder in watch.started if "git" in program or str(checkout) in folder] == []


@pytest.mark.parametrize("state", ["present", "absent"])
def test_changing_a_checkout(state: str, watch: Watch, checkout: Path, run: Run) -> None:
    given = {
        "path": str(checkout),
        "record": "shop/celery_ops/integration.json",
        "project": {"base": str(checkout), "settings": "shop.settings"},
    }
    files = {"shop/celery_ops/__init__.py": "", "shop/celery.py": "app = 1\n"}
    blocks = {"shop/settings.py": {"lines": "A = 1", "hint": ""}}
    assert run(celery_project, **given, files=files, blocks=blocks)["changed"]
    if state == "absent":
        assert run(celery_project, **given, state="absent")["changed"]
    assert (checkout / "shop/celery.py").exists() == (state == "present")
    assert of_others(watch, checkout) == []


def test_what_decides_on_packages_and_generations(watch: Watch, checkout: Path, tmp_path: Path) -> None:
    wanted = packages.Wanted(
        venv=tmp_path / "venv",
        interpreter=Interpreter(sys.executable, (3, 11, 2), has_ensurepip=True),
        files=[checkout / "requirements.txt"],
        specs=[],
        tools=tmp_path / "bin",
        folder=checkout,
    )
    assert wanted.fingerprint()
    assert services.Inputs(checkout, tmp_path / "venv", []).digest()
    assert of_others(watch, checkout) == []
