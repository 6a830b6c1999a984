# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the PostgreSQL of this host has of a project, asked as its administrator."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .. import _command

_TIMEOUT = 60
# `restart` and `reload` tell also of a run that was interrupted between writing and the restart or reload;
# `clients` fails on what is no address, before it lands in pg_hba.conf. A database that takes no connection
# is one whose rights an interrupted run has not set: the role opens it last.
_QUESTION = r"""
SELECT json_build_object(
  'config_file', current_setting('config_file'),
  'hba_file', current_setting('hba_file'),
  'listen_addresses', coalesce((SELECT setting FROM pg_file_settings
    WHERE name = 'listen_addresses' AND sourcefile <> dropin ORDER BY seqno DESC LIMIT 1), 'localhost'),
  'encoding', (SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'template1'),
  'database', EXISTS (SELECT FROM pg_database WHERE datname = :'database' AND datconnlimit <> 0),
  'login', coalesce((SELECT rolcanlogin FROM pg_authid WHERE rolname = :'owner'), false),
  'password', (SELECT rolpassword FROM pg_authid WHERE rolname = :'owner'),
  'admitted', strpos(hba, '# BEGIN celeriac.django ' || :'database' || E'\n') > 0,
  'alone', (SELECT count(*) < 2 FROM regexp_matches(hba, '^# BEGIN celeriac[.]django ', 'gn')),
  'listening', (pg_stat_file(dropin, true)).size IS NOT NULL,
  'clients', (SELECT array_agg(address::inet) FROM unnest(string_to_array(:'clients', ',')) AS address),
  'restart', coalesce((pg_stat_file(dropin, true)).modification > pg_postmaster_start_time(), false),
  'reload', (pg_stat_file(current_setting('hba_file'))).modification > pg_conf_load_time(),
  'tls_reload', coalesce((SELECT max((pg_stat_file(file, true)).change) FROM unnest(ARRAY[tls,
    regexp_replace(tls, '[^/]*$', '../celeriac-tls/certificate.pem'),
    regexp_replace(tls, '[^/]*$', '../celeriac-tls/key.pem')]) AS file) > pg_conf_load_time(), false),
  'hba', hba
)
FROM pg_read_file(current_setting('hba_file')) AS hba,
  regexp_replace(current_setting('config_file'), '[^/]*$', 'conf.d/celeriac.conf') AS dropin,
  regexp_replace(current_setting('config_file'), '[^/]*$', 'conf.d/celeriac-tls.conf') AS tls;
"""
_SCRAM = re.compile(r"SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)")


class DatabaseError(Exception):
    """PostgreSQL does not answer, or refuses. The text has what it says."""


def ask(database: str, owner: str, password: str, clients: Sequence[str]) -> dict[str, Any]:
    """Return what the server has of a project.

    Args:
        database: the name of its database.
        owner: the role that owns it.
        password: the one that this role is to have; whether it has is told, and nothing else of it.
        clients: addresses and networks, which the server reads.

    Raises:
        DatabaseError: it does not answer.
    """
    psql = ["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--port=5432"]
    given = {"ON_ERROR_STOP": "1", "database": database, "owner": owner, "clients": ",".join(clients)}
    variables = [f"--set={name}={value}" for name, value in given.items()]
    command = ["runuser", "--user=postgres", "--", *psql, *variables]
    try:
        done = _command.run(command, input=_QUESTION, timeout=_TIMEOUT)
    except (OSError, _command.TimeoutExpired) as error:
        raise DatabaseError(f"psql cannot be started, or does not answer: {error}.") from None
    if done.returncode != 0:
        raise DatabaseError((done.stderr or done.stdout).strip())
    return told(json.loads(done.stdout), database, password)


def told(answer: Mapping[str, Any], database: str, password: str) -> dict[str, Any]:
    """Return an answer of the server's without what is secret, or nobody's business."""
    kept = dict(answer)
    login, secret, hba = kept.pop("login"), kept.pop("password"), kept.pop("hba")
    return {
        **kept,
        "owner": login and knows(secret or "", password),
        "block": block(hba, f"celeriac.django {database}"),
    }


def knows(kept: str, password: str) -> bool:
    """Tell whether a role has this password, from how the server keeps it (RFC 5803)."""
    found = _SCRAM.fullmatch(kept)
    if not found or not password:
        return False
    rounds, salt, stored, served = found.groups()
    try:
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(rounds))
        wanted = base64.b64decode(stored), base64.b64decode(served)
    except (binascii.Error, ValueError):
        return False
    client, server = (hmac.digest(salted, word, "sha256") for word in (b"Client Key", b"Server Key"))
    return hmac.compare_digest(hashlib.sha256(client).digest(), wanted[0]) and hmac.compare_digest(
        server, wanted[1]
    )


def block(text: str, name: str) -> str:
    """Return the lines between the marks of a block, empty if there is none."""
    begin, end = f"# BEGIN {name}\n", f"# END {name}\n"
    before, mark, rest = f"{text}\n".partition(begin)
    if not mark or (before and not before.endswith("\n")):
        return ""
    return rest.partition(end)[0]
