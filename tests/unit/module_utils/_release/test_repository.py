# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits are found by their names, and what a release cannot hold is refused."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._release import repository


@pytest.fixture
def there(tmp_path: Path) -> repository.Repository:
    """A repository with two commits, a tag and a branch."""
    folder = tmp_path / "shop"
    folder.mkdir()
    found = repository.Repository(folder)
    found.git("init", "--quiet", "--initial-branch", "main")
    for name, value in (("user.name", "shop"), ("user.email", "shop@example.com")):
        found.git("config", name, value)
    (folder / "manage.py").write_text("1")
    found.git("add", ".")
    found.git("commit", "-qm", "One")
    found.git("tag", "v1")
    (folder / "manage.py").write_text("2")
    found.git("commit", "-qam", "Two")
    found.git("branch", "topic", "v1")
    return found


@pytest.mark.parametrize(
    ("version", "subject"), [("main", "Two"), ("v1", "One"), ("topic", "One"), ("HEAD", "Two")]
)
def test_a_version_is_found(version: str, subject: str, there: repository.Repository) -> None:
    commit = there.resolve(version)
    assert there.subject(commit) == subject
    assert there.resolve(commit[:8]) == there.resolve(commit) == commit


@pytest.mark.parametrize("version", ["nowhere", "--help", "-n", "HEAD:manage.py"])
def test_what_is_none_is_said(version: str, there: repository.Repository) -> None:
    with pytest.raises(repository.RepositoryError, match="is no branch, tag or commit"):
        there.resolve(version)


def test_what_is_between_two(there: repository.Repository) -> None:
    one, two = there.resolve("v1"), there.resolve("main")
    forth, back = there.changes(one, two), there.changes(two, one)
    assert [text.split(" ", 1)[1] for text in forth["commits"]] == ["Two"]
    assert (forth["back"], back["commits"], forth["files"]) == ([], [], ["manage.py"])
    assert [text.split(" ", 1)[1] for text in back["back"]] == ["Two"]
    assert there.changes("", two) == there.changes("f" * 40, two) == {"commits": [], "back": [], "files": []}


def test_an_archive_has_the_commit_and_no_more(there: repository.Repository, tmp_path: Path) -> None:
    (there.folder / "secret.env").touch()
    (there.folder / "manage.py").write_text("3")
    assert there.not_committed() == ["manage.py"]
    there.archive(there.resolve("v1"), tmp_path / "a.tar")
    with tarfile.open(tmp_path / "a.tar") as opened:
        assert opened.getnames() == ["manage.py"]
        assert opened.extractfile("manage.py").read() == b"1"  # type: ignore[union-attr]


def test_submodules_are_refused(there: repository.Repository, tmp_path: Path) -> None:
    commit = there.resolve("v1")
    there.git("update-index", "--add", "--cacheinfo", f"160000,{commit},vendor/lib")
    there.git("commit", "-qm", "A submodule")
    with pytest.raises(repository.RepositoryError, match=r"submodules \(vendor/lib\)"):
        there.archive(there.resolve("main"), tmp_path / "a.tar")


def test_large_files_are_refused(there: repository.Repository, tmp_path: Path) -> None:
    (there.folder / "media").mkdir()
    (there.folder / "media/.gitattributes").write_text("*.psd filter=lfs diff=lfs merge=lfs -text\n")
    there.git("add", ".")
    there.git("commit", "-qm", "LFS")
    with pytest.raises(repository.RepositoryError, match=r"LFS \(media/.gitattributes\)"):
        there.archive(there.resolve("main"), tmp_path / "a.tar")


def test_a_mirror_follows(there: repository.Repository, tmp_path: Path) -> None:
    place, access = tmp_path / "srv/repository.git", repository.Access()
    url = f"file://{there.folder}"
    found = repository.mirror(place, url, access)
    assert found.resolve("main") == found.resolve("HEAD") == there.resolve("main")
    assert place.stat().st_mode & 0o777 == 0o700
    there.git("commit", "-q", "--allow-empty", "-m", "Three")
    there.git("branch", "-D", "topic")
    found = repository.mirror(place, url, access)
    assert found.subject(found.resolve("main")) == "Three"
    with pytest.raises(repository.RepositoryError):
        found.resolve("topic")


def test_an_address_that_does_not_answer_is_said(tmp_path: Path) -> None:
    with pytest.raises(repository.RepositoryError, match="git fetch: "):
        repository.mirror(tmp_path / "r.git", f"file://{tmp_path}/nowhere", repository.Access())


def test_no_secret_is_an_argument_or_stays(tmp_path: Path) -> None:
    access = repository.Access("PRIVATE", "t0ken", tmp_path / "known hosts")
    assert "PRIVATE" not in repr(access)
    assert "t0ken" not in repr(access)
    with access.environ() as environ:
        words = environ["GIT_SSH_COMMAND"]
        assert "PRIVATE" not in words
        key = Path(words.split(" -i ")[1].split()[0])
        assert key.read_text() == "PRIVATE\n"
        assert key.stat().st_mode & 0o777 == 0o600
        told = subprocess.run(
            [environ["GIT_ASKPASS"]], env=environ, capture_output=True, text=True, check=True
        )
        assert told.stdout == "t0ken\n"
    assert not key.exists()


@pytest.mark.parametrize(
    ("source", "remote"),
    [
        ("https://git.example.com/shop.git", True),
        ("ssh://git@git.example.com/shop", True),
        ("git@git.example.com:shop.git", True),
        ("/home/me/shop", False),
        ("~/shop", False),
        ("shop", False),
    ],
)
def test_an_address_is_told_from_a_folder(source: str, remote: bool) -> None:
    assert repository.is_remote(source) is remote


@pytest.mark.parametrize(
    "url", ["https://deploy:s3cret@git.example.com/shop.git", "ssh://git:s3cret@h/x.git"]
)
def test_an_address_with_a_password_is_refused_before_git_sees_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(repository.RepositoryError, match="celery_release_token") as told:
        repository.mirror(tmp_path / "r.git", url, repository.Access())
    assert "s3cret" not in str(told.value)
    assert not (tmp_path / "r.git").exists()
