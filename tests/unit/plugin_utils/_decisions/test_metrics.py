# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who tells Prometheus, where, and with which packages."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.plugin_utils._decisions import fleet, metrics, variables
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions.requirements import PROMETHEUS_CLIENT
from ansible_collections.celeriac.django.plugins.plugin_utils._decisions.variables import DeploymentError

Data = dict[str, Any]


def test_the_group_or_the_variable_says_so() -> None:
    """It says nothing about what the host does besides, and who does nothing has nothing to tell."""
    groups = {"celery_worker": ["w"], "celery_broker": ["b"], "celery_metrics": ["w", "alone", "b"]}
    assert fleet.duties("w", groups) == ["worker", "metrics"]
    assert fleet.duties("alone", groups) == ["worker", "beat", "metrics"]
    assert fleet.duties("b", groups) == []
    assert fleet.duties("w", {}, web=True, metrics=True) == ["worker", "beat", "web", "metrics"]
    assert fleet.duties("w", {}) == ["worker", "beat"]


@pytest.mark.parametrize("listen", ["127.0.0.1:9808", "[::1]:9808", "10.0.0.5:1"])
def test_where(options: Data, listen: str) -> None:
    metrics.check(variables.read({**options, "metrics_listen": listen}))


@pytest.mark.parametrize(
    "listen", ["9808", "localhost:9808", "127.0.0.1:0", "127.0.0.1:99999", "::1:80", "a\nb:1"]
)
def test_where_nobody_listens(options: Data, listen: str) -> None:
    with pytest.raises(DeploymentError, match=r"celery_metrics_listen is .* such as 127"):
        metrics.check(variables.read({**options, "metrics_listen": listen}))


def test_what_is_decided(decide_with: Any, options: Data, found: Data) -> None:
    """Without systemd, nobody runs it, and nothing is counted."""
    decided = decide_with(options, found, ["worker", "beat", "metrics"])
    assert decided.metrics.folder == f"{decided.places.run}/metrics"
    assert PROMETHEUS_CLIENT in decided.requirements.specs
    assert PROMETHEUS_CLIENT not in decided.requirements.own
    without = decide_with(options, found, ["worker", "beat"])
    assert without.metrics.folder == ""
    assert PROMETHEUS_CLIENT not in without.requirements.specs
    by_hand = decide_with({**options, "service_manager": "none"}, found, ["worker", "beat", "metrics"])
    assert by_hand.metrics.folder == ""
