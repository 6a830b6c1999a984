# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is deployed on this host already, by what root's own configuration says: a checkout is not asked."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .. import _names
from .._checkout.integration import RECORD_PATH
from .._discovery.project import App, Project
from .._owner import exchangeable
from .._release import record

ETC = Path("/etc")
#: By this file, a state folder that somebody chose is ours from the first run on, however it ends.
MARK = ".celeriac"
#: While it is there, no unit of a worker starts.
DRAINED = "drained"


class DeployedError(Exception):
    """What is on the host does not allow the deployment. The text says what, and what to do."""


@dataclass(frozen=True)
class Deployed:
    """A deployment that units run."""

    name: str
    #: The checkout, the folder of manage.py, and the record of the integration, relative to the checkout.
    path: str
    base: str
    record: str
    settings: str
    state: str


def there(etc: Path | None = None) -> list[Deployed]:
    """Return the deployments of this host, as far as this user may know of them."""
    return list(_found(etc or ETC))


def drained(name: str, etc: Path | None = None) -> str:
    """Return who has drained this host of a deployment, and when (runtime/operate.py); empty: nobody."""
    try:
        file = (etc or ETC) / f"{name}-celery" / DRAINED
        mark = json.loads(file.read_text(encoding="utf-8"))
        reason = f" ({mark['reason']})" if mark.get("reason") else ""
        return f"since {mark['since']} by {mark['by']}{reason}"
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "by a mark that cannot be read"


def _found(etc: Path) -> Iterator[Deployed]:
    for file in sorted(etc.glob("*-celery/operate.json")):
        try:
            with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8") as opened:
                status = os.fstat(opened.fileno())
                if status.st_uid not in (0, os.geteuid()) or not stat.S_ISREG(status.st_mode):
                    continue
                setup = json.load(opened)
            name = file.parent.name.removesuffix("-celery")
            parts = {key: setup["deployed"][key] for key in ("path", "record", "settings", "state")}
            yield Deployed(name=name, base=setup["base"], **parts)
        except (OSError, ValueError, KeyError, TypeError):
            continue


def see_that_it_is_no_release(path: str) -> None:
    """See that a checkout in place is none of the releases that a deploy has made.

    Raises:
        DeployedError: it is.
    """
    place = os.path.realpath(path)
    if os.path.lexists(os.path.join(place, record.OURS, record.RECORD)):
        raise DeployedError(
            f"{path} is a release ({place}), and those are never changed. Run deploy.yml, which brings a new "
            "one; or name a checkout in place. Nothing was changed."
        )


def see_no_other(name: str, base: str, removing: bool, found: list[Deployed]) -> None:
    """See that a checkout is not deployed under another name.

    Raises:
        DeployedError: it is: all that runs would run twice, and each periodic task would be sent twice.
    """
    names = [one.name for one in found if os.path.realpath(one.base) == os.path.realpath(base)]
    others = [other for other in names if other != name]
    if not others or (removing and name in names):
        return
    if removing:
        raise DeployedError(
            f"{base} is deployed as {others[0]} on this host, and not as {name}. Nothing was removed: "
            f"name it with celery_project_name: {others[0]}."
        )
    raise DeployedError(
        f"{base} is deployed on this host already, as {others[0]}. Under the name {name}, all of it would "
        "run a second time, and two beats would send each periodic task. Set celery_project_name: "
        f"{others[0]}, or remove that deployment first: remove.yml with -e celery_project_name={others[0]}. "
        "Nothing was changed."
    )


def of(name: str, path: str, found: list[Deployed]) -> Deployed | None:
    """Return the deployment of a name, or that of a checkout where none is given; None: none is known."""
    for one in found:
        if one.name == name or (
            not name and os.path.realpath(path) in map(os.path.realpath, (one.path, one.base))
        ):
            return one
    # A first run that was killed has left no configuration, and what it made is called by the name.
    return Deployed(name, path, path, RECORD_PATH, "", "") if name else None


def project_of(one: Deployed) -> Project:
    """Return what is known of a project whose checkout cannot be looked at: enough for a removal."""
    record = one.record if one.record.endswith(RECORD_PATH) else RECORD_PATH
    return Project(
        path=one.path,
        base=one.base,
        package="",
        package_path=os.path.normpath(os.path.join(one.path, record.removesuffix(RECORD_PATH))),
        settings=one.settings,
        settings_file="",
        settings_source="",
        integrated=True,
        celery_app=App("", "", file="", place=one.base),
        recorded_name=one.name,
    )


def see_that_state_is_ours(state: str, found: list[Deployed]) -> None:
    """See that a state folder that somebody chose can be ours.

    Raises:
        DeployedError: somebody else could exchange what is in it for links, or has things there that are
            called as ours: a removal would take them away.
    """
    whose = exchangeable(Path(state))
    if os.geteuid() == 0 and whose:
        raise DeployedError(
            f"celery_state_path: {whose} is not root's alone, and root would write below it: whoever may "
            "write there could have root write anywhere. Name a folder below folders of root's, such as "
            "/opt/shop-celery, or leave the variable out."
        )
    if os.path.lexists(os.path.join(state, MARK)) or any(one.state == state for one in found):
        return
    taken = [name for name in (*_names.STATE_NAMES, "run") if os.path.lexists(os.path.join(state, name))]
    if taken == ["bin"] and set(os.listdir(os.path.join(state, "bin"))) <= {".gitignore", "uv", ".uv.new"}:
        return  # a first run was killed before it got to the mark
    if taken:
        raise DeployedError(
            f"celery_state_path: {state} has {', '.join(taken)} already, which this collection has not made, "
            f"and would make. Name a folder of its own, such as {os.path.join(state, 'celery')}."
        )


def see_that_venv_can_be_made(venv: str) -> None:
    """See that an environment is there, or can be made where nobody else can exchange it.

    Raises:
        DeployedError: neither is so.
    """
    whose = exchangeable(Path(venv).parent)
    if os.geteuid() == 0 and whose and not os.path.exists(os.path.join(venv, "bin", "python")):
        raise DeployedError(
            f"celery_venv_path: there is no environment in {venv}, and root makes none below {whose}, which "
            f"is not root's alone. Make it as its owner: python3 -m venv {venv}, or leave the variable out."
        )
