# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an integration changes is known before it is written, and removal leads back to the byte."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ansible_collections.celeriac.django.plugins.module_utils._checkout import integration

TOP = Path("/srv/shop")
RECORD = "shop/celery_ops/integration.json"
FILES = {
    "shop/celery.py": "app = 1\n",
    "shop/celery_ops/__init__.py": "",
    "shop/celery_ops/tasks.py": "T = 'é'\n",
}
BLOCKS = {
    "shop/__init__.py": {"lines": "from .celery import app", "hint": "The app."},
    "shop/settings.py": {"lines": "A = 1\n\nB = 2"},
    ".gitignore": {"lines": ".celery/"},
    ".env.example": {"lines": "KEY=value"},
}

Tree = dict[Path, bytes]


def tree_of(files: Mapping[str, bytes]) -> Tree:
    """Returns a checkout in memory."""
    return {TOP / name: content for name, content in files.items()}


def applied(tree: Tree, change: integration.Change) -> Tree:
    """Returns the checkout after a change, which has to know what was there before."""
    after = dict(tree)
    for path, content in change.changed().items():
        assert change.before.get(path) == tree.get(path)
        if content is None:
            after.pop(path)
        else:
            after[path] = content
    return after


def integrate(
    tree: Tree,
    files: Mapping[str, str] | None = None,
    blocks: Mapping[str, Mapping[str, str]] | None = None,
    overwrite: bool = False,
) -> integration.Change:
    """Computes the integration of a checkout in memory, of all files and blocks unless some are given."""
    files = FILES if files is None else files
    blocks = BLOCKS if blocks is None else blocks
    return integration.integrate(TOP, RECORD, files, blocks, tree.get, overwrite)


def remove(tree: Tree) -> integration.Change:
    """Computes the removal from a checkout in memory."""
    return integration.remove(TOP, RECORD, tree.get)


CONTENTS = st.one_of(st.binary(max_size=30), st.sampled_from([b"", b"x = 1", b"x = 1\r\n", b"\n"]))
TREES = st.dictionaries(st.sampled_from([*BLOCKS, "manage.py"]), CONTENTS).map(tree_of)
SOME_FILES = st.sets(st.sampled_from(sorted(FILES))).map(lambda names: {name: FILES[name] for name in names})
SOME_BLOCKS = st.sets(st.sampled_from(sorted(BLOCKS))).map(
    lambda names: {name: BLOCKS[name] for name in names}
)


@given(TREES, SOME_FILES, SOME_BLOCKS)
def test_removal_gives_back_the_bytes(
    tree: Tree, files: dict[str, str], blocks: dict[str, dict[str, str]]
) -> None:
    integrated = applied(tree, integrate(tree, files, blocks))
    assert applied(integrated, remove(integrated)) == tree


@given(TREES, SOME_FILES, SOME_BLOCKS)
def test_a_second_run_changes_nothing(
    tree: Tree, files: dict[str, str], blocks: dict[str, dict[str, str]]
) -> None:
    integrated = applied(tree, integrate(tree, files, blocks))
    assert integrate(integrated, files, blocks).changed() == {}


@given(TREES, SOME_FILES, SOME_BLOCKS, SOME_FILES, SOME_BLOCKS)
def test_another_integration_leaves_nothing_of_the_old_one(
    tree: Tree,
    files: dict[str, str],
    blocks: dict[str, dict[str, str]],
    new_files: dict[str, str],
    new_blocks: dict[str, dict[str, str]],
) -> None:
    first = applied(tree, integrate(tree, files, blocks))
    second = applied(first, integrate(first, new_files, new_blocks))
    assert second == applied(tree, integrate(tree, new_files, new_blocks))
    assert applied(second, remove(second)) == tree


@given(TREES, SOME_BLOCKS)
def test_new_text_replaces_the_old(tree: Tree, blocks: dict[str, dict[str, str]]) -> None:
    old = {name: {"lines": "OLD = 1"} for name in blocks}
    first = applied(tree, integrate(tree, dict.fromkeys(FILES, "OLD = 1\n"), old))
    second = applied(first, integrate(first, FILES, blocks))
    assert second == applied(tree, integrate(tree, FILES, blocks))


def test_nothing_is_removed_where_nothing_was_made() -> None:
    assert remove(tree_of({"manage.py": b""})).changed() == {}


def test_a_file_of_that_name_is_in_the_way() -> None:
    tree = tree_of({"shop/celery.py": b"app = Celery()\n"})
    with pytest.raises(integration.IntegrationError) as caught:
        integrate(tree)
    assert "/srv/shop/shop/celery.py exists already" in str(caught.value)
    assert "celery_project_integrate to never" in str(caught.value)


def test_a_file_that_is_as_ours_would_be_is_taken_for_ours() -> None:
    """The record may be lost, as when only a part of the integration was committed."""
    tree = applied({}, integrate({}))
    del tree[TOP / RECORD]
    integrated = applied(tree, integrate(tree))
    assert not {TOP / name for name in FILES} & set(applied(integrated, remove(integrated)))


@pytest.fixture
def edited() -> Tree:
    """An integrated checkout in which somebody edited a file of ours."""
    tree = applied({}, integrate({}))
    tree[TOP / "shop/celery.py"] = b"app = 2\n"
    return tree


def test_an_edited_file_is_left_alone_and_named(edited: Tree) -> None:
    change = integrate(edited, {**FILES, "shop/celery.py": "app = 3\n"})
    assert applied(edited, change)[TOP / "shop/celery.py"] == b"app = 2\n"
    assert list(change.kept) == ["shop/celery.py"]
    assert "edited since it was made" in change.kept["shop/celery.py"]


def test_an_edited_file_is_still_known_as_edited_later(edited: Tree) -> None:
    later = applied(edited, integrate(edited, {**FILES, "shop/celery.py": "app = 3\n"}))
    assert list(integrate(later).kept) == ["shop/celery.py"]
    assert list(remove(later).kept) == ["shop/celery.py"]


def test_an_edit_that_is_undone_later_counts_no_more(edited: Tree) -> None:
    later = applied(edited, integrate(edited, {**FILES, "shop/celery.py": "app = 3\n"}))
    later[TOP / "shop/celery.py"] = b"app = 1\n"
    newest = applied(later, integrate(later, {**FILES, "shop/celery.py": "app = 3\n"}))
    assert newest[TOP / "shop/celery.py"] == b"app = 3\n"
    assert applied(newest, remove(newest)) == {}


def test_an_edited_file_is_written_anew_if_so_asked(edited: Tree) -> None:
    change = integrate(edited, overwrite=True)
    after = applied(edited, change)
    assert after[TOP / "shop/celery.py"] == b"app = 1\n"
    assert change.kept == {}
    assert applied(after, remove(after)) == {}


def test_an_edit_that_is_undone_counts_no_more(edited: Tree) -> None:
    edited[TOP / "shop/celery.py"] = b"app = 1\n"
    assert integrate(edited).kept == {}
    assert integrate(edited).changed() == {}


def test_removal_leaves_an_edited_file_and_names_it(edited: Tree) -> None:
    change = remove(edited)
    assert applied(edited, change) == tree_of({"shop/celery.py": b"app = 2\n"})
    assert list(change.kept) == ["shop/celery.py"]
    assert "edited since it was made" in change.kept["shop/celery.py"]


def test_a_file_that_is_wanted_no_more_stays_where_it_was_edited(edited: Tree) -> None:
    change = integrate(edited, {})
    assert TOP / "shop/celery.py" in applied(edited, change)
    assert TOP / "shop/celery_ops/tasks.py" not in applied(edited, change)
    assert list(change.kept) == ["shop/celery.py"]
    assert "edited since it was made" in change.kept["shop/celery.py"]


def test_files_that_somebody_took_away_are_no_hindrance(edited: Tree) -> None:
    del edited[TOP / "shop/celery.py"]
    del edited[TOP / ".gitignore"]
    assert applied(edited, remove(edited)) == {}


def test_a_created_file_stays_with_the_lines_of_the_user() -> None:
    tree = applied({}, integrate({}))
    tree[TOP / ".gitignore"] = b"*.pyc\n" + tree[TOP / ".gitignore"] + b"/dist\n"
    after = applied(tree, remove(tree))
    assert after == {TOP / ".gitignore": b"*.pyc\n/dist\n"}


def test_an_empty_file_of_the_user_stays() -> None:
    tree = tree_of({"shop/__init__.py": b""})
    integrated = applied(tree, integrate(tree))
    assert applied(integrated, remove(integrated)) == tree


def test_the_record_says_how_a_file_was_without_a_run_in_between() -> None:
    """Also where two runs renew the block, the missing newline is remembered."""
    tree = tree_of({"shop/settings.py": b"A = 1"})
    first = applied(tree, integrate(tree))
    second = applied(first, integrate(first, blocks={"shop/settings.py": {"lines": "NEW = 1"}}))
    assert applied(second, remove(second)) == tree


def test_a_damaged_record_is_a_clear_error() -> None:
    tree = applied({}, integrate({}))
    tree[TOP / RECORD] = b"<<<<<<< HEAD\n"
    for run in (integrate, remove):
        with pytest.raises(integration.IntegrationError, match=r"integration\.json"):
            run(tree)


# Files that a formatter has laid out, and older records

OURS = 'import os\n\nfrom celery import Celery  # the app\n\napp = Celery("shop", strict_typing=True)\n'
PYTHON = {"shop/celery.py": OURS}
LAID_OUT = (
    b"import os\nfrom celery import (\n    Celery,\n)  # the app\n"
    b"app = Celery('shop',\n  strict_typing=True,)"
)


def test_a_file_that_was_laid_out_anew_is_ours_and_stays_so() -> None:
    tree = applied({}, integrate({}, PYTHON))
    tree[TOP / "shop/celery.py"] = LAID_OUT
    change = integrate(tree, PYTHON)
    assert (change.changed(), change.kept) == ({}, {})
    assert TOP / "shop/celery.py" not in applied(tree, remove(tree))


def test_a_file_that_was_laid_out_anew_is_renewed() -> None:
    tree = applied({}, integrate({}, PYTHON))
    tree[TOP / "shop/celery.py"] = LAID_OUT
    change = integrate(tree, {"shop/celery.py": "app = 2\n"})
    assert change.kept == {}
    assert applied(tree, change)[TOP / "shop/celery.py"] == b"app = 2\n"


@pytest.mark.parametrize(
    "edit", [("strict_typing=True", "strict_typing=False"), ("# the app", "# an app"), ("shop", "Shop")]
)
def test_an_edit_in_a_file_that_was_laid_out_anew_is_kept_with_what_it_would_be(
    edit: tuple[str, str],
) -> None:
    tree = applied({}, integrate({}, PYTHON))
    before, after = edit
    edited = LAID_OUT.replace(before.encode(), after.encode())
    tree[TOP / "shop/celery.py"] = edited
    change = integrate(tree, PYTHON)
    assert change.changed() == {}
    told = change.kept["shop/celery.py"]
    assert "edited since it was made" in told
    assert "--- a/shop/celery.py\n+++ b/shop/celery.py\n" in told
    assert '+app = Celery("shop", strict_typing=True)\n' in told
    assert applied(tree, remove(tree))[TOP / "shop/celery.py"] == edited


def test_other_files_than_python_count_by_their_bytes() -> None:
    tree = applied({}, integrate({}, {"shop/notes.txt": "a b\n"}))
    tree[TOP / "shop/notes.txt"] = b"a  b\n"
    assert list(integrate(tree, {"shop/notes.txt": "a b\n"}).kept) == ["shop/notes.txt"]


def older(tree: Tree) -> Tree:
    """Returns the checkout with the record as the first versions wrote it."""
    record = json.loads(tree[TOP / RECORD])
    for name in record["made"]:
        record["made"][name] = hashlib.sha256(tree[TOP / name]).hexdigest()
    for how in record["edited"].values():
        del how["lines"]
    return {**tree, TOP / RECORD: json.dumps(record).encode()}


@given(TREES, SOME_FILES, SOME_BLOCKS)
def test_an_older_record_leads_back_to_the_byte_too(
    tree: Tree, files: dict[str, str], blocks: dict[str, dict[str, str]]
) -> None:
    integrated = older(applied(tree, integrate(tree, files, blocks)))
    assert applied(integrated, remove(integrated)) == tree
    renewed = applied(integrated, integrate(integrated, files, blocks))
    assert renewed == applied(tree, integrate(tree, files, blocks))


def test_by_an_older_record_all_between_the_marks_was_ours() -> None:
    tree = older(applied({}, integrate({}, {}, {"shop/settings.py": {"lines": "OLD = 1"}})))
    after = applied(tree, integrate(tree, {}, {"shop/settings.py": {"lines": "NEW = 1"}}))
    assert b"OLD" not in after[TOP / "shop/settings.py"]
    assert applied(after, remove(after)) == {}


def test_lines_of_the_user_between_the_marks_stay() -> None:
    tree = applied({}, integrate({}))
    settings = TOP / "shop/settings.py"
    tree[settings] = tree[settings].replace(b"B = 2\n", b"MINE = 1  # why\nB = 2\n")
    assert integrate(tree).changed() == {}
    renewed = applied(tree, integrate(tree, blocks={**BLOCKS, "shop/settings.py": {"lines": "NEW = 1"}}))
    assert b"B = 2" not in renewed[settings]
    assert applied(renewed, remove(renewed)) == {settings: b"MINE = 1  # why\n"}


def test_a_block_that_the_user_took_out_comes_back() -> None:
    tree = applied(
        tree_of({"shop/settings.py": b"X = 1"}), integrate(tree_of({"shop/settings.py": b"X = 1"}))
    )
    tree[TOP / "shop/settings.py"] = b"X = 2\n"
    again = applied(tree, integrate(tree))
    assert b"B = 2" in again[TOP / "shop/settings.py"]
    assert applied(again, remove(again))[TOP / "shop/settings.py"] == b"X = 2\n"


def test_the_blank_lines_after_a_definition_go_again() -> None:
    tree = tree_of({"shop/settings.py": b"def f():\r\n    pass"})
    integrated = applied(tree, integrate(tree))
    assert b"pass\r\n\r\n\r\n# celeriac" in integrated[TOP / "shop/settings.py"]
    assert applied(integrated, remove(integrated)) == tree


@pytest.mark.parametrize("name", ["shop/settings.py", ".gitignore"])
def test_a_mark_that_lost_its_partner_stops_the_integration(name: str) -> None:
    tree = applied({}, integrate({}))
    tree[TOP / name] = tree[TOP / name].replace(b"# celeriac.django: end\n", b"")
    with pytest.raises(integration.IntegrationError) as caught:
        integrate(tree)
    assert str(caught.value).startswith(f"/srv/shop/{name}:1: ")
    assert "Restore the line" in str(caught.value)


def test_a_mark_that_lost_its_partner_does_not_stop_the_removal() -> None:
    tree = applied({}, integrate({}))
    damaged = tree[TOP / "shop/settings.py"].replace(b"# celeriac.django: begin\n", b"")
    tree[TOP / "shop/settings.py"] = damaged
    change = remove(tree)
    assert applied(tree, change) == {TOP / "shop/settings.py": damaged}
    assert "/srv/shop/shop/settings.py:" in change.kept["shop/settings.py"]


TEXTS = st.lists(st.sampled_from(["a", "b", "é", "\f", "\r", "\x1c", "\u2028", " "]), max_size=3)
TEXT_FILES = st.builds(
    lambda lines, last: ("".join("".join(line) + "\n" for line in lines) + last).encode(),
    st.lists(TEXTS, max_size=6),
    st.sampled_from(["", "the last line"]),
)
NAMES = ("a.py", "b/c.py", "with space.txt", "e/f/g.txt")
TEXT_TREES = st.dictionaries(st.sampled_from(NAMES), TEXT_FILES)


def outcome_of_patch(
    command: list[str],
    before: Mapping[str, bytes],
    after: Mapping[str, bytes],
    write_tree: Callable[[Path, Mapping[str, bytes]], Path],
) -> dict[str, bytes]:
    """Lets a program apply the diff of a change, and returns the files after it."""
    with tempfile.TemporaryDirectory() as folder:
        top = write_tree(Path(folder).resolve(), before)
        change = integration.Change(
            before={top / name: content for name, content in before.items()},
            after={top / name: after.get(name) for name in {*before, *after}},
        )
        diff = integration.unified_diff(top, change)
        if diff:
            environ = {**os.environ, "GIT_CEILING_DIRECTORIES": str(top.parent)}
            subprocess.run(command, cwd=top, input=diff.encode(), env=environ, check=True)
        return {name: (top / name).read_bytes() for name in NAMES if (top / name).is_file()}


@hypothesis_settings(max_examples=40)
@given(before=TEXT_TREES, after=TEXT_TREES)
def test_git_applies_the_diff(
    write_tree: Callable[[Path, Mapping[str, bytes]], Path],
    before: dict[str, bytes],
    after: dict[str, bytes],
) -> None:
    command = ["git", "apply", "--whitespace=nowarn"]
    assert outcome_of_patch(command, before, after, write_tree) == after


@pytest.mark.skipif(not shutil.which("patch"), reason="GNU patch is not here")
def test_patch_applies_the_diff_too(
    write_tree: Callable[[Path, Mapping[str, bytes]], Path],
) -> None:
    before = {"a.py": b"1\n2\n\f\n3", "b/c.py": b"gone\n"}
    after = {"a.py": "1\né\u2028\n\f\n3\n".encode(), "e/f/g.txt": b"new\r\n"}
    command = ["patch", "--binary", "-p1", "--quiet"]
    assert outcome_of_patch(command, before, after, write_tree) == after


def test_the_diff_of_no_change_is_empty() -> None:
    integrated = applied({}, integrate({}))
    assert integration.unified_diff(TOP, integrate(integrated)) == ""
