# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What PostgreSQL says of a role is compared, and its secrets go no further."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils import _command
from ansible_collections.celeriac.django.plugins.module_utils._servers import postgresql

#: Of the password "pencil", as RFC 5802 and PostgreSQL have it.
KEPT = (
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
)
HBA = (
    "local all all peer\n"
    '# BEGIN celeriac.django shop\nhost "shop" "shop" samehost scram-sha-256\n# END celeriac.django shop\n'
    "# BEGIN celeriac.django shop2\nx\n# END celeriac.django shop2\n"
)


def test_a_password_is_known_again() -> None:
    assert postgresql.knows(KEPT, "pencil")


@pytest.mark.parametrize(
    "kept", ["", "md5c7b0", "SCRAM-SHA-256$x", KEPT.replace("W22Z", "W22"), KEPT[:-4] + "AAA="]
)
def test_what_is_kept_otherwise_is_not_known(kept: str) -> None:
    assert not postgresql.knows(kept, "pencil")


@pytest.mark.parametrize("password", ["", "Pencil", "pencil "])
def test_another_password_is_not_the_same(password: str) -> None:
    assert not postgresql.knows(KEPT, password)


def test_the_block_of_a_project_is_its_own() -> None:
    assert postgresql.block(HBA, "celeriac.django shop") == 'host "shop" "shop" samehost scram-sha-256\n'
    assert postgresql.block(HBA, "celeriac.django sho") == ""
    assert postgresql.block(f"x{HBA}", "django shop") == ""


def test_nothing_secret_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"database": True, "login": True, "password": KEPT, "hba": HBA}
    given: list[Any] = []

    def run(command: Any, **options: Any) -> Any:
        given.append((command, options["input"]))
        return subprocess.CompletedProcess(command, 0, json.dumps(answer), "")

    monkeypatch.setattr(_command, "run", run)
    told = postgresql.ask("shop", "shop", "pencil", ["10.0.0.7"])
    assert told == {"database": True, "owner": True, "block": 'host "shop" "shop" samehost scram-sha-256\n'}
    assert "pencil" not in str(given)


def test_an_error_of_the_server_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: Any, **_options: Any) -> Any:
        return subprocess.CompletedProcess(command, 2, "", "psql: error: connection refused\n")

    monkeypatch.setattr(_command, "run", run)
    with pytest.raises(postgresql.DatabaseError, match="connection refused"):
        postgresql.ask("shop", "shop", "pencil", [])
