# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One visit of a host: the first step of a run that would change something, and where none would, the proofs.

The project's Python is started once for it, and Django in it. Whatever goes wrong is for the step itself to
tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

from .. import _schedule
from .._deployment import Deployment
from .._project.python import SHELL, ProjectPython
from .._project.scripts import migrate, periodic
from .._project.scripts import prove as inside_prove
from .._project.scripts import visit as inside
from .._proof import proof as _proof
from . import steps as _steps

#: The modules whose questions are asked inside of the project.
INSIDE = ("celery_migration", "celery_periodic_task")
PROOF = "celery_proof"


@dataclass(frozen=True)
class Step:
    """What a task of a role would do."""

    #: The part of the run that it belongs to.
    part: str
    #: The short name of its module.
    module: str
    given: Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """What a visit has found."""

    #: The first part that would change something; empty: none, and the proofs hold.
    differs: str
    proofs: Sequence[dict[str, Any]] = field(default_factory=list)


class _DiffersError(Exception):
    """A question inside of the project says that something differs. The text is the part."""


@dataclass(frozen=True)
class _Asking(ProjectPython):
    """A project's Python that is asked some questions before it makes the proofs."""

    questions: Sequence[Any] = ()

    def run(
        self,
        script: ModuleType,
        job: Mapping[str, Any],
        timeout: float = 300,
        role: Sequence[str] = SHELL,
        scripts: Sequence[ModuleType] = (),
    ) -> Any:
        """Run a script; the one that proves is asked more.

        Raises:
            _DiffersError: something differs.
        """
        if script is not inside_prove:
            return super().run(script, job, timeout, role, scripts)
        more = {**job, "questions": self.questions}
        together = dict.fromkeys((migrate, periodic, *_proof.SCRIPTS, inside_prove))
        answer = super().run(inside, more, timeout, role, tuple(together))
        if answer["differs"]:
            raise _DiffersError(answer["differs"])
        return answer


def look(steps: Sequence[Step], project: ProjectPython, secrets: Mapping[str, Any], check: bool) -> Found:
    """Ask all steps, and make the proofs if none would change anything.

    Args:
        steps: in the order of the run; the last one is the proof.
        project: how the project is run.
        secrets: those of the environment.
        check: send nothing.
    """
    questions: list[Step] = []
    proof = steps[-1]
    for step in steps[:-1]:
        if step.module in INSIDE:
            questions.append(step)
        elif step.module not in _steps.ON_HOST or _differs(step, secrets):
            # Those that were not asked yet come before.
            return Found(questions[0].part if questions else step.part)

    try:
        said = _proof.Asked.of(proof.given)
        deployment = Deployment.from_data(proof.given["deployment"])
        asking = _Asking(**vars(project), questions=[[one.part, one.module, _job(one)] for one in questions])
        if not deployment.run.systemd:
            # Processes for the time of a proof are not started for a question.
            asking.run(inside_prove, {})
            asking = replace(asking, questions=())
        proofs = _proof.prove(asking, deployment, proof.given["hostname"], said, check)
    except _DiffersError as error:
        return Found(str(error))
    except Exception:  # noqa: BLE001 - whatever it is, the first that was to be asked will tell it
        return Found(questions[0].part if questions else proof.part)
    return Found("" if all(one["ok"] for one in proofs) else proof.part, proofs)


def _job(step: Step) -> dict[str, Any]:
    """Return what a question inside of the project is given."""
    given = dict(step.given)
    if step.module == "celery_periodic_task":
        entries = _schedule.complete(given["schedule"], given["timezone"])
        return {
            "app": given["app"],
            "exclusive": given["exclusive"],
            "entries": [entry.as_data() for entry in entries],
        }
    return {"databases": given["databases"], "prefork": given["prefork"]}


def _differs(step: Step, secrets: Mapping[str, Any]) -> bool:
    try:
        return _steps.ON_HOST[step.module](step.given, secrets)
    except Exception:  # noqa: BLE001 - the step itself will tell it
        return True
