# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates give text from plain data, or a clear error."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import hypothesis
import hypothesis.strategies
import pytest

from ansible_collections.celeriac.django.plugins.plugin_utils._rendering import templates as _render


@pytest.fixture
def overrides(tmp_path: Path) -> Path:
    """A folder of the user's, laid out as the collection's."""
    (tmp_path / "project/package").mkdir(parents=True)
    return tmp_path


def templates(*folders: Path) -> _render.Templates:
    """Returns the project's templates with these folders on top."""
    return _render.Templates("project", [str(folder) for folder in folders])


def test_a_template_of_the_user_replaces_ours(overrides: Path) -> None:
    (overrides / "project/package/celery.py.j2").write_text("APP = '{{ name }}'\n")
    assert templates(overrides).render("package/celery.py", {"name": "x"}) == "APP = 'x'\n"
    assert templates(overrides).names("package") == templates().names("package")


def test_the_first_folder_wins(overrides: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "project").mkdir(parents=True)
    (other / "project/gitignore.j2").write_text("one\n")
    (overrides / "project/gitignore.j2").write_text("two\n")
    assert templates(other, overrides).render("gitignore", {}) == "one\n"


def test_a_template_more_is_a_file_more(overrides: Path) -> None:
    (overrides / "project/package/more.txt.j2").write_text("")
    more = set(templates(overrides).names("package")) - set(templates().names("package"))
    assert more == {"package/more.txt"}


def test_what_is_no_template_is_passed_over(overrides: Path) -> None:
    (overrides / "project/package/notes.txt").write_text("")
    assert templates(overrides).names("package") == templates().names("package")


def test_what_needs_no_value_is_copied(overrides: Path) -> None:
    assert "package/celery_ops/embedded.py" in templates().names("package")
    own = _render.TEMPLATES / "project/package/celery_ops/embedded.py"
    assert templates().render("package/celery_ops/embedded.py", {}) == own.read_text()
    (overrides / "project/package/celery_ops").mkdir()
    mine = overrides / "project/package/celery_ops/embedded.py"
    mine.write_text("'{{ name }}'\n")
    assert templates(overrides).render("package/celery_ops/embedded.py", {"name": "x"}) == "'{{ name }}'\n"
    mine.rename(f"{mine}.j2")
    assert templates(overrides).render("package/celery_ops/embedded.py", {"name": "x"}) == "'x'\n"


def test_a_file_without_values_replaces_a_template(overrides: Path) -> None:
    (overrides / "project/package/celery.py").write_text("APP = '{{ mine }}'\n")
    assert templates(overrides).render("package/celery.py", {}) == "APP = '{{ mine }}'\n"


def test_text_stays_as_it_is(overrides: Path) -> None:
    text = "<a href='x'> & {{ '{{' }}\n  {% if true %}\n\tkept  \n  {% endif %}\nlast\n"
    (overrides / "project/x.j2").write_text(text)
    assert templates(overrides).render("x", {}) == "<a href='x'> & {{\n\tkept  \nlast\n"


def test_values_stay_as_they_are(overrides: Path) -> None:
    (overrides / "project/x.j2").write_text("{{ name }}")
    assert templates(overrides).render("x", {"name": "<a & 'b'> {{ c }}"}) == "<a & 'b'> {{ c }}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{{ absent }}", r"template x\.j2: 'absent' is undefined"),
        ("{{ name.absent }}", r"template x\.j2: .*no attribute 'absent'"),
        ("\n{% if %}", r"x\.j2:2: "),
        ("{% include 'gone.j2' %}", r"there is no template gone\.j2"),
    ],
)
def test_a_template_that_does_not_work_is_named(text: str, why: str, overrides: Path) -> None:
    (overrides / "project/x.j2").write_text(text)
    with pytest.raises(_render.RenderError, match=why):
        templates(overrides).render("x", {"name": "shop"})


def test_a_missing_template_is_named() -> None:
    with pytest.raises(_render.RenderError, match=r"there is no template absent\.j2"):
        templates().render("absent", {})


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("/srv/shop", "/srv/shop"),
        ("/srv/my shop", '"/srv/my shop"'),
        ("100%", "100%%"),
        ("$HOME", "$$HOME"),
        ('say "x"', r'"say \"x\""'),
        ("it's", '"it\'s"'),
        ("a\\b", r"a\\b"),
        ("a;b", '"a;b"'),
        ("a\tb", '"a\tb"'),
        ("", '""'),
    ],
)
def test_words_of_a_command_mean_what_they_say(text: str, word: str) -> None:
    assert _render.systemd_word(text) == word


@pytest.mark.parametrize("end", ["\n", "\r", "\0", "\x0b", "\x85", "\u2028"])
@pytest.mark.parametrize("say", [_render.systemd_word, _render.systemd_value, _render.systemd_path])
def test_what_would_be_a_line_of_its_own_is_refused(say: Callable[[str], str], end: str) -> None:
    with pytest.raises(_render.RenderError, match="control character"):
        say(f"/srv/web{end}ExecStartPre=+/bin/true{end}X=")


@pytest.mark.parametrize("path", ["/srv/shop\\", "/srv/shop ", " /srv/shop"])
def test_a_path_that_systemd_would_read_as_another_is_refused(path: str) -> None:
    with pytest.raises(_render.RenderError, match="Rename the folder"):
        _render.systemd_path(path)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd reads units, and is not here")
@hypothesis.settings(max_examples=60, deadline=None, derandomize=True)
@hypothesis.given(
    hypothesis.strategies.text(hypothesis.strategies.characters(exclude_characters="/"), max_size=40)
)
def test_systemd_reads_what_was_meant(text: str) -> None:
    # A name of more than 255 bytes is none.
    meant = f"/no such/x{text}x"
    try:
        word = _render.systemd_value(meant)
    except _render.RenderError:
        assert _render._CONTROL.search(text)
        return
    with tempfile.TemporaryDirectory() as folder:
        unit = Path(folder, "probe.service")
        unit.write_text(f"[Service]\nExecStart={word} --one\n", encoding="utf-8")
        done = subprocess.run(
            ["systemd-analyze", "verify", str(unit)],
            capture_output=True,
            check=False,
            env={"LANG": "C.UTF-8", "PATH": os.environ["PATH"]},
        )
    told = done.stderr.decode()
    assert f"special characters: {meant}\n" in told or f"Command {meant} is not executable" in told
