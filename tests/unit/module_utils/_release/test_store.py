# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases are whole or are not, one link leads to the one that was proven, and old ones go."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._release import store

NAMES = [f"2026113{day}-120000-{day}aaaaaaaaa" for day in range(6)]


@pytest.fixture(autouse=True)
def _nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    # The folder of the tests can be below one that others write to.
    monkeypatch.setattr(store, "exchangeable", lambda _path: None)


@pytest.fixture
def there(tmp_path: Path) -> store.Store:
    """A folder for releases."""
    return store.Store(tmp_path / "srv/shop")


def archive(
    path: Path, files: Mapping[str, str], links: Mapping[str, str] | None = None, mode: int = 0o644
) -> Path:
    """Writes a tar archive."""
    with tarfile.open(path, "w") as output:
        for name, target in (links or {}).items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            output.addfile(link)
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.uid = len(text.encode()), mode, 4321
            output.addfile(member, io.BytesIO(text.encode()))
    return path


def make(there: store.Store, name: str) -> None:
    """Makes a release that is whole."""
    there.unpack(name, archive(there.root.parent.parent / "a.tar", {"manage.py": ""}))
    there.seal(store.Release(name=name, commit="0" * 40))


@pytest.fixture
def many(there: store.Store, tmp_path: Path) -> store.Store:
    """Six releases, of which the last is the current one."""
    for name in NAMES:
        make(there, name)
        there.point(name)
    (tmp_path / "units").mkdir()
    return there


def test_a_release_is_one_once_it_is_sealed(there: store.Store, tmp_path: Path) -> None:
    place = there.unpack(NAMES[0], archive(tmp_path / "a.tar", {"shop/tasks.py": "1"}, mode=0o600))
    assert (place / "shop/tasks.py").read_text() == "1"
    assert (place / "shop/tasks.py").stat().st_mode & 0o777 == 0o644
    assert (place / "shop/tasks.py").stat().st_uid == os.geteuid()
    assert there.there() == []
    sealed = store.Release(name=NAMES[0], commit="0" * 40, tasks={"shop.tasks.a": "shop/tasks.py:1"})
    there.seal(sealed)
    assert there.there() == [sealed]
    assert there.read(NAMES[1]) is None


def test_what_a_killed_run_has_left_is_made_anew(there: store.Store, tmp_path: Path) -> None:
    there.unpack(NAMES[0], archive(tmp_path / "a.tar", {"old.py": ""}))
    place = there.unpack(NAMES[0], archive(tmp_path / "b.tar", {"new.py": ""}))
    assert [path.name for path in place.glob("*.py")] == ["new.py"]


@pytest.mark.parametrize(
    ("files", "links"),
    [
        ({"../x": ""}, {}),
        ({"/etc/x": ""}, {}),
        ({}, {"x": "/etc/passwd"}),
        ({}, {"a/x": "../../y"}),
        ({"a/x": ""}, {"a": "b"}),
    ],
    ids=["above", "absolute", "absolute link", "link above", "through a link"],
)
def test_nothing_leads_out_of_a_release(
    files: dict[str, str], links: dict[str, str], there: store.Store, tmp_path: Path
) -> None:
    with pytest.raises(store.StoreError):
        there.unpack(NAMES[0], archive(tmp_path / "a.tar", files, links))
    assert list(there.folder.iterdir()) == []


def test_links_inside_stay(there: store.Store, tmp_path: Path) -> None:
    place = there.unpack(NAMES[0], archive(tmp_path / "a.tar", {"a/x": "1"}, {"b/y": "../a/x"}))
    assert (place / "b/y").read_text() == "1"


@pytest.mark.parametrize("name", ["../../etc", "current", "", "20261130-120000-xyz"])
def test_other_names_are_no_releases(name: str, there: store.Store) -> None:
    with pytest.raises(store.StoreError):
        there.place(name)


def test_current_leads_to_one(many: store.Store) -> None:
    assert many.current() == NAMES[-1]
    assert many.point(NAMES[0])
    assert not many.point(NAMES[0])
    assert (many.root / "current").resolve() == many.folder / NAMES[0]


def test_old_ones_go_but_not_those_that_a_unit_starts_from(many: store.Store, tmp_path: Path) -> None:
    unit = tmp_path / "units/shop-worker-default@0a0a0a0a.service"
    unit.write_text(f"[Service]\nWorkingDirectory={many.folder / NAMES[0]}\n")
    (many.folder / ".new-20261130-120000-aaaaaaaaaa").mkdir()
    (many.folder / "notes.txt").touch()
    gone = many.prune(2, units=tmp_path / "units")
    assert gone == [".new-20261130-120000-aaaaaaaaaa", NAMES[1], NAMES[2]]
    assert [release.name for release in many.there()] == [NAMES[0], *NAMES[3:]]
    unit.write_text(f'[Service]\nExecStart="{many.folder / NAMES[4]}/.venv/bin/python" x\n')
    assert many.prune(0, also=[NAMES[3]], units=tmp_path / "units") == [NAMES[0]]
    assert (many.folder / "notes.txt").exists()


def test_what_was_never_proven_goes_first(there: store.Store, tmp_path: Path) -> None:
    for name in NAMES:
        make(there, name)
    assert not any(release.proven for release in there.there())
    for name in (NAMES[0], NAMES[-1]):
        there.point(name)
    assert there.prune(1, units=tmp_path) == list(NAMES[1:-1])
    assert [(one.name, one.proven) for one in there.there()] == [(NAMES[0], True), (NAMES[-1], True)]


def test_what_is_shared_is_a_link_in_each(many: store.Store) -> None:
    many.share(NAMES[0], ["media", "data/in"], os.geteuid(), os.getegid())
    many.share(NAMES[1], ["media"], os.geteuid(), os.getegid())
    (many.folder / NAMES[0] / "media/a.txt").write_text("a")
    assert (many.folder / NAMES[1] / "media/a.txt").read_text() == "a"
    assert (many.folder / NAMES[0] / "data/in").resolve() == many.root / "shared/data/in"
    many.share(NAMES[0], ["media"], os.geteuid(), os.getegid())


@pytest.mark.parametrize("path", ["/var/media", "../media", "", ".venv", "manage.py"])
def test_not_everything_can_be_shared(path: str, many: store.Store) -> None:
    with pytest.raises(store.StoreError, match="celery_release_shared"):
        many.share(NAMES[0], [path], os.geteuid(), os.getegid())
    assert (many.folder / NAMES[0] / "manage.py").is_file()


def test_the_log_keeps_its_last_lines(there: store.Store) -> None:
    for number in range(store._LINES + 3):
        there.note({"number": number})
    assert [line["number"] for line in there.log(2)] == [store._LINES + 1, store._LINES + 2]
    assert len((there.root / store.LOG).read_text().splitlines()) == store._LINES


def test_a_checkout_holds_no_releases(there: store.Store, tmp_path: Path) -> None:
    there.root.mkdir(parents=True)
    (there.root / "manage.py").touch()
    with pytest.raises(store.StoreError, match="is a checkout"):
        there.unpack(NAMES[0], archive(tmp_path / "a.tar", {}))


def test_what_others_could_exchange_holds_no_releases(
    there: store.Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "exchangeable", lambda path: path.parent)
    monkeypatch.setattr(store.os, "geteuid", lambda: 0)
    with pytest.raises(store.StoreError, match=r"not root's alone"):
        there.unpack(NAMES[0], archive(tmp_path / "a.tar", {}))
