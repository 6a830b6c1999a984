# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a secret must not be: its canary is looked for on a host and in outputs, in each form it may have."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
from collections.abc import Collection, Mapping
from urllib.parse import quote, quote_plus

#: Looks through a host: reads the forms, the folders and the known files, prints where a form was found.
_LOOK = """
import json, os, re, subprocess, sys
given = json.load(sys.stdin)
forms = {form.encode(): name for name, all_of_it in given["forms"].items() for form in all_of_it}
pattern = re.compile(b"|".join(map(re.escape, sorted(forms, key=len, reverse=True))))
longest, found, seen = max(map(len, forms)), [], 0
own, pid = set(), os.getpid()
while pid:  # this process and those that have started it were told nothing, but are nobody's fault either
    own.add(str(pid))
    pid = int(open("/proc/%d/stat" % pid).read().rpartition(")")[2].split()[1])

def tell(where, content):
    for name in sorted({forms[match] for match in pattern.findall(content)}):
        found.append([name, where])

def read(path):
    global seen
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return
    with open(handle, "rb", buffering=0) as file:
        last, seen = b"", seen + 1
        while True:
            try:
                block = file.read(1 << 22)
            except OSError:
                return
            if not block:
                return
            tell(path, last + block)
            last = block[-longest:]

for top in given["folders"]:
    for folder, _folders, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.isfile(path) or os.path.islink(path):
                continue
            if not any(re.fullmatch(known, path) for known in given["known"]):
                read(path)
for process in filter(str.isdigit, os.listdir("/proc")):
    if process not in own:
        for what in ("cmdline", "environ", "comm"):
            read("/proc/%s/%s" % (process, what))
for what, command in given["programs"].items():
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    seen += 1
    tell(what, done.stdout)
print(json.dumps({"seen": seen, "found": found}))
"""
_FOLDERS = ("/etc", "/home", "/opt", "/root", "/run", "/srv", "/tmp", "/usr/local", "/var")  # noqa: S108 - read
#: Where systemd keeps secrets for the processes of a unit, in memory: for root and that unit's user.
_KNOWN = (r"/run/credentials/[^/]+/[^/]+",)
#: Where the project shop keeps them, for this generation and for those that still run.
SHOP = r"/etc/shop-celery/(generations/[^/]+/)?secrets"
_PROGRAMS = {
    "the journal": ["journalctl", "--no-pager", "--quiet", "--all", "--output=export"],
    "systemd": ["systemctl", "show", "--all", "*"],
    "core dumps": ["sh", "-c", "coredumpctl --no-pager info 2>/dev/null || :"],
}


def forms(text: str) -> list[str]:
    """Return a secret as it may be told: plain, in Python, JSON, URLs, Base64 at each offset, and in hex."""
    content = text.encode()
    found = {text, repr(text)[1:-1], json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}
    found |= {quote(content), quote(content, safe=""), quote_plus(content), content.hex()}
    for offset in range(3):
        # Without the characters that depend on what is before and behind it as well.
        coded = base64.b64encode(b"x" * offset + content).decode().rstrip("=")
        end = -1 if (offset + len(content)) % 3 else len(coded)
        found.add(coded[(0, 2, 3)[offset] : end])
    return sorted(found)


def told(text: str, secrets: Mapping[str, str]) -> list[str]:
    """Return which secrets a text tells, each with what is around it.

    Args:
        text: such as the output of a run.
        secrets: the canary of each, by its name.
    """
    folded = "".join(text.split())  # Ansible breaks lines
    found = []
    for name, secret in secrets.items():
        for form in forms(secret):
            place = folded.find("".join(form.split()))
            if place >= 0:
                found.append(f"{name} as {form[:60]!r} in …{folded[max(0, place - 200) : place]}")
                break
    return found


def spread(host: str, secrets: Mapping[str, str], known: Collection[str]) -> list[str]:
    """Return where on a host secrets are, but for where they have to be.

    It looks into all files but those of the system's programs, into arguments and environments of all
    processes, the journal, what systemd tells of units, and core dumps.

    Args:
        host: its name.
        secrets: the canary of each, by its name.
        known: expressions for files where they are, and have to be. See that nobody else can read these.

    Raises:
        RuntimeError: it could not be looked at.
    """
    given = {
        "forms": {name: forms(secret) for name, secret in secrets.items()},
        "folders": _FOLDERS,
        "known": [*_KNOWN, *known],
        "programs": _PROGRAMS,
    }
    done = subprocess.run(
        ["podman", "exec", "--interactive", host, "bash", "-c", f"exec python3 -c {shlex.quote(_LOOK)}"],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{host}: {done.stderr}")
    looked = json.loads(done.stdout)
    if looked["seen"] < 500:
        raise RuntimeError(f"{host}: {looked['seen']} files and processes alone could be read")
    return [f"{name} in {where}" for name, where in looked["found"]]
