# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the steps of a run would change on this host, each asked as it asks itself in check mode."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .._checkout import change, exceptions, integration
from .._runtime import commands, environment_file, interpreter, launcher, ownership, packages
from .._services import services, web
from .._services.systemd import Systemd

#: The arguments of a step's module, and the secrets; whether the step would change anything.
Differs = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]


def _virtualenv(given: Mapping[str, Any], _secrets: Mapping[str, Any]) -> bool:
    wanted = packages.Wanted(
        venv=Path(given["venv"]),
        interpreter=interpreter.Interpreter(**given["interpreter"]),
        files=[Path(file) for file in given["files"]],
        specs=given["specs"],
        tools=Path(given["tools"]),
        folder=Path(given["folder"]),
    )
    return not packages.is_current(wanted)


def _checkout(given: Mapping[str, Any], _secrets: Mapping[str, Any]) -> bool:
    top = Path(given["path"])

    def compute(read: integration.Reader) -> integration.Change:
        return integration.integrate(
            top,
            given["record"],
            given["files"],
            exceptions.with_exceptions(top, [*given["files"], given["record"]], given["blocks"]),
            read,
            given["overwrite"],
            given["samples"],
            given["name"],
        )

    outcome = change.change(top, compute, lambda _changed: None, True)
    # What somebody edited is told by each run.
    return bool(outcome.files or outcome.recovered or outcome.kept)


def _environment(given: Mapping[str, Any], secrets: Mapping[str, Any]) -> bool:
    path = Path(given["path"])
    belongs = ownership.Belongs(given["owner"], given["group"], 0o640)
    secretly = ownership.Belongs("root", "root", 0o600) if given["credentials"] else belongs
    return (
        any(
            ownership.folder(
                Path(folder["path"]),
                ownership.Belongs(folder["owner"], folder["group"], int(folder["mode"], 8)),
                True,
            )
            for folder in given["folders"]
        )
        or (given["ignored"] and ownership.file(path / ".gitignore", "*\n", belongs, True))
        or ownership.file(
            path / "environment", environment_file.dump(given["project"]["environment"]), belongs, True
        )
        or ownership.file(path / "secrets", environment_file.dump(secrets), secretly, True)
    )


def _commands(given: Mapping[str, Any], _secrets: Mapping[str, Any]) -> bool:
    places = commands.Places.of(given["name"], given["folder"], given["config_path"], given["sudoers"])
    texts = commands.Texts(given["program"], given["completion"])
    return bool(commands.install(places, texts, given["setup"], given["group"], True))


def _services(given: Mapping[str, Any], _secrets: Mapping[str, Any]) -> bool:
    support = {Path(path): text for path, text in given["support"].items()}
    if not given["systemd"]:
        return launcher.put(support, given["owner"], True)[0]
    kinds = list(services.PATTERNS) if given["kind"] == "all" else [given["kind"]]
    there = services.Services(given["name"], kinds, given["target"], Systemd(), Path(given["record"]))
    there.drained = given["drained"]
    if given.get("site"):
        there.site = web.Site.from_params(given["site"])
    if given["state"] == "absent":
        return bool(services.remove(there, True))
    texts = services.shared_texts(support)
    files = [Path(file) for file in given["files"]]
    inputs = services.Inputs(Path(given["base"]), Path(given["venv"]), files, texts).digest()
    plan = there.plan(given["units"], inputs)
    plan.support = there.support(support)
    return bool(plan)


#: By the name of the step's module.
ON_HOST: Mapping[str, Differs] = {
    "celery_virtualenv": _virtualenv,
    "celery_project": _checkout,
    "celery_environment": _environment,
    "celery_commands": _commands,
    "celery_service": _services,
}
