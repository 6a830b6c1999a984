# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a release says what it is: a folder of ours in it, and the files there."""

from __future__ import annotations

OURS = ".celeriac"
#: Written last: a folder without it is no release. And what a proven one has besides.
RECORD, PROVEN = "release.json", "proven"
