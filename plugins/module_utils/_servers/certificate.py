# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a server could use a certificate."""

from __future__ import annotations

import ssl


def problem(certificate: str, key: str) -> str:
    """Return why a server could not use a certificate with a key; empty if it can."""
    try:
        # Without a passphrase to give: otherwise the terminal would be asked for one.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        return str(error)
    return ""
