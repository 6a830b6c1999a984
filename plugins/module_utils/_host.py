# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deployment needs to know about its host, besides the project."""

from __future__ import annotations

import grp
import os
import pwd
import re
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from . import _command

#: Since this version, systemd hands over credentials.
CREDENTIALS_SINCE = 247


@dataclass(frozen=True)
class Host:
    """The host as it is."""

    #: What the kernel calls it: ``%H`` in a unit.
    hostname: str
    is_root: bool
    #: Whether systemd is the service manager that runs.
    has_systemd: bool
    home: str
    #: 0 where there is none.
    systemd_version: int = 0
    #: Whether systemd can hand credentials to services (systemd.exec(5), LoadCredential=).
    has_credentials: bool = False
    #: What Celery takes for the concurrency of a pool that has none.
    processors: int = 1
    #: The accounts that were asked for and are there, each with its comment, and its group.
    accounts: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    #: Who has drained it, and when; empty: nobody, so that its workers are to run.
    drained: str = ""
    #: Whether it has told Prometheus until now.
    has_metrics: bool = False


def look(users: Iterable[str] = (), drained: str = "", has_metrics: bool = False) -> Host:
    """Look at the host that this runs on, and whether it has these users.

    Args:
        users: their names.
        drained: who has drained the deployment on it, and when.
        has_metrics: whether it tells Prometheus of the deployment.
    """
    # sd_booted(3)
    booted = os.path.isdir("/run/systemd/system")
    version = systemd_version() if booted else 0
    comments, groups = accounts(users)
    return Host(
        hostname=socket.gethostname(),
        is_root=os.geteuid() == 0,
        has_systemd=booted,
        home=os.path.expanduser("~"),
        systemd_version=version,
        has_credentials=version >= CREDENTIALS_SINCE and shares_mounts(),
        processors=os.cpu_count() or 1,
        accounts=comments,
        groups=groups,
        drained=drained,
        has_metrics=has_metrics,
    )


def shares_mounts(mounts: Path = Path("/proc/1/mountinfo")) -> bool:
    """Tell whether mounts under the root folder are shared (proc(5)).

    On machines, systemd sees to it. In containers it does not, and then credentials that it mounts for a
    service do not get there, without a word.
    """
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    roots = [fields for fields in map(str.split, lines) if len(fields) > 6 and fields[4] in ("/", "/run")]
    return bool(roots) and all(
        any(option.startswith("shared:") for option in fields[6 : fields.index("-")]) for fields in roots
    )


def systemd_version() -> int:
    """Return the version of systemd, 0 where it does not tell."""
    try:
        answer = _command.run(["systemctl", "--version"]).stdout
    except OSError:
        return 0
    found = re.match(r"systemd (\d+)", answer)
    return int(found.group(1)) if found else 0


def accounts(names: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return those of these users that are there: name to comment field, and name to primary group.

    Each is asked for: a directory service knows users that it does not list.
    """
    comments, groups = {}, {}
    for name in names:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        comments[name] = account.pw_gecos
        try:
            groups[name] = grp.getgrgid(account.pw_gid).gr_name
        except KeyError:
            groups[name] = str(account.pw_gid)
    return comments, groups


def stand_in(user: str) -> pwd.struct_passwd:
    """Return the account that runs a project in root's place: nobody, where the user is not there yet."""
    try:
        return pwd.getpwnam(user)
    except KeyError:
        return pwd.getpwnam("nobody")


def silent(addresses: list[list[str]], timeout: float = 5) -> list[str]:
    """Return the TCP servers that do not answer, each with the reason.

    Args:
        addresses: host and port of each.
        timeout: seconds to wait for each.
    """
    found = []
    for host, port in addresses:
        try:
            socket.create_connection((host, int(port)), timeout=timeout).close()
        except OSError as error:
            found.append(f"{host}:{port}: {error.strerror or error}")
    return found


def unread_authorities(files: dict[str, str]) -> list[str]:
    """Return the variables whose PEM file holds no certificate that can be read, each with the reason.

    Args:
        files: the file of each, empty where none was named.
    """
    found = []
    for name, file in files.items():
        try:
            if file:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            found.append(f"celery_{name}: {file}: {getattr(error, 'strerror', None) or error}")
    return found
