# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a dataclass sends as JSON comes back as it was, the nested ones too."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._discovery.project import App, Project


@pytest.mark.parametrize("app", [None, App("shop.celery", "app", "shop/celery.py", "shop/celery.py:3")])
def test_a_project_crosses_the_wire(app: App | None, project: Project) -> None:
    sent = replace(project, celery_app=app)
    assert Project.from_data(json.loads(json.dumps(sent.as_data()))) == sent


@pytest.mark.parametrize("change", [lambda data: data.pop("settings"), lambda data: data.update(sett="x")])
def test_what_is_no_project_is_an_error(change: object, project: Project) -> None:
    data = project.as_data()
    change(data)  # type: ignore[operator]
    with pytest.raises(TypeError, match="sett"):
        Project.from_data(data)
