# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A git repository that releases are made from: a mirror on the host, or a folder on the controller."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .. import _command

#: Seconds that a transfer may take.
PATIENCE = 900
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z")
#: Nothing of the repository's, or of whoever runs this, decides what is run.
_SAFE = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "protocol.ext.allow=never"),
    *("-c", "credential.helper="),
)
#: How many commits are told.
_TOLD = 20


class RepositoryError(Exception):
    """There is no such repository or version, or it holds what cannot be deployed. The text says which."""


@dataclass(frozen=True)
class Access:
    """By what a remote repository lets us read: a deploy key, or a token. Neither is a program's argument."""

    key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    #: Where the keys of servers are kept that have been seen.
    known_hosts: Path = Path("/dev/null")

    @contextlib.contextmanager
    def environ(self) -> Iterator[dict[str, str]]:
        """Give the environment for git; the key is in a file of ours for that time."""
        found = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"}
        with tempfile.TemporaryDirectory(prefix="celeriac-") as folder:
            ssh = [
                *("ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new"),
                *("-o", f"UserKnownHostsFile={self.known_hosts}"),
            ]
            if self.key:
                file = Path(folder, "key")
                with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as output:
                    output.write(self.key.strip() + "\n")
                ssh += ["-i", str(file), "-o", "IdentitiesOnly=yes"]
            found["GIT_SSH_COMMAND"] = shlex.join(ssh)
            if self.token:
                program = Path(folder, "askpass")
                program.write_text('#!/bin/sh\nprintf "%s\\n" "$CELERIAC_TOKEN"\n', encoding="utf-8")
                program.chmod(0o700)
                # Of a process, only root and its own user can read that.
                found.update({"GIT_ASKPASS": str(program), "CELERIAC_TOKEN": self.token})
            yield found


@dataclass(frozen=True)
class Repository:
    """A repository in a folder."""

    folder: Path

    def git(self, *arguments: str, environ: Mapping[str, str] | None = None, **options: Any) -> str:
        """Run git in the repository.

        Raises:
            RepositoryError: it failed, with its own words.
        """
        # Of the caller's variables, GIT_DIR and its like would lead elsewhere.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        safe = [*_SAFE, "-c", f"safe.directory={self.folder}"]
        try:
            done = _command.run(
                ["git", *safe, "-C", str(self.folder), *arguments],
                env={**kept, "LC_ALL": "C", **(environ or {})},
                timeout=PATIENCE,
                stdin=_command.NO_INPUT,
                **options,
            )
        except (OSError, _command.TimeoutExpired) as error:
            raise RepositoryError(f"git {arguments[0]}: {error}") from error
        if done.returncode != 0:
            last = " ".join(done.stderr.split())[-400:]
            raise RepositoryError(f"git {arguments[0]}: {last or f'status {done.returncode}'}")
        return done.stdout.rstrip()

    def resolve(self, version: str) -> str:
        """Return the commit of a branch, a tag or a commit's beginning.

        Raises:
            RepositoryError: there is none.
        """
        if version.startswith("-"):
            raise RepositoryError(f"{version!r} is no branch, tag or commit")
        # In a mirror, branches have no remote's name before them.
        for name in (f"refs/heads/{version}", f"refs/tags/{version}", version, f"origin/{version}"):
            with contextlib.suppress(RepositoryError):
                return self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        raise RepositoryError(f"{version!r} is no branch, tag or commit in {self.folder}")

    def has(self, commit: str) -> bool:
        """Tell whether a commit is there."""
        try:
            return bool(_COMMIT.match(commit)) and self.git("cat-file", "-t", commit) == "commit"
        except RepositoryError:
            return False

    def subject(self, commit: str) -> str:
        """Return the first line of what a commit says."""
        return self.git("log", "-1", "--format=%s", commit)

    def refuse(self, commit: str) -> None:
        """See that an archive has all that the commit means.

        Raises:
            RepositoryError: it has submodules, or files that are kept with LFS.
        """
        entries = self.git("ls-tree", "-r", "-z", commit).split("\0")
        modules = [entry.partition("\t")[2] for entry in entries if entry.startswith("160000 ")]
        if modules:
            raise RepositoryError(
                f"the commit {commit[:10]} has submodules ({', '.join(modules)}), which a release does not "
                "follow. Bring their files into the repository (git subtree), or install them as packages"
            )
        attributes = [
            entry.partition("\t")[2]
            for entry in entries
            if entry.rpartition("/")[2].endswith(".gitattributes")
        ]
        large = [
            name
            for name in attributes
            if re.search(r"^[^#\n]*\bfilter=lfs\b", self.git("show", f"{commit}:{name}"), re.MULTILINE)
        ]
        if large:
            raise RepositoryError(
                f"the commit {commit[:10]} keeps files with LFS ({', '.join(large)}): a release would hold "
                "pointers in their place. Keep them in git, or beside it (celery_release_shared)"
            )

    def changes(self, before: str, after: str) -> dict[str, list[str]]:
        """Return what is between two commits: ``commits``, ``back`` for those that go, ``files``."""
        if not (self.has(before) and self.has(after)):
            return {"commits": [], "back": [], "files": []}
        log = ("log", "--no-decorate", "--format=%h %s")
        return {
            "commits": _cut(self.git(*log, f"{before}..{after}").splitlines()),
            "back": _cut(self.git(*log, f"{after}..{before}").splitlines()),
            "files": [
                name for name in self.git("diff", "--name-only", "-z", before, after).split("\0") if name
            ],
        }

    def archive(self, commit: str, file: Path) -> None:
        """Write what a commit holds into a file: a tar archive.

        Raises:
            RepositoryError: it cannot be read.
        """
        self.refuse(commit)
        self.git("archive", "--format=tar", f"--output={file}", commit)

    def not_committed(self) -> list[str]:
        """Return the files that git tracks and that differ from the last commit."""
        output = self.git("status", "--porcelain", "-z", "--untracked-files=no")
        return [entry[3:] for entry in output.split("\0") if entry[:2].strip()]


def _cut(lines: list[str]) -> list[str]:
    more = len(lines) - _TOLD
    return [*lines[:_TOLD], f"and {more} more"] if more > 0 else lines


def mirror(folder: Path, url: str, access: Access) -> Repository:
    """Return a mirror of a remote repository, brought up to date.

    Raises:
        RepositoryError: it cannot be read.
    """
    if "://" in url and urlsplit(url).password:
        raise RepositoryError(
            "celery_release_source has a password in it, which everybody on the host could read among the "
            "arguments of git. Take it out, and put it into celery_release_token"
        )
    found = Repository(folder)
    with access.environ() as environ:
        if not (folder / "HEAD").is_file():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found.git("init", "--quiet", "--bare")
        # Neither the address nor a name for it is kept there.
        found.git(
            *("fetch", "--quiet", "--prune", "--force", "--no-write-fetch-head", "--end-of-options", url),
            *("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"),
            environ=environ,
        )
        # Its default branch is what HEAD leads to.
        told = found.git("ls-remote", "--symref", "--end-of-options", url, "HEAD", environ=environ)
    branch = re.match(r"ref: (refs/heads/\S+)\tHEAD", told)
    if branch:
        found.git("symbolic-ref", "HEAD", branch[1])
    return found


def is_remote(source: str) -> bool:
    """Tell whether a source is an address, and not a folder on the controller."""
    return "://" in source or bool(re.match(r"[\w.-]+@[\w.-]+:", source))
