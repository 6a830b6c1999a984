# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the answers of all nodes mean, next to what was decided: no node is asked here."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: The pools of Celery by the names of their modules, where these are others.
_MODULES = {"threads": "thread", "processes": "prefork"}
#: A unit's worker: POOL.GENERATION@HOST.
_NODE = re.compile(r"(?P<pool>[^@]+)\.(?P<generation>\w+)@(?P<host>.+)\Z")
#: As many are named; more are counted.
_MOST = 6


@dataclass(frozen=True)
class Verdict:
    """What a row says."""

    ok: bool
    text: str
    #: Whether it works, and somebody should look at it all the same.
    warns: bool = False


def listed(texts: Iterable[str], most: int = _MOST) -> str:
    """Return texts in one line, the first of them where there are many."""
    all_of_them = list(texts)
    more = len(all_of_them) - most
    return ", ".join(all_of_them[:most]) + (f" and {more} more" if more > 0 else "")


def pools(
    expected: Mapping[str, Mapping[str, Any]],
    nodes: Sequence[str],
    stats: Mapping[str, Any],
    queues: Mapping[str, Sequence[Mapping[str, Any]]],
) -> Verdict:
    """Compare what the nodes of a host run with what was decided for them.

    Args:
        expected: the pools by name, each with ``queues``, ``pool``, ``concurrency`` (None: not said),
            ``autoscale`` (most and least, or empty) and ``time_limit`` (None: none).
        nodes: those that were asked.
        stats: what ``inspect stats`` gave.
        queues: what ``inspect active_queues`` gave.
    """
    told, wrong = [], []
    for node in nodes:
        pool = expected.get(node.partition("@")[0].partition(".")[0])
        if pool is None or node not in stats or node not in queues:
            wrong.append(f"{node} does not say what it runs")
            continue
        found = stats[node].get("pool") or {}
        served = sorted(str(queue["name"]) for queue in queues[node])
        wrong += [f"{node} {text}" for text in _differences(pool, found, stats[node], served)]
        at_once = found.get("max-concurrency")
        told.append(f"{node}: {pool['pool']}, {at_once} at once, {listed(served, 4)}")
    return Verdict(not wrong, "; ".join(wrong or told[:_MOST]) or "no node was asked")


def _differences(
    pool: Mapping[str, Any], found: Mapping[str, Any], stats: Mapping[str, Any], served: list[str]
) -> list[str]:
    texts = []
    wanted = sorted(pool["queues"])
    if served != wanted:
        texts.append(f"consumes {listed(served) or 'nothing'}, and should {listed(wanted)}")
    kind = str(found.get("implementation") or "").rpartition(":")[0].rpartition(".")[2]
    if kind and kind != _MODULES.get(pool["pool"], pool["pool"]):
        texts.append(f"is a pool of the kind {kind}, and should be {pool['pool']}")
    at_once, scaler = found.get("max-concurrency"), stats.get("autoscaler")
    if pool["autoscale"]:
        bounds = [scaler.get("max"), scaler.get("min")] if scaler else []
        if bounds != list(pool["autoscale"]):
            texts.append(
                f"scales between {bounds or 'nothing'}, and should between {list(pool['autoscale'])}"
            )
    elif pool["concurrency"] and at_once and _at_once(kind, found) != pool["concurrency"]:
        texts.append(f"works at {_at_once(kind, found)} tasks at once, and should at {pool['concurrency']}")
    timeouts = found.get("timeouts")
    if timeouts and (timeouts[1] or None) != pool["time_limit"]:
        texts.append(
            f"ends tasks after {_seconds(timeouts[1])}, and should after {_seconds(pool['time_limit'])}"
        )
    return texts


def _at_once(kind: str, found: Mapping[str, Any]) -> int:
    """Return the tasks that a pool does at once.

    A prefork pool goes on telling what it began with when ``pool_grow`` or ``pool_shrink`` has changed it
    (``_get_info`` of celery/concurrency/prefork.py), so its processes are counted.
    """
    return len(found.get("processes") or ()) if kind == "prefork" else int(found["max-concurrency"])


def _seconds(number: float | None) -> str:
    return f"{number:g} s" if number else "no time at all"


def fleet(
    hosts: Sequence[Mapping[str, Any]],
    nodes: Collection[str],
    queues: Mapping[str, Collection[str]],
    unasked: Sequence[str] = (),
) -> Verdict:
    """Compare all nodes that answer with those that the inventory has.

    Args:
        hosts: each with ``name``, ``hostname``, and ``pools``: name to queues.
        nodes: the workers that have answered.
        queues: what each of them consumes.
        unasked: hosts of the inventory that are not part of this run.
    """
    found: dict[tuple[str, str], list[str]] = {}
    strange = []
    expected = {(str(host["hostname"]), pool) for host in hosts for pool in host["pools"]}
    for node in sorted(nodes):
        parts = _NODE.match(node)
        place = (parts["host"], parts["pool"]) if parts else ("", "")
        if parts and place in expected:
            found.setdefault(place, []).append(parts["generation"])
        else:
            strange.append(node)
    silent = [
        f"no node of pool {pool} answers from {host['name']}"
        for host in hosts
        for pool in host["pools"]
        if (str(host["hostname"]), pool) not in found
    ]
    ours = {queue for host in hosts for names in host["pools"].values() for queue in names}
    taking = [node for node in strange if not ours.isdisjoint(queues.get(node, ()))]
    # A host that this run leaves out has workers, and nobody has looked at what it calls itself.
    takers = [] if unasked else [f"{node} takes {listed(ours & set(queues[node]))}" for node in taking]
    several = [
        f"pool {pool} on {host} runs as {' and '.join(generations)} (one ends its tasks)"
        for (host, pool), generations in sorted(found.items())
        if len(generations) > 1
    ]
    number = sum(map(len, found.values()))
    texts = [f"{number} nodes of {len(hosts)} host{'s' if len(hosts) != 1 else ''} answer", *several]
    if unasked:
        texts.append(f"not asked for: {listed(unasked)}")
    others = [node for node in strange if node not in taking or unasked]
    if others:
        texts.append(f"others on this broker: {listed(others)}")
    if takers:
        why = "no host of this inventory runs it: another deployment, or somebody's own worker"
        texts = [*silent, *(f"{text}, and {why}" for text in takers), *several]
    elif silent:
        texts = [*silent, *texts]
    return Verdict(not (silent or takers), "; ".join(texts))


def consumed(
    depths: Mapping[str, int | None],
    users: Mapping[str, str],
    queues: Mapping[str, Collection[str]],
    ages: Mapping[str, float],
    others: Collection[str] = (),
    resting: Collection[str] = (),
) -> Verdict:
    """See that what is in the queues gets to somebody.

    Args:
        depths: messages by queue; None: the broker has no such queue.
        users: who sends there, by queue.
        queues: what each node that answers consumes.
        ages: seconds for which the oldest message waits, where the broker can tell.
        others: queues that somebody else serves, so that an empty one needs no worker of ours.
        resting: queues whose hosts are drained, so that messages may wait for a while.
    """
    served = {queue for names in queues.values() for queue in names}
    wrong, told = [], []
    for queue, depth in sorted(depths.items()):
        age = f", the oldest for {ages[queue]:.0f} s" if queue in ages and depth else ""
        if queue in served:
            told.append(f"{queue} {depth or 0}{age}")
        elif queue in resting:
            told.append(f"{queue} {depth or 0}{age}, for a drained host")
        elif depth:
            wrong.append(f"{depth} messages wait in {queue}{age}, and no worker consumes it")
        elif queue in users and queue not in others:
            wrong.append(f"{users[queue]} goes to {queue}, and no worker consumes it")
    warns = any(depths[queue] and queue not in served for queue in resting if queue in depths)
    return Verdict(not wrong, "; ".join(wrong) or f"messages that wait: {listed(told) or 'no queue'}", warns)


def others(
    known: Mapping[str, Sequence[str]], expected: Collection[str], loaded: Mapping[str, str]
) -> Verdict:
    """Look at the tasks that workers know, and that the source does not show.

    Args:
        known: the names that each node has registered.
        expected: the names in the source.
        loaded: what the same code registers where it is asked: name to package, empty for the project's own.
    """
    names = {name for of_node in known.values() for name in of_node}
    strange = {
        name: [node for node, of_node in known.items() if name in of_node]
        for name in sorted(names - set(loaded) - set(expected))
    }
    own = sorted(name for name in names - set(expected) if loaded.get(name) == "")
    packages = names - set(expected) - set(own) - set(strange)
    if strange:
        texts = [f"{name} is known to {listed(nodes, 2)}" for name, nodes in strange.items()]
        return Verdict(
            False,
            f"{'; '.join(texts)}, and the checkout has no such task: the worker runs other code. "
            "celery_verify_ignored_tasks takes out what a worker makes itself",
        )
    text = f"{len(packages)} of packages" if packages else "none"
    return Verdict(True, f"{text}, {len(own)} made at run time: {listed(own)}" if own else text)


def clocks(measured: Mapping[str, tuple[float, float, float]], most: float) -> Verdict:
    """Compare the clocks of hosts with this one's.

    Args:
        measured: by host, when the question left, what the host's clock said, and when the answer was here.
        most: the seconds by which they may differ.
    """
    apart = {
        host: then - sent if then < sent else max(0.0, then - received)
        for host, (sent, then, received) in measured.items()
    }
    wrong = [
        f"the clock of {host} is {abs(by):.0f} s {'behind' if by < 0 else 'ahead'}"
        for host, by in sorted(apart.items())
        if abs(by) > most
    ]
    widest = max(map(abs, apart.values()), default=0.0)
    return Verdict(not wrong, "; ".join(wrong) or f"{len(apart)} hosts, within {max(widest, 0.1):.1f} s")
