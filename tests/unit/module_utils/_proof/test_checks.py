# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of the checks are the same wherever somebody reads them."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from ansible_collections.celeriac.django.plugins.module_utils._proof import checks
from ansible_collections.celeriac.django.plugins.modules import celery_proof

ROOT = Path(__file__).parents[4]


def test_the_specs_have_the_names() -> None:
    specs = yaml.safe_load((ROOT / "roles/celery_verify/meta/argument_specs.yml").read_text(encoding="utf-8"))
    entries = specs["argument_specs"]
    assert tuple(entries["main"]["options"]["celery_verify_checks"]["choices"]) == checks.NAMES
    assert tuple(entries["ask"]["options"]["celery_verify_checks"]["choices"]) == checks.NAMES
    documented = yaml.safe_load(celery_proof.DOCUMENTATION)["options"]["checks"]["choices"]
    assert tuple(documented) == checks.NAMES


def test_the_table_of_the_docs_has_each_row_with_its_name() -> None:
    page = (ROOT / "docs/reference/proofs.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+?) \| `(\w+)` \|", page, re.MULTILINE)
    found = {(name, re.sub(r"(, pool)? …$", "", row)) for row, name in rows if not row.startswith("…")}
    assert found == {(name, row) for name, begins in checks.ROWS.items() for row in begins}
