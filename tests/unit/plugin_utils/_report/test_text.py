# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of a terminal: columns, colours, one row for hosts that say the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.celeriac.django.plugins.module_utils._proof import checks
from ansible_collections.celeriac.django.plugins.plugin_utils._report import advice, text

ROWS: list[dict[str, Any]] = [
    {"name": "round trip, pool default", "ok": True, "detail": "12 ms"},
    {"name": "tasks registered", "ok": False, "detail": "word " * 60},
    {"name": "each node works", "ok": True, "detail": "not asked", "skipped": True},
    {"name": "secrets kept", "ok": True, "detail": "settings.py:3 has SECRET_KEY", "warned": True},
]


def test_the_table_is_no_wider_than_a_screen_and_has_colours() -> None:
    lines = text.table({"app1": ROWS}, "shop")
    assert max(len(line.text) for line in lines) <= text.SCREEN
    heads = [(line.text.split()[0], line.colour) for line in lines if line.text[2:3].strip()]
    assert heads == [
        ("ok", "green"),
        ("FAILED", "red"),
        ("-", "dark gray"),
        ("WARN", "bright purple"),
        ("4", "red"),
    ]
    assert lines[-1].text == "  4 checks: 1 ok, 1 failed, 1 with a warning, 1 not asked"
    assert any("to do: The evidence names the cause" in line.text for line in lines)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["app1", "app2"], "app1, app2 "),
        (["shop-production-1", "shop-production-2"], "shop-production-1 and 1 more "),
        (["a-host-with-a-name-of-its-own.example.org"], "a-host-with-a-name-of-its-own.example.org "),
    ],
)
def test_the_names_of_hosts_leave_room_for_the_evidence(names: list[str], told: str) -> None:
    rows = {name: [ROWS[0]] for name in names}
    lines = [line.text for line in text.table({**rows, "another": ROWS[1:]}, "shop")]
    assert any(f"  {told}" in line for line in lines), lines


def test_hosts_that_say_the_same_have_one_row() -> None:
    other = [{**ROWS[0], "detail": "15 ms"}, *ROWS[1:]]
    lines = [line.text for line in text.table({"app1": ROWS, "app2": other, "app3": ROWS}, "shop")]
    assert lines[0].split()[:7] == ["ok", "round", "trip,", "pool", "default", "app1,", "app3"]
    assert lines[1].split()[5] == "app2"
    assert "all hosts" in lines[2]
    assert lines[-1].startswith("  12 checks on 3 hosts: 3 ok, 3 failed")


def test_many_hosts_are_counted() -> None:
    rows = {f"app{n}": ROWS[:1] for n in range(9)} | {"last": ROWS[1:2]}
    assert "app0 and 8 more" in text.table(rows, "shop")[0].text


def test_of_nothing_there_is_no_table() -> None:
    assert text.table({}, "shop") == []


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=200), st.booleans()), max_size=6))
def test_whatever_rows_say_there_is_a_table(rows: list[tuple[str, str, bool]]) -> None:
    given_rows = [{"name": name, "ok": ok, "detail": detail} for name, detail, ok in rows]
    assert len(text.table({"app1": given_rows}, "shop")) >= bool(rows)


@pytest.mark.parametrize("row", [row for rows in checks.ROWS.values() for row in rows])
def test_each_row_has_its_own_advice(row: str) -> None:
    assert advice.of(row, "shop") != advice.of("of nobody", "shop") or row == "web's databases"
