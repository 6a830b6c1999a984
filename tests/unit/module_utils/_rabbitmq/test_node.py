# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node of RabbitMQ would lose is known while it runs, and while it does not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils import _command
from ansible_collections.celeriac.django.plugins.module_utils._rabbitmq import node as _rabbitmq_node
from ansible_collections.celeriac.django.plugins.module_utils._rabbitmq.node import Node

#: As RabbitMQ 3.10 and 4.0 write it.
ALONE = "{[rabbit@queue1],[rabbit@queue1]}.\n"
THREE = (
    "{['rabbit@queue-1','rabbit@queue-2','rabbit@q.3'],['rabbit@queue-1','rabbit@queue-2','rabbit@q.3']}.\n"
)


@pytest.mark.parametrize(
    ("answers", "node", "established"),
    [
        ({}, Node(running=True, nodes=("rabbit@queue1",), data=False), False),
        (
            {"list_vhosts": [{"name": "/"}, {"name": "shop"}]},
            Node(running=True, nodes=("rabbit@queue1",), data=True),
            True,
        ),
        ({"list_queues": [{"name": "mail"}]}, Node(running=True, nodes=("rabbit@queue1",), data=True), True),
        (
            {"cluster_status": {"disk_nodes": ["rabbit@a", "rabbit@b"], "ram_nodes": ["rabbit@c"]}},
            Node(running=True, nodes=("rabbit@a", "rabbit@b", "rabbit@c"), data=False),
            True,
        ),
    ],
)
def test_a_node_that_runs_says_what_it_is(answers: dict[str, Any], node: Node, established: bool) -> None:
    said = {
        "cluster_status": {"disk_nodes": ["rabbit@queue1"], "ram_nodes": []},
        "list_vhosts": [{"name": "/"}],
        "list_queues": [],
        **answers,
    }
    assert _rabbitmq_node.asked(lambda *arguments: said[arguments[0]]) == node
    assert node.established is established


def store(
    data: Path, name: str = "rabbit@queue1", nodes: str = ALONE, *, vhosts: tuple[str, ...] = ("/",)
) -> Path:
    """Make the files of a node, and return its folder."""
    folder = data / name
    (folder / "quorum" / name).mkdir(parents=True)
    (folder / "quorum" / name / "00000001.wal").touch()
    (folder / "cluster_nodes.config").write_text(nodes)
    for number, vhost in enumerate(vhosts):
        (folder / f"msg_stores/vhosts/{number}/msg_store_persistent").mkdir(parents=True)
        (folder / f"msg_stores/vhosts/{number}/.vhost").write_text(vhost)
    return folder


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no rabbitmqctl."""

    def run(*_arguments: Any, **_options: Any) -> Any:
        raise FileNotFoundError("rabbitmqctl")

    monkeypatch.setattr(_command, "run", run)


@pytest.mark.usefixtures("silent")
def test_one_that_is_stopped_is_judged_by_its_files(tmp_path: Path) -> None:
    assert _rabbitmq_node.look(tmp_path) == Node(running=False, nodes=(), data=False)
    folder = store(tmp_path)
    assert _rabbitmq_node.look(tmp_path) == Node(running=False, nodes=("rabbit@queue1",), data=False)
    for queue in ("msg_stores/vhosts/0/queues/1F3", "quorum/rabbit@queue1/SHOP_MAIL3K"):
        (folder / queue).mkdir(parents=True)
        assert _rabbitmq_node.look(tmp_path).data
        (folder / queue).rmdir()
    assert not _rabbitmq_node.look(tmp_path).established


@pytest.mark.usefixtures("silent")
def test_vhosts_and_clusters_are_in_the_files(tmp_path: Path) -> None:
    store(tmp_path, vhosts=("/", "shop"))
    assert _rabbitmq_node.look(tmp_path).data
    folder = store(tmp_path, "rabbit@queue-1", THREE)
    # What was under a name that the node had before is not there any more for RabbitMQ.
    os.utime(folder / "cluster_nodes.config", (2**31, 2**31))
    node = _rabbitmq_node.look(tmp_path)
    assert node == Node(running=False, nodes=("rabbit@queue-1", "rabbit@queue-2", "rabbit@q.3"), data=False)
    assert node.established


def test_a_program_that_fails_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(tmp_path, nodes=THREE)
    for status, printed in ((64, ""), (0, "no JSON")):
        done = _command.Completed([], status, printed, "Error: this command requires the 'rabbit' app")
        monkeypatch.setattr(_command, "run", lambda *_arguments, done=done, **_options: done)
        assert not _rabbitmq_node.look(tmp_path).running
        assert _rabbitmq_node.look(tmp_path).established


def test_files_that_the_server_has_not_read(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    patterns = ("etc/celeriac*", "etc/missing.conf")
    old, new = tmp_path / "etc/celeriac.conf", tmp_path / "etc/celeriac/key.pem"
    new.parent.mkdir(parents=True)
    for file, time in ((old, 100), (new, 300)):
        file.touch()
        os.utime(file, (time, time))
    # It has never started: there is nothing that it could have read before.
    assert _rabbitmq_node.unread(patterns, tmp_path, data) == []
    for name, time in (("rabbit@before.pid", 50), ("rabbit@queue1.pid", 200)):
        (data / name).touch()
        os.utime(data / name, (time, time))
    assert _rabbitmq_node.unread(patterns, tmp_path, data) == [str(new)]
