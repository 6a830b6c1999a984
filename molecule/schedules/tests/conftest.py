# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets the tests import what they share with the script of the takeovers."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
