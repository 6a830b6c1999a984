# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deploy is about to do is a table, not a wall."""

from __future__ import annotations

from typing import Any

from ansible_collections.celeriac.django.plugins.plugin_utils._rendering import releases

FACTS: dict[str, Any] = {
    "what": "deploy",
    "name": "20261130-140501-3f2a91c0de",
    "before": "20261129-090000-aaaaaaaaaa",
    "there": False,
    "subject": "Ask for the country",
    "differs": {"commits": ["3f2a91c Ask for the country"], "back": [], "files": ["orders/tasks.py"]},
    "old": {"tasks": {"orders.tasks.a": "x", "orders.tasks.b": "x"}},
    "tasks": {"orders.tasks.b": "x", "orders.tasks.c": "x"},
    "pending": ["orders.0002_country"],
    "told": [],
    "batches": [["app1"], ["app2", "app3"]],
    "check": False,
}


def test_the_plan_has_a_line_for_each_matter() -> None:
    assert releases.plan(FACTS) == [
        "deploy      20261130-140501-3f2a91c0de Ask for the country",
        "runs now    20261129-090000-aaaaaaaaaa",
        "commit      3f2a91c Ask for the country",
        "migrations  orders.0002_country",
        "tasks come  orders.tasks.c",
        "tasks go    orders.tasks.a",
        "batch 1     app1",
        "batch 2     app2, app3",
    ]


def test_a_check_tells_what_git_tells() -> None:
    files = ["requirements.txt", "docs/requirements.md", "orders/migrations/0002_country.py", "uv.lock"]
    lines = releases.plan({**FACTS, "check": True, "pending": [], "differs": {"files": files}})
    assert "packages    requirements.txt, uv.lock" in lines
    assert "migrations  orders/migrations/0002_country.py" in lines


def test_the_same_release_is_told() -> None:
    lines = releases.plan({**FACTS, "name": FACTS["before"], "there": True, "differs": None})
    assert "release     the same as now: only what differs besides is changed" in lines


def test_a_first_deploy_has_nothing_before() -> None:
    lines = releases.plan({**FACTS, "before": "", "old": {}})
    assert "runs now    nothing of this collection's releases" in lines
    assert not any(line.startswith("tasks") for line in lines)


def test_long_lists_are_cut() -> None:
    names = [f"orders.{number:04}" for number in range(12)]
    [line] = [line for line in releases.plan({**FACTS, "pending": names}) if line.startswith("migrations")]
    assert line.endswith("orders.0007 and 4 more")


def test_releases_and_log_are_shown() -> None:
    look = {
        "current": "b",
        "releases": [
            {"name": "a", "version": "v1", "proven": False, "subject": "One"},
            {"name": "b", "version": "", "proven": True, "subject": "Two"},
        ],
        "log": [
            {
                "time": "T",
                "who": "me",
                "what": "deploy",
                "result": "failed",
                "seconds": 9,
                "cause": "why\nmore",
            },
        ],
    }
    assert releases.shown(look) == [
        "    a  v1  never proven  One",
        "->  b  -                 Two",
        "",
        "T  me  deploy failed  9 s  why",
    ]
    assert releases.shown({"current": "", "releases": [], "log": []}) == ["no release yet"]
