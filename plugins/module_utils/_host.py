# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deployment needs to know about its host, besides the project."""

from __future__ import annotations

import grp
import os
import pwd
import socket
from dataclasses import dataclass


@dataclass(frozen=True)
class Host:
    """The host as it is."""

    #: What the kernel calls it: ``%H`` in a unit.
    hostname: str
    is_root: bool
    #: Whether systemd is the service manager that runs.
    has_systemd: bool
    home: str


def look() -> Host:
    """Look at the host that this runs on."""
    return Host(
        hostname=socket.gethostname(),
        is_root=os.geteuid() == 0,
        # sd_booted(3)
        has_systemd=os.path.isdir("/run/systemd/system"),
        home=os.path.expanduser("~"),
    )


def accounts() -> tuple[dict[str, str], dict[str, str]]:
    """Return the host's users: name to comment field, and name to primary group."""
    comments, groups = {}, {}
    for account in pwd.getpwall():
        comments[account.pw_name] = account.pw_gecos
        try:
            groups[account.pw_name] = grp.getgrgid(account.pw_gid).gr_name
        except KeyError:
            groups[account.pw_name] = str(account.pw_gid)
    return comments, groups


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
