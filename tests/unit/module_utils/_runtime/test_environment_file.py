# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written into an environment file is what processes get to see."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.celeriac.django.plugins.module_utils._runtime import environment_file

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
PIECES = st.sampled_from(
    ["\\", '"', "'", "$", "`", "\n", "\r", "\t", " ", "=", "#", ";", "%", "é", "\nB=", '"\nB="', "x"]
)
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    st.lists(PIECES).map("".join),
)


@given(st.dictionaries(NAMES, TEXTS))
def test_what_is_dumped_is_loaded(values: dict[str, str]) -> None:
    assert environment_file.load(environment_file.dump(values)) == values


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not here")
def test_bash_reads_the_same() -> None:
    values = {
        "EMPTY": "",
        "BLANKS": "  two  words\t",
        "QUOTES": """'single' "double" `back`""",
        "DOLLARS": "$HOME ${HOME} $(id) $$ $",
        "BACKSLASHES": "\\ \\\\ \\n \\$ \\",
        "LINES": "first\nSECOND=x\n\n# third\n",
        "CARRIAGE": "a\r\nb\r",
        "SIGNS": "#;&|<>*?[]{}()~!=%^",
        "UNICODE": "é ß 漢 🥕",
        "_x9": "a URL: amqp://u:p%40ss@h:5672//",
    }
    script = 'set -a; . /dev/stdin; for n in "$@"; do printf "%s\\0" "${!n}"; done'
    done = subprocess.run(
        ["bash", "-c", script, "bash", *values],
        input=environment_file.dump(values).encode(),
        capture_output=True,
        check=True,
        env={"HOME": "/wrong"},
    )
    read = done.stdout.decode().split("\0")[:-1]
    assert dict(zip(values, read, strict=True)) == values


def test_other_values_become_text() -> None:
    dumped = environment_file.dump({"NUMBER": 5, "NOTHING": None, "PATH": Path("/srv")})
    assert environment_file.load(dumped) == {"NUMBER": "5", "NOTHING": "", "PATH": "/srv"}


def test_the_text_is_the_same_in_any_order() -> None:
    assert environment_file.dump({"B": "1", "A": "2"}) == environment_file.dump({"A": "2", "B": "1"})


def test_nothing_is_an_empty_text() -> None:
    assert environment_file.dump({}) == ""
    assert environment_file.load("") == {}


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A B", "A=B", "A\n", "É", "A.B", "$A"])
def test_a_name_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(environment_file.BadNameError) as caught:
        environment_file.dump({name: "the value"})
    assert repr(name) in str(caught.value)
    assert "the value" not in str(caught.value)


def test_a_value_that_cannot_be_is_refused_without_being_shown() -> None:
    with pytest.raises(environment_file.BadNameError, match=r"^SECRET: ") as caught:
        environment_file.dump({"SECRET": "hidden\0"})
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (["a.example", "é"], '["a.example", "é"]'),
        ({"export": True, "limit": 3}, '{"export": true, "limit": 3}'),
        ([], "[]"),
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (None, ""),
        ("[as it is]", "[as it is]"),
    ],
)
def test_values_of_yaml_are_json(value: object, text: str) -> None:
    assert environment_file.text_of(value) == text
    assert environment_file.load(environment_file.dump({"A": value})) == {"A": text}


def test_only_names_are_told_of_what_changed(tmp_path: Path) -> None:
    file = tmp_path / "secrets"
    file.write_text(environment_file.dump({"SAME": "1", "OTHER": "1", "GONE": "1"}))
    after = {"SAME": "1", "OTHER": "2", "NEW": "1"}
    assert environment_file.changed_names(file, after) == ["GONE", "NEW", "OTHER"]


def test_all_names_are_new_where_there_is_no_file(tmp_path: Path) -> None:
    assert environment_file.changed_names(tmp_path / "absent", {"A": 1, "B": None}) == ["A", "B"]
    assert environment_file.read(tmp_path / "absent") == ""


@given(st.dictionaries(NAMES, TEXTS, min_size=1))
def test_no_name_is_told_where_nothing_changed(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, str]
) -> None:
    file = tmp_path_factory.getbasetemp() / "environment"
    file.write_bytes(environment_file.dump(values).encode())
    assert environment_file.changed_names(file, values) == []


@pytest.mark.parametrize(
    ("value", "why"),
    [("a secret \ud800", "no UTF-8"), ("s" * 131072, "131072 bytes.*Put it into a file")],
)
def test_what_no_process_can_get_is_refused_by_name(value: str, why: str) -> None:
    with pytest.raises(environment_file.BadNameError, match=f"^TOKEN: .*{why}") as error:
        environment_file.dump({"TOKEN": value})
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("length", [65536, environment_file.LONGEST - len("TOKEN")])
def test_a_long_value_arrives_in_a_process(length: int) -> None:
    """As long as the kernel takes one, and not a byte more."""
    given = {"TOKEN": "".join(chr(32 + number % 95) for number in range(length))}
    loaded = environment_file.load(environment_file.dump(given))
    assert loaded == given
    said = subprocess.run(["printenv", "TOKEN"], env=loaded, capture_output=True, text=True, check=True)
    assert said.stdout == f"{given['TOKEN']}\n"
