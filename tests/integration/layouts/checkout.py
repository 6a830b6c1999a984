# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A checkout that is looked at, integrated and given back, as the modules and action plugins do it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils import _host
from ansible_collections.celeriac.django.plugins.module_utils._checkout import change, integration
from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.module_utils._discovery.discover import discover
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project
from ansible_collections.celeriac.django.plugins.module_utils._project import known_settings, works
from ansible_collections.celeriac.django.plugins.module_utils._project import python as _project_python
from ansible_collections.celeriac.django.plugins.module_utils._project import review as _review
from ansible_collections.celeriac.django.plugins.module_utils._project.scripts import review as inside_review
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import deployment as _deployment
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import samples, variables
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import warnings as _warnings
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions.fleet import Fleet
from ansible_collections.celeriac.django.plugins.plugin_utils._rendering import project_files, templates

from ._parts import Layout

QUESTIONS = Path(__file__).with_name("questions.py")
#: What the action plugin asks the proof for.
JOB = {"system": True, "databases": True, "broker": True}


def default_options() -> dict[str, Any]:
    """Return the public variables as they are when only the path is given, and nothing is a service."""
    return {
        **variables.complete({"celery_project_path": "/", "celery_service_manager": "none"}),
        "broker_url": "",
        "broker_server": "",
        "database_ca": "",
        "database_scheme": "",
        "secret_names": [],
        "secret_schemes": [],
        "placeholders": [],
        "uses_postgresql": False,
        "removing": False,
    }


def snapshot(top: Path) -> dict[str, tuple[object, ...]]:
    """Return all that is below a folder: kind and mode, owner, group, and content or target."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in ["", *folders, *files]:
            path = Path(folder, name)
            status = path.lstat()
            content: object = None
            if path.is_symlink():
                content = os.readlink(path)
            elif path.is_file():
                content = path.read_bytes()
            found[os.path.relpath(path, top)] = (f"{status.st_mode:o}", status.st_uid, status.st_gid, content)
    return found


def differences(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """Return what differs between two snapshots."""
    return [
        f"{name}: {before.get(name, 'absent')} → {after.get(name, 'absent')}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


@dataclass
class Checkout:
    """A layout in a folder, and the virtualenv that it is deployed with."""

    layout: Layout
    path: Path
    python: Path | None = None
    project: Project = field(init=False)
    deployment: Deployment = field(init=False)
    warnings: list[str] = field(default_factory=list)
    broker: str = ""

    def look(self, **options: object) -> None:
        """Discover and decide.

        Raises:
            DiscoveryError: nothing can be found.
            DeploymentError: what is asked for cannot be.
        """
        given = {
            **default_options(),
            "project_path": str(self.path),
            "environment": dict(self.layout.environment),
            **self.layout.options,
            **options,
        }
        self.broker = str(given["broker_url"])
        read = variables.read(given)
        _deployment.check(read, {}, ["localhost"])
        project = discover(str(self.path), read.project_package, read.project_settings)
        # Through JSON, as it comes from the host.
        sent = Project.from_data(json.loads(json.dumps(project.as_data())))
        host = replace(_host.look(), has_systemd=False, accounts={}, groups={})
        queues = sorted({queue for pool in read.pools for queue in pool.queues})
        fleet = Fleet(("worker", "beat"), 1, tuple(queues))
        self.project = _deployment.with_app(sent, read.project_app)
        self.deployment = _deployment.decide(read, self.project, host, fleet)
        self.warnings = _warnings.warnings(read, self.project, host, self.deployment)

    def base(self) -> Path:
        """Return the folder of manage.py."""
        return self.path / self.layout.base

    def see(self, changed: Sequence[Path]) -> None:
        """See that the project works, as the module celery_project does.

        Raises:
            CheckoutError: a file does not compile.
            WorksError: the project does not.
        """
        change.check_syntax(list(changed))
        if self.python is not None:
            job = {**JOB, "app": self.deployment.code.app}
            what = "With the integration, the project does not work"
            works.see(self.inside(), job, what)

    def inside(self) -> _project_python.ProjectPython:
        """Return how scripts are run inside the project."""
        environment = dict(self.deployment.inside.environment)
        environment.pop("CELERY_STATE_PATH", None)
        return _project_python.ProjectPython.from_params(
            {
                "project": {
                    "python": str(self.python),
                    "base": self.project.base,
                    "settings": self.project.settings,
                    "user": "",
                    "environment": environment,
                },
                # As on a host, where the broker's URL is one of the secrets.
                "secrets": {"CELERY_BROKER_URL": self.broker} if self.broker else {},
            }
        )

    def review(self) -> list[str]:
        """Return what the project's own app lacks, as the module celery_review does."""
        job = {
            "app": self.deployment.code.app,
            "places": self.project.celery_settings,
            "unlisted": known_settings.UNLISTED,
        }
        answer = self.inside().run(inside_review, job, role=_project_python.WORKER)
        return _review.lacks(self.project, answer, self.deployment.run.delivery)

    def integrate(self, check: bool = False) -> change.Outcome:
        """Put Celery into the checkout.

        Raises:
            CheckoutError: it cannot be.
        """
        files, blocks = project_files.render(
            templates.Templates("project"), self.deployment, self.project, []
        )

        def compute(read: integration.Reader) -> integration.Change:
            together = samples.together(self.deployment.tasks.samples)
            record = self.deployment.code.record
            return integration.integrate(self.path, record, files, blocks, read, samples=together)

        return change.change(self.path, compute, self.see, check)

    def remove(self) -> change.Outcome:
        """Take Celery out of the checkout."""

        def compute(read: integration.Reader) -> integration.Change:
            return integration.remove(self.path, self.deployment.code.record, read)

        outcome = change.change(self.path, compute, change.check_syntax, False)
        state = Path(self.deployment.places.state)
        if state.is_relative_to(self.path):
            shutil.rmtree(state, ignore_errors=True)
        return outcome

    def patched(self, diff: str, folder: Path) -> list[str]:
        """Apply a diff to a copy of the checkout with git, and return what then differs from the files."""
        done = subprocess.run(
            ["git", "apply", "--whitespace=nowarn", "-"],
            cwd=folder,
            input=diff.encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if done.returncode:
            return [done.stdout.decode("utf-8", "replace")]
        contents = [
            {name: entry[3] for name, entry in snapshot(top).items() if entry[3] is not None}
            for top in (folder, self.path)
        ]
        return differences(*contents)

    def ask(self, *questions: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Ask the project, each question in a process with its own environment."""
        assert self.python is not None
        common = {
            "PATH": os.pathsep.join([str(self.python.parent), os.defpath]),
            "LANG": "C.UTF-8",
            "HOME": str(self.path.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        asked = [
            {
                "folder": str(self.base()),
                **question,
                "environment": {**common, **question["environment"]},
            }
            for question in questions
        ]
        done = subprocess.run(
            [str(self.python), "-B", str(QUESTIONS)],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answers: list[dict[str, Any]] = json.loads(done.stdout)
        return answers
