# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a deployment keeps things on its host, and whose they are."""

from __future__ import annotations

import os.path
from dataclasses import replace

from ansible_collections.celeriac.django.plugins.module_utils import _names
from ansible_collections.celeriac.django.plugins.module_utils._deployment import Account, Folder, Places
from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import Project
from ansible_collections.celeriac.django.plugins.module_utils._host import Host
from ansible_collections.celeriac.django.plugins.module_utils._release import record

from .variables import DeploymentError, Variables

#: What starts the units' processes, in the state folder, with the package that it imports.
LAUNCHER = "launch.py"
SERVICE = "celeriac_service"


def paths(variables: Variables, project: Project, name: str, systemd: bool) -> Places:
    """Decide where things are.

    Args:
        variables: the public variables.
        project: what was found in the checkout.
        name: the deployment's.
        systemd: whether units run it.
    """
    state = variables.state_path or (
        _names.system_state(name) if systemd else os.path.join(project.base, ".celery")
    )
    venv = variables.venv_path or os.path.join(state, "venv")
    run = os.path.join(state, "run") if systemd else state
    config = f"/etc/{name}-celery" if systemd else state
    return Places(
        state=state,
        run=run,
        config=config,
        tools=os.path.join(state, "bin"),
        venv=venv,
        python=os.path.join(venv, "bin", "python"),
        # A release has all that its processes start from.
        launcher=os.path.join(
            os.path.join(project.path, record.OURS) if variables.release else state, LAUNCHER
        ),
        folders=(),
        own=_own(state, run, config, bool(variables.state_path)),
    )


def _own(state: str, run: str, config: str, chosen: bool) -> tuple[str, ...]:
    """Return what goes with the deployment.

    A state folder that somebody chose may hold more than ours: then only ours goes.
    """
    own = [run, config, state]
    if chosen:
        inside = [os.path.join(state, name) for name in _names.STATE_NAMES]
        own = [*inside, *(path for path in own if path != state)]
    return tuple(dict.fromkeys(own))


def account(variables: Variables, project: Project, name: str, systemd: bool, host: Host) -> Account:
    """Decide as whom the services run; arguments as of :func:`paths`, and what was found on the host.

    Raises:
        DeploymentError: there is an account that happens to have the project's name.
    """
    user = variables.user or name
    comment = f"Celery of {name} (celeriac.django)"
    there = host.accounts.get(user)
    if not variables.removing and systemd and not variables.user and there not in (None, comment):
        raise DeploymentError(
            f"The user {user} is on the host already, and not made by this collection: the services would "
            f"run with all its rights. Set celery_user to {user} if that is meant, to another name if not, "
            "or call the project something else by celery_project_name."
        )
    if not systemd:
        # The owner of the checkout runs everything; only root can and has to give files away.
        owner = str(project.owner_uid) if host.is_root else ""
        return Account(user, "", False, False, comment, owner, "")
    return Account(
        name=user,
        runs_as=user,
        # An account that was there before is used as it is, and stays when the deployment goes.
        is_ours=there in (None, comment),
        is_missing=there is None,
        comment=comment,
        config_owner="root",
        config_group=user if there in (None, comment) else host.groups.get(user, user),
    )


def with_folders(places: Places, account: Account, systemd: bool) -> Places:
    """Return the places with the folders that are made, and whose they are."""
    if not systemd:
        return replace(places, folders=(Folder(places.state, account.config_owner, "", "0700"),))
    group = account.config_group
    return replace(
        places,
        folders=(
            Folder(places.run, account.name, group, "0700"),
            Folder(places.config, "root", group, "0750"),
        ),
    )
