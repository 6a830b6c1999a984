# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several projects want of the one Redis that they share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_PREFIX = "server-"


class WishError(Exception):
    """A wish that cannot be read. The text names its file."""


def of_others(folder: Path, own: str) -> dict[str, dict[str, Any]]:
    """Return what other projects have noted, by the users that they are.

    Args:
        folder: where each has its file ``server-USER.json``.
        own: the user of this project.

    Raises:
        WishError: a file is not what a run has written.
    """
    found = {}
    for file in sorted(folder.glob(f"{_PREFIX}*.json")):
        user = file.stem[len(_PREFIX) :]
        if user == own:
            continue
        try:
            found[user] = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise WishError(
                f"{file}, in which a run for the project of the user {user} has noted what it wants of this "
                f"server, cannot be read: {error}. Remove it, and run that project's playbook again."
            ) from error
    return found
