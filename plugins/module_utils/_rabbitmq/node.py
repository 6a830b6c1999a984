# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the RabbitMQ of this host is: a new node, one with data of its own, or one of a cluster.

It is asked; where it does not answer, its files tell: a node that joins a cluster is emptied, and one that is
stopped has as much to lose as one that runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import _command

#: Where the nodes of a host keep what they have.
DATA = Path("/var/lib/rabbitmq/mnesia")
#: What a server reads when it starts, as paths below the root; folders with all that is in them.
CONFIGURATION = (
    "etc/rabbitmq/rabbitmq-env.conf",
    "etc/rabbitmq/celeriac*",
    "etc/rabbitmq/conf.d/90-celeriac.conf",
    "etc/systemd/system/epmd.socket.d/celeriac.conf",
    "etc/systemd/system/rabbitmq-server.service.d/celeriac.conf",
)
#: The vhost that each RabbitMQ has.
_FIRST_VHOST = "/"
#: In `cluster_nodes.config`, an Erlang term: {[all],[with a disk]}; names with dots or dashes are quoted.
_NODE = re.compile(r"'([^']+@[^']+)'|(\w+@\w+)")
#: Seconds that rabbitmqctl may take.
_TIMEOUT = 60


@dataclass(frozen=True)
class Node:
    """A node of RabbitMQ, as far as a cluster is concerned."""

    #: Whether it has answered.
    running: bool
    #: All nodes of its cluster, itself among them; empty if it has never started.
    nodes: tuple[str, ...]
    #: Whether it has vhosts or queues of its own.
    data: bool

    @property
    def established(self) -> bool:
        """Whether it would lose something if it joined another one."""
        return self.data or len(self.nodes) > 1


#: That of a host at which nobody could look.
NONE = Node(running=False, nodes=(), data=False)


def look(data: Path = DATA) -> Node:
    """Return what the node of this host is, by what it says, or else by its files in *data*."""
    try:
        return asked(_ask)
    except LookupError:
        return on_disk(data)


def asked(ask: Callable[..., Any]) -> Node:
    """Return what a server says that runs.

    Args:
        ask: gives what rabbitmqctl answers to its arguments; raises a LookupError if it does not.

    Raises:
        LookupError: it does not answer.
    """
    status: dict[str, Any] = ask("cluster_status")
    vhosts = {vhost["name"] for vhost in ask("list_vhosts", "name")}
    nodes = (*status.get("disk_nodes", []), *status.get("ram_nodes", []))
    # Those of the first vhost: whoever has others has a vhost of their own.
    data = bool(vhosts - {_FIRST_VHOST}) or bool(ask("list_queues", "name"))
    return Node(running=True, nodes=nodes, data=data)


def _ask(*arguments: str) -> Any:
    command = ["rabbitmqctl", "--quiet", "--timeout", str(_TIMEOUT), *arguments, "--formatter", "json"]
    try:
        done = _command.run(command, stdin=_command.NO_INPUT, timeout=2 * _TIMEOUT)
        if done.returncode == 0:
            return json.loads(done.stdout)
    except (OSError, _command.TimeoutExpired, ValueError):
        pass
    raise LookupError(arguments[0])


def on_disk(data: Path) -> Node:
    """Return what the files say of the node that has started last; in *data*, each has a folder.

    As RabbitMQ 3.10 to 4.0 keep them: ``cluster_nodes.config``, written anew at each start, the name of
    each vhost in ``msg_stores/vhosts/*/.vhost``, beside it a folder for each classic queue, and one for
    each quorum queue below ``quorum``.
    """
    written = sorted(data.glob("*/cluster_nodes.config"), key=lambda path: path.stat().st_mtime)
    if not written:
        return Node(running=False, nodes=(), data=False)
    folder = written[-1].parent
    found = _NODE.findall(written[-1].read_text(encoding="utf-8", errors="replace"))
    vhosts = {path.read_text(encoding="utf-8") for path in folder.glob("msg_stores/vhosts/*/.vhost")}
    queues = [*folder.glob("msg_stores/vhosts/*/queues/*"), *folder.glob("quorum/*/*")]
    return Node(
        running=False,
        nodes=tuple(dict.fromkeys(quoted or plain for quoted, plain in found)),
        data=bool(vhosts - {_FIRST_VHOST}) or any(queue.is_dir() for queue in queues),
    )


def included(root: Path = Path("/")) -> bool:
    """Tell whether the server's environment reads what the role adds to it."""
    try:
        text = (root / "etc/rabbitmq/rabbitmq-env.conf").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return ". /etc/rabbitmq/celeriac-env.conf" in text.splitlines()


def unread(patterns: Iterable[str] = CONFIGURATION, root: Path = Path("/"), data: Path = DATA) -> list[str]:
    """Return the files of the configuration that were written since the server has started."""
    started = max((path.stat().st_mtime for path in data.glob("*.pid")), default=None)
    if started is None:
        return []
    found = [path for pattern in patterns for path in root.glob(pattern)]
    files = [file for path in found for file in [path, *path.rglob("*")] if file.is_file()]
    return sorted(str(file) for file in files if file.stat().st_mtime > started)
