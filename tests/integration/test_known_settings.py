# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A setting is called unknown if Celery ignores it, and only then: each is set in a Django project."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._project import known_settings
from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import review
from ansible_collections.celeriac.django.plugins.plugin_utils._rendering.templates import Templates

from .conftest import ROOT
from .layouts.virtualenvs import virtualenv

#: Names that look like those of a setting, and do not set it.
SLIPS = {
    "BROKER_UR": "broker_url",
    "CELERY_ALWAYS_EAGER": "task_always_eager",
    "CELERYD_POOL": "worker_pool",
    "TASK_ALWAYS_EAGRE": "task_always_eager",
}

PROGRAM = """
import json, pathlib, sys
import celery
import django
from django.conf import settings

unlisted, slips, namespace = json.loads(sys.argv[1])
settings.configure(INSTALLED_APPS=["celery_ops"])
django.setup()
from celery import Celery
from celery.app.defaults import _OLD_SETTING_KEYS, _TO_NEW_KEY, SETTING_KEYS
from celery_ops import checks
from scripts.review import unknown_settings

prefix = f"{namespace or 'CELERY'}_"
keys = {f"{prefix}{name}".upper(): name for name in SETTING_KEYS.union(unlisted)}
keys |= {f"{prefix}{name}": key for name, key in slips.items()}
keys |= {name: _TO_NEW_KEY[name] for name in _OLD_SETTING_KEYS if name.startswith(prefix)}
# By this name, the support for Django asks for it.
keys["CELERY_DB_REUSE_MAX"] = "CELERY_DB_REUSE_MAX"
answer = {}
for name, key in keys.items():
    setattr(settings, name, "it arrives")
    app = Celery("shop", set_as_current=False)
    app.config_from_object("django.conf:settings", namespace=namespace)
    said = [message.msg for message in checks.setting_names()]
    answer[name] = {
        "arrives": app.conf.get(key) == "it arrives",
        "check": any(f" {name}," in text for text in said),
        "review": name in unknown_settings(namespace, unlisted),
    }
    delattr(settings, name)
sources = "".join(file.read_text() for file in pathlib.Path(celery.__file__).parent.rglob("*.py"))
assert all(f"'{name}'" in sources for name in unlisted if name != "db_reuse_max"), unlisted
print(json.dumps(answer))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the system checks of a checkout, and the review of a project's own app."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "celery_ops").mkdir()
    (folder / "celery_ops/__init__.py").touch()
    checks = Templates(ROOT / "templates" / "project").render(
        "package/celery_ops/checks.py", {"unlisted_settings": known_settings.UNLISTED}
    )
    (folder / "celery_ops/checks.py").write_text(checks)
    shutil.copytree(Path(str(review.__file__)).parent, folder / "scripts")
    (folder / "program.py").write_text(PROGRAM)
    return folder


@pytest.mark.parametrize("namespace", ["CELERY", "SHOP", None])
def test_what_arrives_is_known_and_nothing_else(project: Path, namespace: str | None) -> None:
    python = virtualenv("5.2", Path(shutil.which("python3.11") or sys.executable))
    done = subprocess.run(
        [str(python), "program.py", json.dumps([known_settings.UNLISTED, SLIPS, namespace])],
        cwd=project,
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert len(answer) > len(SLIPS) + len(known_settings.UNLISTED) + 40
    assert any(seen["arrives"] for seen in answer.values())
    assert any(not seen["arrives"] for seen in answer.values())
    wrong = {name: seen for name, seen in answer.items() if seen["review"] is seen["arrives"]}
    if namespace == "CELERY":
        # The checks are in a checkout whose app is ours, and ours has this prefix.
        wrong |= {name: seen for name, seen in answer.items() if seen["check"] is seen["arrives"]}
    assert wrong == {}
