# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers, beat and the site as units: what has to change, and the change without a gap.

A worker pool runs as an instance of a unit, ``<name>-worker-<pool>@<generation>``. The generation
is a digest of everything that the worker was started with, so an instance that runs is
current by its name alone, and one with another name is old.

A generation is whole: its instance has a unit file of its own, which comes before the template's, and a
folder with the environment and the secrets that it was started with. So it starts again as it was, after a
crash or a reboot, whatever has been written for another one since.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import os
import re
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from .. import _owner as owner
from .. import _whole
from .._discovery.files import loaded_files
from .._runtime import launcher
from . import web
from .systemd import Systemd, SystemdError, generation_of, instance, is_instance

#: Unit files and instances by kind, for fnmatch and for systemctl alike.
PATTERNS = {
    "worker": "{name}-worker-*@*.service",
    "web": "{name}-web@*.service",
    "beat": "{name}-beat.service",
    "metrics": "{name}-metrics@*.service",
}
#: The environments of pools, beside the record.
POOL_FILES = "pool-*"
#: What each generation was started with, beside the record: a folder each, and one for beat. What beat was
#: started with before is kept beside it, with its unit; that is empty where it did not run.
GENERATIONS = "generations"
BEAT, BEFORE, UNIT = "beat", "beat.before", "unit"
#: States of units that need their files no more.
_ENDED = ("failed", "inactive")
#: How many lines of the journal an error shows.
JOURNAL_LINES = 15


STOPPED = "was stopped again."
CAME_BACK = "What ran before runs again."


class ServiceError(Exception):
    """A service did not get ready. What ran before still runs. The text says why."""


@dataclass(frozen=True)
class Inputs:
    """What a process is started with, besides its unit."""

    base: Path
    venv: Path
    files: Sequence[Path]
    #: What is going to be written besides the units.
    texts: Sequence[str] = ()

    def digest(self) -> bytes:
        """Return a digest of what processes load: checkout, packages, environment, and the texts."""
        state = hashlib.sha256()
        # What is in a checkout is for its owner to read: a name there can lead to any file, or to none.
        state.update(owner.call(self.base, lambda _ask: _digest_of_loaded(self.base)).encode())
        for info in sorted(self.venv.glob("lib/python3*/site-packages/*.dist-info")):
            state.update(info.name.encode() + b"\0")
        for file in self.files:
            state.update(file.read_bytes() if file.exists() else b"")
            state.update(b"\0")
        for text in self.texts:
            state.update(text.encode() + b"\0")
        return state.digest()


def shared_texts(support: Mapping[Path, str]) -> list[str]:
    """Return those of the other files that concern every process: what a pool has of its own does not.

    That is in its unit's text, as a comment.
    """
    return [text for path, text in support.items() if not path.match(POOL_FILES)]


def _digest_of_loaded(base: Path) -> str:
    state = hashlib.sha256()
    for file in loaded_files(base):
        try:
            content = file.read_bytes()
        except PermissionError:
            # Such as an environment file that the services alone may read.
            status = file.stat()
            content = b"%d %d" % (status.st_mtime_ns, status.st_size)
        state.update(os.fsencode(file.relative_to(base)) + b"\0" + content + b"\0")
    return state.hexdigest()


@dataclass
class Plan:
    """What has to be done, in order."""

    #: Unit files by name: the new text, None for one that goes away.
    write: dict[str, str | None] = field(default_factory=dict)
    #: Other files that the units start from, by path.
    support: dict[Path, str | None] = field(default_factory=dict)
    start: list[str] = field(default_factory=list)
    #: Generations of the site that run and get no requests yet.
    prove: list[str] = field(default_factory=list)
    #: Units that were started with something else, and go on until they are stopped.
    retire: list[str] = field(default_factory=list)
    restart: list[str] = field(default_factory=list)
    #: Units that are stopped for good, waiting until they are gone.
    stop: list[str] = field(default_factory=list)
    #: Units that ended badly long ago, such as one that was killed while it drained.
    forget: list[str] = field(default_factory=list)
    enable: list[str] = field(default_factory=list)
    disable: list[str] = field(default_factory=list)
    #: Instances that run now, and those that are to run: no steps.
    running: list[str] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any(value for name, value in vars(self).items() if name not in ("running", "wanted"))

    def lines(self) -> list[str]:
        """Return the plan in words, a line for each step."""
        steps = ("start", "prove", "restart", "retire", "stop", "forget", "enable", "disable")
        words = {"retire": "drain"}
        return [f"{words.get(step, step)} {unit}" for step in steps for unit in getattr(self, step)]


def generation(unit_text: str, inputs: bytes) -> str:
    """Return the name of a generation: eight hexadecimal digits."""
    return hashlib.sha256(unit_text.encode() + b"\0" + inputs).hexdigest()[:8]


def _template(unit: str) -> str:
    """Return the name of the file that a unit comes from."""
    prefix, at, _generation = unit.partition("@")
    return f"{prefix}@.service" if at else unit


def plan(
    units: Mapping[str, str],
    present: Mapping[str, str],
    states: Mapping[str, str],
    enabled: set[str],
    inputs: bytes,
    started: Mapping[str, str],
) -> Plan:
    """Decide what has to be done.

    Args:
        units: the unit files that have to be there, name to text.
        present: those of ours that are there.
        states: the units of ours that are loaded and not inactive, with their state.
        enabled: what the target wants.
        inputs: the digest of what the processes are started with.
        started: for units that are no instances, the generation that runs.
    """
    found = Plan()
    found.write = {name: text for name, text in units.items() if present.get(name) != text}
    # The files of instances go when these have ended: that is no change.
    found.write.update({name: None for name in present if name not in units and not is_instance(name)})
    desired = set()
    for name, text in units.items():
        if not name.endswith(".service"):
            continue
        wanted = generation(text, inputs)
        unit = instance(name, wanted) if "@." in name else name
        desired.add(unit)
        if states.get(unit) != "active":
            (found.start if "@." in name else found.restart).append(unit)
        elif "@." not in name and started.get(unit) != wanted:
            found.restart.append(unit)
    found.wanted = sorted(unit for unit in desired if is_instance(unit))
    found.running = sorted(unit for unit, state in states.items() if is_instance(unit) and state == "active")
    found.enable = sorted(desired - enabled)
    found.disable = sorted(enabled - desired)
    _let_go(found, units, {unit: states[unit] for unit in states if unit not in desired})
    return found


def _let_go(found: Plan, units: Mapping[str, str], old: Mapping[str, str]) -> None:
    """Plan the end of what runs and is not current: drained beside its successor, else stopped."""
    for unit, state in old.items():
        if state == "failed":
            found.forget.append(unit)
        elif _template(unit) not in units:
            found.stop.append(unit)
        elif state != "deactivating":
            found.retire.append(unit)


class Services:
    """The services of one deployment on this host."""

    def __init__(
        self,
        name: str,
        kinds: Sequence[str],
        target: str,
        systemd: Systemd,
        record: Path,
        files: Sequence[Path] = (),
    ) -> None:
        """Take what names the units.

        Args:
            name: the project.
            kinds: which of them are meant, of :data:`PATTERNS`.
            target: the target that all belong to.
            systemd: the service manager.
            record: the file that says which beat was started.
            files: the environment that is kept with each generation.
        """
        self.files = files
        self.generations = record.parent / GENERATIONS
        self.beat = PATTERNS["beat"].format(name=name)
        self.target = target
        self.systemd = systemd
        self.record = record
        self.patterns = [PATTERNS[kind].format(name=name) for kind in kinds]
        self.pools = "worker" in kinds
        #: Whether somebody has drained this host, so that its workers start nothing.
        self.drained = False
        self.beat_is_meant = "beat" in kinds
        #: How the site is asked, where it is served and meant.
        self.site: web.Site | None = None
        # What is no service goes with the last of those that belong to it.
        self.shared = [f"{name}-web.socket"] if "web" in kinds else []
        #: What systemd makes for instances, and leaves.
        self.folders = [Path("/run", f"{name}-web")] if "web" in kinds else []
        if len(kinds) == len(PATTERNS):
            self.shared += [target, target.replace(".target", ".slice")]

    def present(self, shared: Sequence[str]) -> dict[str, str]:
        """Return our unit files, and those of *shared* that are there, name to text."""
        files = [
            *(file for pattern in self.patterns for file in self.systemd.folder.glob(pattern)),
            *(self.systemd.folder / name for name in shared),
        ]
        return {file.name: file.read_text(encoding="utf-8") for file in files if file.is_file()}

    def enabled(self) -> set[str]:
        """Return our units that the target wants."""
        wanted = self.systemd.wanted_by(self.target)
        return {unit for unit in wanted for pattern in self.patterns if fnmatchcase(unit, pattern)}

    def started(self) -> dict[str, str]:
        """Return the generation that was last started, for units that are no instances."""
        try:
            unit, generation_name = self.record.read_text(encoding="utf-8").split()
        except (OSError, ValueError):
            return {}
        return {unit: generation_name}

    def plan(self, units: Mapping[str, str], inputs: bytes) -> Plan:
        """Decide what has to be done on this host.

        Raises:
            ServiceError: a unit of somebody else's has the name of one of ours.
        """
        units = self.bound(units, inputs)
        self._refuse_others()
        found = plan(
            units,
            self.present(list(units)),
            self.systemd.states(self.patterns),
            self.enabled(),
            inputs,
            self.started(),
        )
        if self.drained:
            # They do not start, however often they are told to. What is enabled is whole.
            waiting = {unit for unit in self.enabled() if "-worker-" in unit}
            found.start = [unit for unit in found.start if unit not in waiting]
        if self.target in units and self.target not in self.systemd.wanted_by("multi-user.target"):
            found.enable.append(self.target)
        if self.site:
            current = instance(self.site.template, generation(units[self.site.template], inputs))
            if current not in found.start and not self.site.is_proven(current):
                found.prove.append(current)
        return found

    def _refuse_others(self) -> None:
        """See that the socket of the site is not somebody else's of that name."""
        file = self.systemd.folder / self.site.socket if self.site else None
        if file and file.exists() and web.MADE not in file.read_text(encoding="utf-8", errors="replace"):
            raise ServiceError(
                f"{file} is there, and not of this collection. Stop and remove that unit, or give it another "
                "name; nothing was changed."
            )

    def bound(self, units: Mapping[str, str], inputs: bytes) -> dict[str, str]:
        """Return the units, with the generation of the site in its socket."""
        if not self.site:
            return dict(units)
        site = self.site
        current = instance(site.template, generation(units[site.template], inputs))
        text = units[site.socket].replace(f"Service={site.template}", f"Service={current}")
        return {**units, site.socket: text}

    def support(self, wanted: Mapping[Path, str]) -> dict[Path, str | None]:
        """Return which of the other files have to be written, or go.

        What goes: the files of pools that are gone, and modules that an older package had.
        """
        changes: dict[Path, str | None] = {
            path: text
            for path, text in wanted.items()
            if not path.is_file() or path.read_text(encoding="utf-8") != text
        }
        changes.update(dict.fromkeys(launcher.left_over(wanted)))
        if self.pools:
            there = self.record.parent.glob(POOL_FILES)
            changes.update({path: None for path in there if path not in wanted})
        return changes

    def diff(self, found: Plan) -> str:
        """Return the change of the files, and the steps."""
        before = self.present(list(found.write))
        before.update(
            {str(path): path.read_text(encoding="utf-8") for path in found.support if path.is_file()}
        )
        changes = {**found.write, **{str(path): text for path, text in found.support.items()}}
        texts: list[str] = []
        for name, text in sorted(changes.items()):
            texts += difflib.unified_diff(
                before.get(name, "").splitlines(keepends=True),
                (text or "").splitlines(keepends=True),
                fromfile=f"a/{name.lstrip('/')}" if name in before else "/dev/null",
                tofile=f"b/{name.lstrip('/')}" if text is not None else "/dev/null",
            )
        return "".join([*texts, *(f"{line}\n" for line in found.lines())])

    def apply(
        self,
        found: Plan,
        units: Mapping[str, str],
        inputs: bytes,
        replace: bool = False,
        hold: bool = False,
        tidy: bool = True,
    ) -> None:
        """Do what was decided.

        Nothing ends before its successor is ready, not even a pool that is gone: it may have been renamed.

        Args:
            found: the plan.
            units: the unit files that have to be there, name to text.
            inputs: the digest of what the processes are started with.
            replace: end the old ones first, and wait for them, where there is no memory for both.
            hold: leave the old ones as they are, also for a reboot, until this is called without it.
            tidy: take away the files of generations that have ended.

        Raises:
            ServiceError: a unit did not get ready; all that were started were stopped again.
            SystemdError: systemd refused.
        """
        self.forget(found.forget)
        before = self.present(found.restart)
        written = {name: text for name, text in found.write.items() if text is not None}
        # Until the new generation is proven, a request that finds none starts the old one.
        later = self._prepare_socket(written)
        self.write({name: text for name, text in written.items() if name not in later}, found.support)
        self._make_whole({unit: units[_template(unit)] for unit in found.start})
        if found.start or found.restart:
            # Also where the files were there: the run that wrote them may have been killed before this.
            self.systemd.call("daemon-reload")
        if replace:
            self._end([*found.retire, *found.stop])
        self._start_all(found)
        self.write(later)
        for unit in found.restart:
            self._restart(unit, generation(units[unit], inputs), before.get(unit))
        if hold:
            return
        if found.enable:
            self.systemd.call("enable", "--quiet", *found.enable)
        # Not before the new ones are ready: what runs on has to come back after a reboot. And while their
        # files are there: systemd disables nothing whose file is gone.
        self._disable(found.disable)
        if self.target in found.enable:
            self.systemd.call("start", self.target)
        if not replace:
            if found.retire:
                self.systemd.call("stop", "--no-block", *found.retire)
            self._end(found.stop)
        gone = [name for name, text in found.write.items() if text is None]
        if tidy:
            self.tidy(gone=gone)
        else:
            self.write(dict.fromkeys(gone))

    def _make_whole(self, instances: Mapping[str, str]) -> None:
        """Give instances what is theirs for as long as they live: the unit, and the environment."""
        for unit, text in instances.items():
            self._keep_environment(self.generations / generation_of(unit))
            _whole.write(self.systemd.folder / unit, text, 0o644)

    def _keep_environment(self, folder: Path) -> None:
        """Put copies of the environment into a folder that root alone can enter."""
        # A run that was killed may have left a part of it.
        shutil.rmtree(folder, ignore_errors=True)
        for made in (self.generations, folder):
            made.mkdir(mode=0o700, parents=True, exist_ok=True)
        pools = sorted(self.record.parent.glob(POOL_FILES))
        for file in [*self.files, *pools]:
            if file.is_file():
                # systemd reads them, as root.
                _whole.write(folder / file.name, file.read_bytes().decode("utf-8"), 0o600)

    def tidy(self, keep: Collection[str] = (), gone: Iterable[str] = ()) -> None:
        """Take away the unit files and environments of generations that have ended.

        Args:
            keep: instances whose files stay, as somebody may go back to them.
            gone: unit files that go as well.
        """
        states = self.systemd.states(self.patterns)
        kept = {*keep, *self.enabled(), *(unit for unit, state in states.items() if state not in _ENDED)}
        ended = [unit for unit in self.present(()) if is_instance(unit) and unit not in kept]
        self.write(dict.fromkeys([*gone, *ended]))
        if not self.generations.is_dir():
            return
        # Of all kinds: a folder does not say whose it is.
        needed = {generation_of(file.name) for file in self.systemd.folder.glob("*@*.service")}
        if (self.systemd.folder / self.beat).exists():
            needed |= {BEAT, BEFORE}
        for folder in self.generations.iterdir():
            if folder.name not in needed:
                shutil.rmtree(folder)

    def _restart(self, unit: str, name: str, before: str | None) -> None:
        """Restart a unit that is no instance; if it does not get ready, what it was comes back.

        Args:
            unit: its name.
            name: its generation.
            before: the text that it had.
        """
        folder, kept = self.generations / BEAT, self.generations / BEFORE
        started = self.started().get(unit)
        if before is not None and started and folder.is_dir():
            shutil.rmtree(kept, ignore_errors=True)
            folder.rename(kept)
            _whole.write(kept / UNIT, f"{unit} {started}\n{before}", 0o600)
        else:
            # There is none to go back to; what an earlier change has kept is older than this one.
            started = None
            # It need not be there.
            shutil.rmtree(kept, ignore_errors=True)
            if before is None:
                kept.mkdir(mode=0o700, parents=True)
                _whole.write(kept / UNIT, "", 0o600)
        self._keep_environment(folder)
        try:
            self._start("restart", unit)
        except ServiceError as error:
            if started is None or not self.take_back():
                raise
            raise ServiceError(str(error).replace(STOPPED, f"{STOPPED} {CAME_BACK}", 1)) from error
        self._note(unit, name)

    def go_back(self, before: Sequence[str]) -> list[str]:
        """Let the instances run that ran before, and nothing else; beat likewise. Return what was done.

        Args:
            before: them; each has its unit file and its environment still.

        Raises:
            ServiceError: one of them does not get ready.
            SystemdError: systemd refused.
        """
        steps = self._take_back_or_end() if self.beat_is_meant else []
        states = self.systemd.states(self.patterns)
        for unit in before:
            if states.get(unit) != "active":
                self._start("start", unit)
                steps.append(f"start {unit}")
            if self.site and not self.site.is_proven(unit):
                self._lead_to(self.site, unit)
        enabled = {unit for unit in self.enabled() if is_instance(unit)}
        if missing := sorted({*before} - enabled):
            self.systemd.call("enable", "--quiet", *missing)
        self._disable(sorted(enabled - {*before}))
        others = [unit for unit in states if is_instance(unit) and unit not in before]
        going = [unit for unit in others if states[unit] not in (*_ENDED, "deactivating")]
        if self.site and not before and (self.systemd.folder / self.site.socket).is_file():
            # Else the next request would start what has just been let go.
            self.systemd.call("stop", self.site.socket)
        if going:
            self.systemd.call("stop", "--no-block", *going)
        self.forget([unit for unit in others if states[unit] == "failed"])
        return [*steps, *(f"drain {unit}" for unit in going)]

    def _take_back_or_end(self) -> list[str]:
        """Let the unit that is no instance run as before its last change, or end it where there was none."""
        if self.take_back():
            return [f"restart {self.beat}"]
        kept = self.generations / BEFORE / UNIT
        if not kept.is_file() or kept.read_bytes():
            return []
        shutil.rmtree(kept.parent)
        self._end([self.beat])
        self._disable(sorted({self.beat} & self.enabled()))
        self.write({self.beat: None})
        self.record.unlink(missing_ok=True)
        return [f"stop {self.beat}"]

    def _lead_to(self, site: web.Site, unit: str) -> None:
        """Let a generation of the site have the requests again."""
        file = self.systemd.folder / site.socket
        if file.is_file():
            name, _at, _rest = site.template.partition("@")
            own = re.compile(rf"^Service={re.escape(name)}@.*$", re.MULTILINE)
            self.write({site.socket: own.sub(f"Service={unit}", file.read_text(encoding="utf-8"))})
        self._prove(site, unit)

    def before(self, found: Plan, place: str) -> list[str]:
        """Return the instances that an undo goes back to.

        Those that run: of a release that was proven, alone, if any of them starts from it. On a host that is
        drained, what is to run when it no longer is.

        Args:
            found: the plan, before it is applied.
            place: the folder of the release, empty where none is meant.
        """
        units = found.running
        if self.drained and not units:
            units = sorted(unit for unit in self.enabled() if is_instance(unit))
        files = {unit: self.systemd.folder / unit for unit in units}
        texts = {unit: file.read_text(encoding="utf-8") for unit, file in files.items() if file.is_file()}
        return [unit for unit in units if place and f"{place}/" in texts.get(unit, "")] or [*units]

    def take_back(self) -> bool:
        """Let the unit that is no instance run as it did before its last change; tell whether it does."""
        folder, kept = self.generations / BEAT, self.generations / BEFORE
        try:
            named, _newline, text = (kept / UNIT).read_text(encoding="utf-8").partition("\n")
        except OSError:
            return False
        if not named:
            return False
        unit, name = named.split()
        shutil.rmtree(folder, ignore_errors=True)
        (kept / UNIT).unlink()
        kept.rename(folder)
        self.write({unit: text})
        try:
            self._start("restart", unit)
        except ServiceError:
            return False
        self._note(unit, name)
        return True

    def _note(self, unit: str, name: str) -> None:
        self.record.parent.mkdir(parents=True, exist_ok=True)
        self.record.write_text(f"{unit} {name}\n", encoding="utf-8")

    def _prepare_socket(self, written: Mapping[str, str]) -> dict[str, str]:
        """Return the socket's file where it is written after the start; stop one that listens elsewhere."""
        if not (self.site and self.site.socket in written):
            return {}
        socket, text = self.site.socket, written[self.site.socket]
        before = self.present([socket]).get(socket)
        if before is None:
            return {}
        if web.listens(before) == web.listens(text):
            return {socket: text}
        # Nothing can listen at both places: requests are refused until the new generation is there.
        self.systemd.call("stop", socket)
        return {}

    def _start_all(self, found: Plan) -> None:
        """Start the new generations, all of them or none."""
        for number, unit in enumerate([*found.start, *found.prove]):
            try:
                if number < len(found.start):
                    self._start("start", unit)
                if self.site and _template(unit) == self.site.template:
                    self._prove(self.site, unit)
            except ServiceError:
                if found.start[:number]:
                    self.systemd.call("stop", "--no-block", *found.start[:number])
                raise

    def _end(self, units: Sequence[str]) -> None:
        """Stop units, all at once, and wait until they are gone."""
        if units:
            self.systemd.call("stop", *units)
            self.forget(units)

    def _disable(self, units: Sequence[str]) -> None:
        if units:
            self.systemd.call("disable", "--quiet", *units)

    def write(
        self, files: Mapping[str, str | None], support: Mapping[Path, str | None] | None = None
    ) -> None:
        """Write unit files and others, or take them away, and let systemd read the units again."""
        units = {self.systemd.folder / name: text for name, text in files.items()}
        for path, text in {**(support or {}), **units}.items():
            if text is None:
                path.unlink(missing_ok=True)
                continue
            path.parent.mkdir(mode=0o755, exist_ok=True)
            _whole.write(path, text, 0o644)
        if files:
            self.systemd.call("daemon-reload")

    def forget(self, units: Sequence[str]) -> None:
        """Let systemd forget that units failed; else they would be listed for ever."""
        for unit in units:
            with contextlib.suppress(SystemdError):  # it can be forgotten already
                self.systemd.call("reset-failed", unit)

    def _prove(self, site: web.Site, unit: str) -> None:
        try:
            site.prove(unit, self.systemd)
        except web.SiteError as error:
            lines = self.systemd.journal(unit, JOURNAL_LINES)
            self.systemd.call("stop", unit)
            self.forget([unit])
            raise ServiceError(
                f"{error} It was stopped again, and got no request. What ran before still runs. "
                f"Mend the cause, then run again. Its last lines in the journal:\n{lines}"
            ) from error

    def _start(self, verb: str, unit: str) -> None:
        try:
            self.systemd.call(verb, unit)
        except SystemdError as error:
            lines = self.systemd.journal(unit, JOURNAL_LINES)
            self.systemd.call("stop", unit)
            self.forget([unit])
            rest = "What ran before still runs. " if verb == "start" else ""
            raise ServiceError(
                f"{unit} did not get ready, and {STOPPED} {rest}"
                f"Mend the cause, then run again. Its last lines in the journal:\n{lines}"
            ) from error


def remove(services: Services, check: bool) -> list[str]:
    """Stop and remove everything, and return what there was."""
    shared = services.shared
    states = services.systemd.states([*services.patterns, *shared])
    files = services.present(shared)
    if check:
        return sorted({*states, *files})
    if states:
        services.systemd.call("stop", *states)
        services.forget(list(states))
    enabled = [*services.enabled(), *(unit for unit in files if unit == services.target)]
    if enabled:
        services.systemd.call("disable", "--quiet", *enabled)
    services.tidy(gone=files)
    for folder in services.folders:
        with contextlib.suppress(OSError):
            folder.rmdir()
    if services.target in shared and (states or files):
        _end_slices(services.systemd, shared[-1])
    wants = services.systemd.folder / f"{services.target}.wants"
    if wants.is_dir() and not any(wants.iterdir()):
        wants.rmdir()
    return sorted({*states, *files})


def _end_slices(systemd: Systemd, name: str) -> None:
    """End the slices that systemd has made above ours, by the hyphens in its name, if nobody is in them."""
    parts = name.removesuffix(".slice").split("-")
    for length in range(len(parts) - 1, 0, -1):
        above = f"{'-'.join(parts[:length])}.slice"
        with contextlib.suppress(SystemdError):
            inside = systemd.call("show", "--value", "--property=RequiredBy,SliceOf", above).split()
            if inside:
                return
            systemd.call("stop", above)
