# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each alarm is explained and tested, and asks for metrics that there are. promtool runs them in molecule."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
RULES: list[dict[str, Any]] = yaml.safe_load((ROOT / "files/alerts.yml").read_text(encoding="utf-8"))[
    "groups"
][0]["rules"]
NAMES = [rule["alert"] for rule in RULES]


def test_each_has_a_paragraph_that_it_leads_to() -> None:
    page = (ROOT / "docs/alerts.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == NAMES
    for rule in RULES:
        assert rule["annotations"]["runbook_url"].endswith(f"/docs/alerts.md#{rule['alert'].lower()}")
        assert rule["labels"]["severity"] in ("warning", "critical")


def test_each_fires_and_is_silent_in_a_test() -> None:
    tests = yaml.safe_load((ROOT / "tests/alerts/alerts_test.yml").read_text(encoding="utf-8"))["tests"]
    normal, *faults = tests
    assert {one["alertname"] for one in normal["alert_rule_test"]} == set(NAMES)
    assert not any(one.get("exp_alerts") for one in normal["alert_rule_test"])
    assert [test["name"] for test in faults] == NAMES
    for test in faults:
        before, after = test["alert_rule_test"]
        assert not before.get("exp_alerts")
        assert len(after["exp_alerts"]) == 1


def test_they_ask_for_metrics_that_are_told() -> None:
    """docs/metrics.md has all; the scenario sees to it that these are told."""
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    outcomes = re.findall(r"`…(_\w+_total)`", page)
    told = {*re.findall(r"celery_\w+", page), *(f"celery_task{outcome}" for outcome in outcomes)}
    for rule in RULES:
        for name in re.findall(r"celery_\w+", rule["expr"]):
            assert name.removesuffix("_bucket") in told, (rule["alert"], name)
