# SPDX-License-Identifier: GPL-3.0-or-later
"""What root has executed and opened, by the notes of traced-python; and what is on a host."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

from lab import hosts

HOST = "celeriac-hostile"
#: Root's own folder on the host.
HOME = "/root"
TRACED = ("-e", "ansible_python_interpreter=/usr/local/bin/traced-python")
#: What a run changes on the host, or what changes by itself.
CHANGING = (
    *("/proc", "/sys", "/dev", "/run", "/var/log", "/var/cache", f"{HOME}/.ansible"),
    # Of units, which have theirs while they run.
    *("/tmp/systemd-private-", "/var/tmp/systemd-private-"),  # noqa: S108 - looked over, not written to
    # A lock of uv's, of the user who builds.
    "/tmp/uv-setuptools-",  # noqa: S108 - looked over, not written to
    # What useradd and userdel keep of the files before, when the services' user comes and goes.
    *("/etc/group-", "/etc/gshadow-", "/etc/passwd-", "/etc/shadow-"),
    *("/srv/shop", "/home/deploy", "/opt/ran", "/var/lib/shop-celery", "/etc/shop-celery"),
    *("/etc/systemd/system/shop-", "/var/lib/postgresql", "/var/lib/redis", "/var/lib/rabbitmq"),
    *("/var/lib/systemd", "/var/lib/private", "/var/lib/apt", "/var/lib/market-celery/run", f"{HOME}/spare"),
)
#: Where root executes nothing and opens no file: what is somebody else's.
OTHERS = ("/srv/", "/home/", "/var/lib/shop-celery/run/")
_FORKS = ("clone", "clone3", "fork", "vfork")
_PROGRAMS = ("execve", "execveat")
_CALL = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+)(?:<(.*)>)?")
_RESUMED = re.compile(r"(\d+) +<\.\.\. \w+ resumed>(.*)")
_SNAPSHOT = """
import hashlib, json, os, stat, sys
changing, found = tuple(sys.argv[1:]), {}
def look(path):
    status = os.lstat(path)
    what = ""
    if stat.S_ISLNK(status.st_mode):
        what = os.readlink(path)
    elif stat.S_ISREG(status.st_mode):
        content = open(path, "rb").read()
        if path.rstrip("-") in ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow"):
            content = b"".join(line for line in content.splitlines(True) if b"shop" not in line)
        what = hashlib.sha256(content).hexdigest()
    found[path] = [status.st_mode, status.st_uid, status.st_gid, what]
for top, folders, names in os.walk("/"):
    folders[:] = [name for name in folders if not os.path.join(top, name).startswith(changing)]
    for name in folders + names:
        path = os.path.join(top, name)
        if not path.startswith(changing) and "__pycache__" not in path:
            look(path)
print(json.dumps(found))
"""


def snapshot() -> dict[str, Any]:
    """Return all that is on the host, but for what has to change: mode, owner, group and content."""
    line = f"python3 -c {shlex.quote(_SNAPSHOT)} {' '.join(CHANGING)}"
    found: dict[str, Any] = json.loads(hosts.run(HOST, line))
    return found


def see_what_root_did() -> int:
    """See that root has executed and opened nothing that is somebody else's; return how much it was."""
    executed, opened, written = _of_root()
    assert executed
    assert opened
    programs = {path for path in executed if not path.startswith(("/usr/", "/bin/", "/sbin/"))}
    # uv is a wheel's program, which root has fetched to where only root can write.
    assert programs <= {"/var/lib/shop-celery/bin/uv"}, programs
    assert sorted({path for path in (*opened, *written) if path.startswith(OTHERS)}) == []
    # Of packages, root copies what who has built them gives. What it would import writes down as whom it ran.
    return len(executed) + len(opened) + len(written)


def _of_root() -> tuple[list[str], list[str], list[str]]:
    """Return what root has executed, what it has opened to read, and what to write alone."""
    executed: list[str] = []
    opened: list[str] = []
    written: list[str] = []
    for name in hosts.run(HOST, "ls /var/log/traced").split():
        done = subprocess.run(
            ["podman", "exec", HOST, "cat", f"/var/log/traced/{name}"], capture_output=True, check=True
        )
        user = int(name.partition("-")[0])
        for uid, call, path in calls(done.stdout.decode("utf-8", "replace"), user):
            if uid == 0:
                kinds = {"open": opened, "write": written}
                kinds.get(call, executed).append(path)
    hosts.run(HOST, "rm -rf /var/log/traced")
    return executed, opened, written


def _joined(text: str) -> list[str]:
    """Return the calls, each where it began: a child is heard of before its parent's call ends."""
    lines: list[str] = []
    begun: dict[str, int] = {}
    for line in text.splitlines():
        resumed = _RESUMED.match(line)
        if line.endswith("<unfinished ...>"):
            begun[line.split(None, 1)[0]] = len(lines)
            lines.append(line.removesuffix("<unfinished ...>"))
        elif resumed and resumed[1] in begun:
            lines[begun.pop(resumed[1])] += resumed[2]
        else:
            lines.append(line)
    return lines


def calls(text: str, user: int) -> Iterator[tuple[int, str, str]]:
    """Yield each program and each file that was opened, with the user that did it (strace(1), -f and -y).

    Args:
        text: what strace has written.
        user: who the first process is.
    """
    found = [match for match in map(_CALL.match, _joined(text)) if match and int(match[4]) >= 0]
    parents = {match[4]: match[1] for match in found if match[2] in _FORKS}
    uids: dict[str, int] = {}

    def uid_of(process: str) -> int:
        if process not in uids:
            uids[process] = uid_of(parents[process]) if process in parents else user
        return uids[process]

    for match in found:
        process, call, arguments, result, path = match.groups()
        if call in _FORKS:
            uids.setdefault(result, uid_of(process))
        elif call.startswith("set"):
            effective = arguments.split(",")[0 if call == "setuid" else 1].strip()
            if effective != "-1":
                uids[process] = int(effective)
        elif call in _PROGRAMS:
            program = re.search(r'"((?:[^"\\]|\\.)*)"', arguments)
            yield uid_of(process), call, program[1] if program else arguments
        elif path and "O_DIRECTORY" not in arguments and "O_PATH" not in arguments:
            yield uid_of(process), "write" if "O_WRONLY" in arguments else "open", path
