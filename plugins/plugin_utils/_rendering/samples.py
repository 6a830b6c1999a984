# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of sample tasks."""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from typing import Any

from ansible_collections.celeriac.django.plugins.module_utils._deployment import Samples

from .._decisions.samples import RECORDS
from . import python_source
from .templates import Templates

#: Templates below templates/project.
_OF_APP = "samples/app"
_OF_RECORDS = "samples/records"
#: The model that stands in where an app has none, and its migration.
_ITEM = "Item"
_ITEM_MIGRATION = "migrations/0002_item.py"


def render(templates: Templates, samples: Samples, values: Mapping[str, Any], package: str) -> dict[str, str]:
    """Return the files of the samples, by path relative to the checkout.

    Args:
        templates: where they come from.
        samples: the decisions.
        values: for the templates.
        package: the folder of the project's package, relative to the checkout.

    Raises:
        RenderError: a template does not work.
    """
    files: dict[str, str] = {}
    if samples.records:
        inside = {**values, "has_item": samples.has_item}
        for name in templates.names(_OF_RECORDS):
            relative = os.path.relpath(name, _OF_RECORDS)
            if samples.has_item or relative != _ITEM_MIGRATION:
                target = os.path.normpath(os.path.join(package, RECORDS, relative))
                files[target] = templates.render(name, inside)
    for app in samples.apps:
        model = app.model or _ITEM
        given = {
            **values,
            "app": app.app,
            "label": app.label,
            "model": model,
            "manager": app.manager or "objects",
            "has_model": bool(app.model),
            **_imports(app.app, model, samples.records, bool(app.model)),
        }
        files[app.tasks] = templates.render(f"{_OF_APP}/tasks.py", given)
        files[app.tests] = templates.render(f"{_OF_APP}/test_tasks.py", given)
    return files


def _imports(app: str, model: str, records: str, has_model: bool) -> dict[str, str]:
    """Return the lines that import what is the project's own."""
    tables = f"{records}.models"
    others = [] if has_model else [model]
    tested = {
        app: ["tasks"],
        records: ["outbox"],
        tables: ["LEASE", "Job", "Outgoing", *others],
        f"{records}.testing": ["Sent", "make", "sent"],
        **({f"{app}.models": [model]} if has_model else {}),
    }
    return {
        "imports": python_source.import_lines({records: ["outbox"], tables: ["Job", *others]}),
        "test_imports": python_source.import_lines(tested),
    }
