# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all unit tests share."""

from __future__ import annotations

from ansible.release import __version__ as core_version


def pytest_report_header() -> str:
    """Names the Ansible that the tests run with, as `make test` has two."""
    return f"ansible-core: {core_version}"
