# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at and change a checkout as its owner: in a child of root's that has no way back.

Whoever can write to a checkout can put links, repositories and files of all kinds into it. What its owner
may not do, a process of the owner's cannot do for somebody either.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import resource
import stat
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

#: Bytes of the host's memory that a look at a checkout may take: its owner can make files of any size.
MEMORY = 2 << 30

#: Asks the process that started the child something; both sides are JSON.
Ask = Callable[[Any], Any]


class OwnerError(Exception):
    """Nothing can be done as the owner of a folder. The text says why, and what to do."""


@dataclass(frozen=True)
class Owner:
    """Who a folder belongs to."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    name: str
    home: str

    def become(self) -> None:
        """Be this user from here on, with the user's groups and environment, for good."""
        os.setgroups(self.groups)
        os.setresgid(self.gid, self.gid, self.gid)
        os.setresuid(self.uid, self.uid, self.uid)
        os.umask(0o022)
        os.chdir("/")
        # What root was started with is not for programs of the owner's, such as git.
        for name in [name for name in os.environ if name.startswith(("XDG_", "SUDO_", "GIT_", "PYTHON"))]:
            del os.environ[name]
        os.environ.update(HOME=self.home, USER=self.name, LOGNAME=self.name)


def of(folder: Path) -> Owner:
    """Return the owner of a folder. What is reached through a link belongs to whom its target belongs to.

    Raises:
        OwnerError: root owns it, but somebody else could exchange it for another folder of root's.
        OSError: there is no such folder.
    """
    status = os.stat(folder)
    if status.st_uid == 0 and (whose := exchangeable(folder)):
        raise OwnerError(
            f"{folder} belongs to root, but {whose} is somebody else's, who could put another folder of "
            "root's in its place. Give the checkout to the user who deploys it (chown -R), or put it below "
            "folders that are root's alone."
        )
    try:
        account = pwd.getpwuid(status.st_uid)
    except KeyError:
        # Group 0 comes from a chown without a group, and is no right that somebody was given.
        gid = status.st_gid or 65534
        return Owner(status.st_uid, gid, (gid,), str(status.st_uid), "/")
    gid = status.st_gid if status.st_gid or status.st_uid == 0 else account.pw_gid
    groups = {gid, *os.getgrouplist(account.pw_name, account.pw_gid)}
    return Owner(status.st_uid, gid, tuple(sorted(groups)), account.pw_name, account.pw_dir)


def exchangeable(folder: Path) -> str:
    """Return the folder or link on the way to *folder* that is not root's alone, empty where all are.

    What is not there yet is nobody's.
    """
    for way in dict.fromkeys([Path(os.path.abspath(folder)), Path(os.path.realpath(folder))]):
        for part in [way, *way.parents]:
            try:
                status = os.lstat(part)
            except (FileNotFoundError, NotADirectoryError):
                continue
            # In a folder like /tmp, what is root's is for root alone to move.
            for_all = status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX
            open_to_all = part != way and stat.S_ISDIR(status.st_mode) and for_all
            if part != Path("/") and (status.st_uid != 0 or open_to_all):
                return str(part)
    return ""


def call(
    folder: Path,
    work: Callable[[Ask], Any],
    answer: Ask = lambda question: question,
    errors: Sequence[type[Exception]] = (),
) -> Any:
    """Do *work* as the owner of *folder*, and return what it returned.

    Root's own folders are root's to work in, and who is not root works as who it is: both need no child.

    Args:
        folder: whose owner it is done as.
        work: what is done. It is given a function that asks this process, by way of *answer*. What it
            imports has to be imported already: the owner may not read the files of a module of root's.
        answer: answers such a question, with the rights of this process.
        errors: exceptions of *work* that are raised here again, each with its text.

    Raises:
        OwnerError: it cannot be done as the owner.
        OSError: there is no such folder.
    """
    if os.geteuid() != 0:
        return work(answer)
    owner = of(folder)
    if owner.uid == 0:
        return work(answer)
    questions, questions_in = os.pipe()
    answers_out, answers = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - coverage ends with the fork
        os.close(questions)
        os.close(answers)
        with open(questions_in, "w", encoding="ascii") as output, open(answers_out, encoding="ascii") as ask:
            _as_owner(folder, owner, work, output, ask)
    os.close(questions_in)
    os.close(answers_out)
    try:
        with open(questions, encoding="ascii") as told, open(answers, "w", encoding="ascii") as replies:
            return _serve(told, replies, answer, errors)
    finally:
        os.waitpid(child, 0)


def _as_owner(
    folder: Path, owner: Owner, work: Callable[[Ask], Any], output: IO[str], replies: IO[str]
) -> None:
    """Do the work in the child, and end it."""

    def say(**message: Any) -> None:
        output.write(json.dumps(message) + "\n")
        output.flush()

    def ask(question: Any) -> Any:
        say(question=question)
        line = replies.readline()
        if not line:
            raise OwnerError("the run was ended")
        reply = json.loads(line)
        if "refused" in reply:
            raise _RefusedError
        return reply["answer"]

    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        owner.become()
        say(value=_within_memory(folder, lambda: work(ask)))
    except _RefusedError:
        with contextlib.suppress(OSError):
            say(refused=True)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the parent has to hear of it
        with contextlib.suppress(OSError):
            say(
                error=[base.__name__ for base in type(error).__mro__],
                text=str(error),
                trace=traceback.format_exc(),
            )
    finally:
        # Nothing of what the parent would do at its end is this process' to do.
        os._exit(0)


def _within_memory(folder: Path, work: Callable[[], Any]) -> Any:
    """Do the work, and say which file is too large where there is not enough memory for it.

    Raises:
        OwnerError: there is not.
    """
    try:
        return work()
    except MemoryError as error:
        # What was being read, as the functions from there to here know it.
        known = [
            value
            for frame, _line in traceback.walk_tb(error.__traceback__)
            for value in frame.f_locals.values()
        ]
        files = [value for value in known if isinstance(value, Path) and folder in value.parents]
        where = f"{files[-1]} is too large" if files else f"{folder} holds too much"
        raise OwnerError(
            f"{where}: to look at it would take more than {MEMORY >> 30} GiB of memory. If it is no part of "
            "the project, take it away, or have git ignore it."
        ) from error


class _RefusedError(Exception):
    """The answer to a question was an exception, which is kept where it was raised."""


def _serve(told: IO[str], replies: IO[str], answer: Ask, errors: Sequence[type[Exception]]) -> Any:
    refusals: list[BaseException] = []
    for line in told:
        message = json.loads(line)
        if "value" in message:
            return message["value"]
        if "refused" in message and refusals:
            raise refusals[-1]
        if "error" in message:
            for error in (*errors, OwnerError):
                if error.__name__ in message["error"]:
                    raise error(message["text"])
            raise OwnerError(message["trace"])
        try:
            reply = {"answer": answer(message["question"])}
        except BaseException as error:  # noqa: BLE001 - it is raised again, once the child has tidied up
            refusals.append(error)
            reply = {"refused": True}
        with contextlib.suppress(BrokenPipeError):
            replies.write(json.dumps(reply) + "\n")
            replies.flush()
    raise OwnerError("the process that works as the owner of the checkout was killed") from (
        refusals[-1] if refusals else None
    )
