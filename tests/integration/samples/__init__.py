# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Projects that get sample tasks, and what breaks these tasks."""

from __future__ import annotations

from .mutations import MUTATIONS, Mutation
from .projects import PROJECTS, Project

__all__ = ["MUTATIONS", "PROJECTS", "Mutation", "Project"]
