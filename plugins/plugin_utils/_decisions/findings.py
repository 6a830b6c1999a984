# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lines of a project do to a deployment: refused, told, or settled by a variable."""

from __future__ import annotations

import os.path
from collections.abc import Iterator

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Deployment
from ansible_collections.celeriac.django.plugins.module_utils._discovery.findings import (
    INTEGRATION,
    OWN_APP,
    SCHEDULER,
)
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Finding, Project

from .variables import Variables


class FindingError(ValueError):
    """A line of the project's that has to be settled first. The text has the place and what to do."""


def check(
    variables: Variables,
    project: Project,
    deployment: Deployment,
    checkout_alone: bool = False,
) -> None:
    """Refuse what would make a green report of a deployment that is wrong.

    Args:
        variables: the public variables.
        project: what was found.
        deployment: what was decided.
        checkout_alone: whether nothing but the checkout is changed, so that nothing has to run.

    Raises:
        FindingError: there is such a line, or root would run what is somebody else's to run.
    """
    if not checkout_alone and deployment.account.config_owner not in ("", "root", "0"):
        raise FindingError(
            f"Without systemd, everything runs as the owner of the checkout {project.path}, who has the "
            f"number {deployment.account.config_owner}, and this run is root's. Run it as that user "
            "(become_user, or no become at all), or let systemd run the services. Nothing was changed."
        )
    texts = [
        finding.text
        for finding in _of(variables, project, deployment)
        if finding.refuses and not (checkout_alone and finding.running)
    ]
    texts += [] if checkout_alone else _hidden(project, deployment)
    if texts:
        raise FindingError(" ".join(texts) + " Nothing was changed.")


def _hidden(project: Project, deployment: Deployment) -> list[str]:
    """Return what to say of the project's modules that hide a library."""
    needs_redis = any(
        spec.startswith("celery[") and "redis" in spec for spec in deployment.requirements.specs
    )
    return [
        f"{file} has the name of the library {name}, which Celery imports: every process that is started in "
        f"{project.base} would get the project's instead. Rename it, or move it into a package."
        for name, file in project.hiding.items()
        if name != "redis" or needs_redis
    ]


def warnings(
    variables: Variables,
    project: Project,
    deployment: Deployment,
    checkout_alone: bool = False,
) -> list[str]:
    """Return what is to be told of such lines, and works all the same; arguments as of :func:`check`."""
    return [
        finding.text
        for finding in _of(variables, project, deployment)
        if not finding.refuses and not (checkout_alone and finding.running)
    ]


def _of(variables: Variables, project: Project, deployment: Deployment) -> Iterator[Finding]:
    """Yield the findings that matter to this deployment, and that no variable settles."""
    given = {*variables.environment, *variables.secret_names, *deployment.inside.environment}
    unwanted = OWN_APP if deployment.code.integrate else INTEGRATION
    for finding in project.findings:
        variable = finding.variable
        # "+X": it matters only where X is given; "X": it is settled by it.
        settled = variable[1:] not in given if variable.startswith("+") else variable in given
        if finding.variables:
            settled = given.issuperset(finding.variables)
        if finding.concerns == SCHEDULER and not _has_scheduler(variables, deployment):
            continue
        if finding.concerns == unwanted or ((variable or finding.variables) and settled):
            continue
        if finding.option and getattr(variables, finding.option):
            continue
        yield finding


def _has_scheduler(variables: Variables, deployment: Deployment) -> bool:
    """Tell whether the integration brings django-celery-beat."""
    return deployment.code.integrate and variables.beat_scheduler == "database"


def notes(project: Project) -> list[str]:
    """Return what Celery's processes load as the web does, and what is left out of the proof."""
    texts = [
        f"{line.place} loads {os.path.relpath(line.file, project.path)} ({line.loader}) before Django: "
        "workers, beat and the checks of this run load it too. What the inventory gives wins"
        f"{', unless that file has it' if line.replaces else ''}."
        for line in project.entry_files
    ]
    doubtful = project.doubtful_tasks
    if not doubtful:
        return texts
    listed = "; ".join(f"{name} ({why})" for name, why in sorted(doubtful.items()))
    return [*texts, f"Not part of the proof, because it is not certain that workers have them: {listed}."]
