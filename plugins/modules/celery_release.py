#!/usr/bin/python
# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: celery_release
short_description: Make releases of a Django project on a host, and keep their log
version_added: 0.1.0
description:
  - A release is a folder with the code of a commit and a virtual environment of its own, which root owns
    and nobody changes.
  - Each step of a deploy is a call of its own.
  - Used by the role P(celeriac.django.celery_release#role).
extends_documentation_fragment:
  - celeriac.django._attributes
  - celeriac.django._attributes.run
attributes:
  action:
    support: full
    description: A folder on the controller is read there, by an action plugin of the same name.
options:
  step:
    description:
      - V(look) tells what is there, and begins the run's turn where O(changes).
      - V(resolve) finds the commit of a version.
      - V(unpack) makes the folder of a release.
      - V(build) runs the commands, compiles the code, and says that the release is whole.
      - V(point) lets C(current) lead to it, and removes old releases.
      - V(note) writes a line into the log, takes away what was only for the run, and ends its turn.
    type: str
    choices: [look, resolve, unpack, build, point, note]
    required: true
  path:
    description: The folder that holds the releases.
    type: path
    required: true
  changes:
    description: Whether something is about to be changed.
    type: bool
    default: false
  source:
    description: The address of a git repository, or a folder on the controller.
    type: str
    default: ""
  version:
    description: A branch, a tag or a commit. Left out, the commit that is checked out in the folder.
    type: str
    default: ""
  key:
    description: The private part of a deploy key.
    type: str
    default: ""
  token:
    description: A token for a repository at an address with C(https).
    type: str
    default: ""
  before:
    description: The commit of the release that runs.
    type: str
    default: ""
  commit:
    description: The commit of the release.
    type: str
    default: ""
  name:
    description: The name of the release.
    type: str
    default: ""
  archive:
    description: What the folder on the controller holds; there, until the action plugin has sent it.
    type: path
  release:
    description: What is known of the release, for its record.
    type: dict
    default: {}
  shared:
    description: Paths inside of a release that all releases share.
    type: list
    elements: str
    default: []
  commands:
    description: What is run in the release once.
    type: list
    elements: str
    default: []
  project:
    description: How the project's own Python is run, as C(inside) of
      RV(celeriac.django.celery_deployment#module:deployment).
    type: dict
    default: {}
  secrets:
    description: Secrets that the environment of the commands holds besides.
    type: dict
    default: {}
  interpreter:
    description: The Python that compiles the code.
    type: str
    default: ""
  keep:
    description: How many old releases stay.
    type: int
    default: 5
  line:
    description: A line of the log.
    type: dict
    default: {}
  scratch:
    description: A folder that was only for the run.
    type: path
  gone:
    description: Runs that are known to be over. Given by the action plugin.
    type: list
    elements: str
    default: []
author:
  - celeriac.django contributors (@celeriac)
"""

EXAMPLES = r"""
- name: Look at the releases of a host
  celeriac.django.celery_release:
    step: look
    path: /srv/shop
  register: shop
"""

RETURN = r"""
current:
  description: The release that was proven last, empty where there is none.
  returned: with O(step=look)
  type: str
  sample: 20261130-140501-3f2a91c0de
releases:
  description: The releases that are whole, oldest first.
  returned: with O(step=look)
  type: list
  elements: dict
  sample:
    - name: 20261130-140501-3f2a91c0de
      commit: 3f2a91c0de0f4ab1f3a3e6d1c2b7a8f9e0d1c2b3
      version: main
log:
  description: The last deploys, oldest first.
  returned: with O(step=look)
  type: list
  elements: dict
  sample: []
commit:
  description: The commit of the version.
  returned: with O(step=resolve)
  type: str
  sample: 3f2a91c0de0f4ab1f3a3e6d1c2b7a8f9e0d1c2b3
subject:
  description: The first line of what the commit says.
  returned: with O(step=resolve)
  type: str
  sample: Ask for the country
differs:
  description: What is between the release that runs and this one, which is C(commits), C(back) and C(files).
  returned: with O(step=resolve)
  type: dict
  sample: {"commits": ["3f2a91c Ask for the country"], "back": [], "files": ["orders/models.py"]}
running:
  description: The releases that workers run from, but for those that finish.
  returned: with O(step=look)
  type: list
  elements: str
  sample: [20261130-140501-3f2a91c0de]
has_git:
  description: Whether the host has git.
  returned: with O(step=look)
  type: bool
  sample: true
run:
  description: The run, for the modules that are part of it.
  returned: with O(step=look)
  type: dict
  sample: {}
built:
  description: The files that the commands have made.
  returned: with O(step=build)
  type: list
  elements: str
  sample: [staticfiles/app.css]
pruned:
  description: The releases that were removed.
  returned: with O(step=point)
  type: list
  elements: str
  sample: []
"""

import os
import pwd
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.celeriac.django.plugins.module_utils._project.python import (
    ProjectError,
    ProjectPython,
)
from ansible_collections.celeriac.django.plugins.module_utils._release import build, repository, store
from ansible_collections.celeriac.django.plugins.module_utils._runtime import censor, packages, turn
from ansible_collections.celeriac.django.plugins.module_utils._services import systemd

#: For the action plugin as well.
ARGUMENTS: dict[str, dict[str, Any]] = {
    **turn.ARGUMENTS,
    "step": {
        "type": "str",
        "required": True,
        "choices": ["look", "resolve", "unpack", "build", "point", "note"],
    },
    "path": {"type": "path", "required": True},
    "changes": {"type": "bool", "default": False},
    "source": {"type": "str", "default": ""},
    "version": {"type": "str", "default": ""},
    "key": {"type": "str", "default": "", "no_log": True},
    "token": {"type": "str", "default": "", "no_log": True},
    "before": {"type": "str", "default": ""},
    "commit": {"type": "str", "default": ""},
    "name": {"type": "str", "default": ""},
    "archive": {"type": "path"},
    "release": {"type": "dict", "default": {}},
    "shared": {"type": "list", "elements": "str", "default": []},
    "commands": {"type": "list", "elements": "str", "default": []},
    "project": {"type": "dict", "default": {}},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "interpreter": {"type": "str", "default": ""},
    "keep": {"type": "int", "default": 5},
    "line": {"type": "dict", "default": {}},
    "scratch": {"type": "path"},
    "gone": {"type": "list", "elements": "str", "default": []},
}


def look(_module: AnsibleModule, there: store.Store, params: dict[str, Any]) -> dict[str, Any]:
    """Tell what is there; begin the run's turn, if it is one that changes something."""
    what = os.path.realpath(there.root)
    run = turn.Run(**params["run"], what=what, undoes=True) if params["run"] else None
    if run and params["changes"]:
        if os.geteuid():
            raise store.StoreError("a release is root's: run the playbook with -b, or log in as root")
        taken = turn.take(run, params["gone"])
        if not taken.mine:
            return {"held": asdict(taken)}
    return {
        "run": asdict(run) if run and params["changes"] else {},
        "current": there.current(),
        "releases": [asdict(release) for release in there.there()],
        "running": there.running(systemd.Systemd()),
        "log": there.log(),
        "has_git": shutil.which("git") is not None,
    }


def _repository(params: dict[str, Any], there: store.Store) -> repository.Repository:
    access = repository.Access(params["key"], params["token"], there.root / ".known_hosts")
    return repository.mirror(there.root / store.MIRROR, params["source"], access)


def resolve(module: AnsibleModule, there: store.Store, params: dict[str, Any]) -> dict[str, Any]:
    """Find the commit of a version, and what is between it and the one that runs."""
    if not module.check_mode:
        there.see_that_it_can_be_ours()
        there.root.mkdir(parents=True, exist_ok=True)
        found = _repository(params, there)
        return resolved(found, params["version"], params["before"])
    with tempfile.TemporaryDirectory(prefix="celeriac-") as folder:
        access = repository.Access(params["key"], params["token"])
        found = repository.mirror(Path(folder, store.MIRROR), params["source"], access)
        return resolved(found, params["version"], params["before"])


def resolved(found: repository.Repository, version: str, before: str) -> dict[str, Any]:
    """Return what there is to know of a version."""
    commit = found.resolve(version or "HEAD")
    found.refuse(commit)
    return {
        "commit": commit,
        "subject": found.subject(commit),
        "differs": found.changes(before, commit),
    }


def unpack(module: AnsibleModule, there: store.Store, params: dict[str, Any]) -> dict[str, Any]:
    """Make the folder of a release, with the packages of the one that runs to begin with."""
    if there.read(params["name"]):
        return {"changed": False}
    if module.check_mode:
        return {"changed": True}
    with tempfile.TemporaryDirectory(prefix="celeriac-") as folder:
        archive = Path(params["archive"] or Path(folder, "archive.tar"))
        if not params["archive"]:
            there.see_that_it_can_be_ours()
            there.root.mkdir(parents=True, exist_ok=True)
            _repository(params, there).archive(params["commit"], archive)
        place = there.unpack(params["name"], archive)
    before = there.with_packages(params["name"])
    if before:
        build.seed(before, place)
    return {"changed": True}


def finish(module: AnsibleModule, there: store.Store, params: dict[str, Any]) -> dict[str, Any]:
    """Run the commands, compile the code, and say that the release is whole."""
    name = params["name"]
    if there.read(name):
        return {"changed": False, "built": []}
    if module.check_mode:
        return {"changed": True, "built": []}
    place = there.place(name)
    project = ProjectPython.from_params(
        {"project": {"environment": {}, **params["project"]}, "secrets": params["secrets"]}
    )
    account = pwd.getpwuid(project.uid)
    there.share(name, params["shared"], account.pw_uid, account.pw_gid)
    try:
        built = build.run(place, Path(project.base), params["commands"], project)
    except build.BuildError as error:
        if params["secrets"]:
            raise
        raise build.BuildError(
            f"{error}\nThe commands have no secrets in their environment; celery_release_build_secrets: true "
            "gives them."
        ) from error
    build.compile_code(place, params["interpreter"])
    found = packages.installed(place / build.VENV)
    there.seal(store.Release(name=name, packages=found, **params["release"]))
    return {"changed": True, "built": built}


def point(module: AnsibleModule, there: store.Store, params: dict[str, Any]) -> dict[str, Any]:
    """Let ``current`` lead to a release, and remove old ones."""
    name = params["name"]
    if module.check_mode:
        return {"changed": there.current() != name, "pruned": []}
    changed = there.point(name)
    pruned = there.prune(params["keep"], [name])
    return {"changed": changed or bool(pruned), "pruned": pruned}


def note(module: AnsibleModule, there: store.Store, params: dict[str, Any]) -> dict[str, Any]:
    """Write a line into the log, and take away what was only for the run."""
    if not module.check_mode:
        there.note(params["line"])
        if params["scratch"]:
            # It need not be there: a run that failed early has not made it.
            shutil.rmtree(params["scratch"], ignore_errors=True)
    return {"changed": True}


STEPS = {
    "look": look,
    "resolve": resolve,
    "unpack": unpack,
    "build": finish,
    "point": point,
    "note": note,
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    if module.params["step"] == "look":
        work(module)
    with turn.of(module, last=module.params["step"] == "note"):
        work(module)


def work(module: AnsibleModule) -> None:
    """Do what the module is for, in the run's turn."""
    os.umask(0o022)
    params = censor.parameters(module)
    there = store.Store(Path(params["path"]))
    try:
        answer = STEPS[params["step"]](module, there, params)
    except (store.StoreError, repository.RepositoryError, build.BuildError, ProjectError) as error:
        module.fail_json(msg=f"{error}" if str(error).endswith((".", "\n")) else f"{error}.")
    module.exit_json(**{"changed": False, **answer})


if __name__ == "__main__":
    main()
