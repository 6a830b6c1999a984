# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 - lines of a page in Markdown, and files as they are
"""Checkouts that are refused, each with its message; `make docs-tables` writes docs/reference/refusals.md."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils._discovery.discover import discover
from ansible_collections.celeriac.django.plugins.module_utils._host import Host
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import (
    deployment,
    findings,
    fleet,
    variables,
)

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/refusals.md"
#: Where the page has the checkouts.
SHOWN = "/srv/shop"

NAMES = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"
APPS = "INSTALLED_APPS = ['orders']\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3'}}\n"
PLAIN: Mapping[str, str | None] = {
    "manage.py": f"{NAMES}from django.core.management import execute_from_command_line\n",
    "shop/__init__.py": "",
    "shop/wsgi.py": NAMES,
    "shop/settings.py": APPS,
    "orders/__init__.py": "",
    "orders/tasks.py": "from celery import shared_task\n\n\n@shared_task\ndef send():\n    pass\n",
    "requirements.txt": "Django>=5.2,<5.3\n",
}
APP = f"{NAMES}from celery import Celery\napp = Celery('shop')\napp.config_from_object('django.conf:settings')\n"


@dataclass(frozen=True)
class Case:
    """A checkout that differs from a plain one, and what the inventory says of it."""

    #: What is different, in words.
    what: str
    #: Files over those of the plain checkout; None takes one away.
    files: Mapping[str, str | None] = field(default_factory=dict)
    #: Variables, without their prefix.
    given: Mapping[str, Any] = field(default_factory=dict)
    #: What settles it, where the message does not end with it.
    settled: Mapping[str, Any] = field(default_factory=dict)


EITHER = '[tool.poetry.dependencies]\nDjango = "^4.2 || ^5.2"\n'
LOCK = 'version = 1\n\n[[package]]\nname = "celery"\nversion = "5.4.0"\nsource = { registry = "x" }\n'
PYPROJECT = '[project]\nname = "shop"\ndependencies = ["django", "celery"]\n'
DYNACONF = f"{APPS}import dynaconf\nsettings = dynaconf.DjangoDynaconf(__name__)\n"
COMPUTED = NAMES.replace("'shop.settings'", "find()")
LOADS = f"from dotenv import load_dotenv\nload_dotenv(find())\n{NAMES}"

CASES = (
    Case("no manage.py", {"manage.py": None}),
    Case("a template of projects", {"manage.py": None, "{{cookiecutter.name}}/manage.py": NAMES}),
    Case(
        "two projects",
        {"manage.py": None, "a/manage.py": "import django\n", "b/manage.py": "import django\n"},
    ),
    Case("settings that are computed", {"manage.py": COMPUTED, "shop/wsgi.py": COMPUTED}),
    Case("settings that are not there", {"shop/settings.py": None, "shop/settings.py.example": APPS}),
    Case(
        "a wsgi.py whose settings are on the host alone, and manage.py for development",
        {
            "manage.py": NAMES.replace("shop.settings", "shop.dev"),
            "shop/wsgi.py": NAMES.replace("shop.settings", "shop_conf"),
            "shop/dev.py": APPS,
        },
        settled={"project_settings": "shop.settings"},
    ),
    Case("settings without INSTALLED_APPS", {"shop/settings.py": "X = 1\n"}),
    Case(
        "settings that a loader puts together",
        {
            "shop/settings/__init__.py": "from loader import load\nload('defaults.py')\n",
            "shop/settings.py": None,
            "shop/settings/defaults.py": APPS,
        },
    ),
    Case("settings that are no Python", {"shop/settings.py": f"{APPS}A = (\n"}),
    Case("a package that is not there", given={"project_package": "store"}),
    Case("settings that dynaconf takes before our block", {"shop/settings.py": DYNACONF}),
    Case("`CELERY_TASK_ALWAYS_EAGER`", {"shop/settings.py": f"{APPS}CELERY_TASK_ALWAYS_EAGER = True\n"}),
    Case(
        "`CELERY_TASK_ALWAYS_EAGER`, unless the environment says otherwise",
        {
            "shop/settings.py": f"import os\n{APPS}if not os.environ.get('LIVE', False):\n"
            "    CELERY_TASK_ALWAYS_EAGER = True\n"
        },
        settled={"environment": {"LIVE": "true"}},
    ),
    Case(
        "a `.env` that wsgi.py loads from a place that is computed",
        {"shop/wsgi.py": LOADS, ".env": "SHOP_DB=x\n"},
        settled={"environment": {"SHOP_DB": "x"}},
    ),
    Case(
        "a variable that wsgi.py computes",
        {"shop/wsgi.py": f"{NAMES}os.environ['SHOP'] = find()\n"},
        settled={"environment": {"SHOP": "live"}},
    ),
    Case(
        "poetry's alternatives",
        {"requirements.txt": None, "pyproject.toml": EITHER},
        settled={"requirements": ["Django~=5.2"]},
    ),
    Case(
        "a Pipfile without its lock",
        {"requirements.txt": None, "Pipfile": "[packages]\ndjango = '*'\n"},
        settled={"requirements": ["Django~=5.2"]},
    ),
    Case(
        "conda's environment.yml",
        {"requirements.txt": None, "environment.yml": "dependencies:\n  - django=5.2\n"},
        settled={"requirements": ["Django~=5.2"]},
    ),
    Case(
        "a lock with an old Celery",
        {"requirements.txt": None, "pyproject.toml": PYPROJECT, "uv.lock": LOCK},
        settled={"requirements": ["pyproject.toml"]},
    ),
    Case(
        "a lock in conflict",
        {"requirements.txt": None, "pyproject.toml": PYPROJECT, "uv.lock": "<<<<<<< HEAD\n"},
        settled={"requirements": ["pyproject.toml"]},
    ),
    Case(
        "a pin that Celery 5.7 cannot go with", {"requirements.txt": "Django~=5.2\npython-dateutil==2.8.2\n"}
    ),
    Case("Django 6.1", {"requirements.txt": "Django==6.1\n"}, settled={"beat_scheduler": "file"}),
    Case("a module in the place of a library", {"celery/__init__.py": ""}),
    Case(
        "apps for two environments",
        {
            "shop/live.py": APPS,
            "shop/celery_live.py": APP.replace("shop.settings", "shop.live"),
            "shop/celery_dev.py": APP.replace("shop.settings", "shop.dev"),
        },
        settled={"project_app": "shop.celery_live:app"},
    ),
    Case("an integration without its record", {"shop/celery_ops/apps.py": 'label = "celery_ops"\n'}),
    Case("no app, and celery_project_integrate is never", given={"project_integrate": "never"}),
    Case("a package that is called like any", given={"project_name": "Shop 1"}),
    Case("a pool with a slip", given={"workers": [{"name": "default", "concurency": 2}]}),
    Case("an embedded broker that is no URL", given={"broker_url": "redis:/host"}),
)


def write(folder: Path, case: Case) -> None:
    """Make the checkout of a case."""
    for name, text in {**PLAIN, **case.files}.items():
        if text is not None:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")


def refusal(path: Path, given: Mapping[str, Any]) -> str:
    """Return the message for a checkout, empty where it is not refused."""
    public = {"celery_project_path": str(path), "celery_project_name": "shop"}
    public |= {f"celery_{name}": value for name, value in given.items()}
    derived = {"broker_url": given.get("broker_url", ""), "broker_server": "", "database_ca": ""}
    derived |= {"database_scheme": "", "secret_names": [], "secret_schemes": [], "placeholders": []}
    try:
        read = variables.read(
            {**variables.complete(public), **derived, "uses_postgresql": False, "removing": False}
        )
        deployment.check(read, {}, ["web1"])
        found = discover(str(path), read.project_package, read.project_settings)
        project = deployment.with_app(found, read.project_app)
        host = Host("web1", True, True, "/root", 252, True, 1, {"root": "root"}, {"root": "root"})
        part = fleet.Fleet(("worker", "beat"), 1, ("celery",))
        findings.check(read, project, deployment.decide(read, project, host, part))
    except Exception as error:  # noqa: BLE001 - each part has its own, and all are told alike
        # The Python that looks is another one on each controller.
        return re.sub(r"newer than \d+\.\d+", "newer than 3.11", str(error).replace(str(path), SHOWN))
    return ""


def page() -> str:
    """Return the page."""
    rows = []
    for case in CASES:
        with tempfile.TemporaryDirectory(prefix="celeriac-") as folder:
            write(Path(folder), case)
            message = refusal(Path(folder), case.given)
        code = " ".join(message.split()).replace("|", "\\|").replace("`", "'")
        rows.append(f"| {case.what} | {code} |")
    return "\n".join([HEAD, *rows, TAIL])


HEAD = """\
# Refusals

What a run refuses before it changes anything, each with a checkout that is refused so. \
Made from these checkouts by `make docs-tables`; a test makes them, \
reads the message, and follows what settles it. The other messages are in [operations.md](../operations.md#when-something-goes-wrong).

## Exit codes

| program | code | means |
|---|---|---|
| `ansible-playbook` | 0 | all is as it should be; after `integrate.yml` and `verify.yml`, all that was asked is proven |
| `ansible-playbook` | 2 | a host was refused or failed, or something is not proven: the message says which |
| `ansible-playbook` | 4 | a host was not reached |
| a worker's unit | 1 | the broker refuses its user, or the code does not load: the journal's last error says why |
| beat's unit | 78 | another beat answers: systemd does not start it again |
| `NAME-celery` | 0, 1, 2 | done; nobody answered, or nobody serves a queue, or the task failed; there is no such task |

## Of a checkout and its variables

| a plain project, but with | the message |
|---|---|"""
TAIL = ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
