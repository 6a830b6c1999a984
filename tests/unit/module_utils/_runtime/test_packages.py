# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What uv is told, what it says, and when there is nothing to do."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._checkout import block
from ansible_collections.celeriac.django.plugins.module_utils._runtime import packages as _packages
from ansible_collections.celeriac.django.plugins.module_utils._runtime.interpreter import Interpreter

#: What uv 0.13 (and 0.9, where the name says so) wrote on a host.
RECORDED = Path(__file__).parents[2] / "data" / "uv"


def recorded(name: str) -> str:
    """Returns what uv wrote."""
    return (RECORDED / f"{name}.txt").read_text(encoding="utf-8")


# What uv says


@pytest.mark.parametrize("name", ["beat-and-django-6.1", "beat-and-django-6.1-uv-0.9"])
def test_beat_and_a_new_django_come_with_advice(name: str) -> None:
    text = _packages.explain(recorded(name))
    assert "you require django>=6.1" in text
    assert "celery_beat_scheduler to file" in text
    assert "Django<6.1" in text


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("beat-and-celery-4", "django-celery-beat>=2.9.0 depends on celery>=5.2.3,<6.0"),
        ("django-twice", "you require django==4.2 and django==5.2"),
        ("missing-package", "celeriac-no-such-package-xyz was not found"),
        ("missing-package-uv-0.9", "celeriac-no-such-package-xyz was not found"),
    ],
)
def test_what_cannot_be_solved_is_said_in_the_words_of_uv(name: str, why: str) -> None:
    text = _packages.explain(recorded(name))
    assert text.startswith("The packages cannot be solved, nothing was changed: No solution found")
    assert why in text
    assert "celery_requirements" in text
    assert "celery_beat_scheduler" not in text


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("index-down", "Failed to fetch: http://127.0.0.1:9/simple/six/"),
        ("bad-requirement", "Couldn't parse requirement in `bad.txt` at position 12"),
    ],
)
def test_what_cannot_be_fetched_or_read_is_said(name: str, why: str) -> None:
    text = _packages.explain(recorded(name))
    assert text.startswith(f"The packages cannot be installed: {why}")


@pytest.mark.parametrize("file", sorted(RECORDED.iterdir()), ids=lambda file: file.stem)
def test_an_explanation_is_one_line(file: Path) -> None:
    text = _packages.explain(file.read_text(encoding="utf-8"))
    assert text.isascii()
    assert "\n" not in text
    assert "  " not in text
    assert "Using Python" not in text


# What uv is told


TOLD_ALWAYS = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}


@pytest.mark.parametrize(
    ("pip", "told"),
    [
        ({}, {}),
        (
            {"index-url": "https://pypi.example/simple"},
            {"UV_DEFAULT_INDEX": "https://pypi.example/simple"},
        ),
        (
            {"extra-index-url": "\nhttps://a.example\n  https://b.example"},
            {
                "UV_INDEX": "https://a.example https://b.example",
                "UV_INDEX_STRATEGY": "unsafe-best-match",
            },
        ),
        ({"find-links": "/opt/wheels\n/opt/more"}, {"UV_FIND_LINKS": "/opt/wheels,/opt/more"}),
        ({"trusted-host": "a.example\nb.example"}, {"UV_INSECURE_HOST": "a.example b.example"}),
        ({"cert": "/etc/ssl/own.pem"}, {"SSL_CERT_FILE": "/etc/ssl/own.pem"}),
        ({"timeout": "60", "index-url": ""}, {}),
    ],
)
def test_what_pip_is_told_uv_is_told(
    pip: dict[str, str], told: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_packages, "_TRUSTED", "/nowhere")
    assert _packages.uv_environment({}, pip) == {**TOLD_ALWAYS, **told}


def test_the_authorities_of_the_host_are_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_packages, "_TRUSTED", str(tmp_path))
    assert _packages.uv_environment({}, {})["SSL_CERT_FILE"] == str(tmp_path)
    assert _packages.uv_environment({}, {"cert": "/own"})["SSL_CERT_FILE"] == "/own"


def test_what_the_environment_tells_uv_stays() -> None:
    environ = {"UV_DEFAULT_INDEX": "https://mine.example", "SSL_CERT_FILE": "/mine"}
    told = _packages.uv_environment(environ, {"index-url": "https://other.example", "cert": "/x"})
    assert told == TOLD_ALWAYS


# When there is nothing to do


@pytest.fixture
def wanted(tmp_path: Path) -> _packages.Wanted:
    """An environment that is wanted, with requirement files that include each other."""
    (tmp_path / "requirements.txt").write_text("-r base.txt\n-c limits.txt\n")
    (tmp_path / "base.txt").write_text("asgiref\n")
    (tmp_path / "limits.txt").write_text("asgiref<4\n")
    return _packages.Wanted(
        venv=tmp_path / "state/venv",
        interpreter=Interpreter(sys.executable, (3, 11, 2), has_ensurepip=False),
        files=[tmp_path / "requirements.txt"],
        specs=["celery>=5.7,<6", "kombu>=5.7"],
        tools=tmp_path / "state/bin",
    )


def altered(wanted: _packages.Wanted, **values: Any) -> _packages.Wanted:
    """Returns the same with other values."""
    return _packages.Wanted(**{**vars(wanted), **values})


def test_the_fingerprint_is_of_what_decides(wanted: _packages.Wanted, tmp_path: Path) -> None:
    newer = Interpreter("/other/python3", (3, 12, 1), has_ensurepip=True)
    (tmp_path / "more.txt").write_text("six\n")
    others = [
        altered(wanted, interpreter=newer),
        altered(wanted, specs=["celery>=5.7,<6"]),
        altered(wanted, specs=["celery>=5.7,<6kombu>=5.7"]),
        altered(wanted, files=[]),
        altered(wanted, files=[*wanted.files, tmp_path / "more.txt"]),
    ]
    prints = {found.fingerprint() for found in (wanted, *others)}
    assert len(prints) == 1 + len(others)


def test_the_fingerprint_is_not_of_the_rest(wanted: _packages.Wanted, tmp_path: Path) -> None:
    patched = Interpreter("/other/python3", (3, 11, 9), has_ensurepip=True)
    other = altered(wanted, interpreter=patched, venv=tmp_path / "v", tools=tmp_path / "t")
    assert other.fingerprint() == wanted.fingerprint()


@pytest.mark.parametrize("name", ["requirements.txt", "base.txt", "limits.txt"])
def test_the_fingerprint_is_of_all_files(name: str, wanted: _packages.Wanted, tmp_path: Path) -> None:
    before = wanted.fingerprint()
    with (tmp_path / name).open("a") as file:
        file.write("# another line\n")
    assert wanted.fingerprint() != before


@pytest.mark.parametrize("content", ["asgiref\n", "asgiref", "asgiref\r\n", ""])
def test_the_fingerprint_is_not_of_our_own_lines(
    content: str, wanted: _packages.Wanted, tmp_path: Path
) -> None:
    (tmp_path / "base.txt").write_bytes(content.encode())
    before = wanted.fingerprint()
    (tmp_path / "base.txt").write_bytes(block.put(content.encode(), "celery>=5.7,<6"))
    assert wanted.fingerprint() == before


FAKE_UV = """#!{python} -IS
import json, os, pathlib, shutil, sys
here = pathlib.Path({folder!r})
answers = json.loads((here / "answers.json").read_text())
with (here / "calls.jsonl").open("a") as calls:
    calls.write(json.dumps({{"arguments": sys.argv[1:], "environ": dict(os.environ)}}) + "\\n")
if sys.argv[1] == "venv":
    venv = pathlib.Path(sys.argv[-1])
    if "--clear" in sys.argv:
        shutil.rmtree(venv)
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/python").touch()
    sys.exit(0)
answer = answers[" ".join(sys.argv[1:3]) + (" --dry-run" if "--dry-run" in sys.argv else "")]
sys.stdout.write(answer.get("stdout", ""))
sys.stderr.write(answer.get("stderr", ""))
for name in answer.get("installs", []):
    venv = pathlib.Path(sys.argv[sys.argv.index("--python") + 1]).parents[1]
    (venv / "lib/python3.11/site-packages" / (name + ".dist-info")).mkdir(parents=True)
sys.exit(answer.get("status", 0))
"""


class FakeUv:
    """A uv on the PATH that answers with what was recorded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "uv"
        program.write_text(FAKE_UV.format(python=sys.executable, folder=str(folder)))
        program.chmod(0o755)

    def answers(self, **answers: Mapping[str, Any]) -> None:
        """Sets the answers to `pip compile`, `pip install` and `pip install --dry-run`."""
        named = {
            name.replace("_dry_run", " --dry-run").replace("_", " "): answer
            for name, answer in answers.items()
        }
        (self.folder / "answers.json").write_text(json.dumps(named))

    def calls(self) -> list[dict[str, Any]]:
        """Returns the calls so far."""
        log = self.folder / "calls.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


INSTALLED = {"stderr": recorded("install"), "installs": ["asgiref-3.8.1", "sqlparse-0.5.3"]}
FAILS = {"stderr": recorded("beat-and-django-6.1"), "status": 1}


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeUv:
    """A host with uv and no settings of pip's."""
    for name in os.environ:
        if name.startswith(("PIP_", "UV_", "XDG_")) or name == "SSL_CERT_FILE":
            monkeypatch.delenv(name)
    (tmp_path / "home").mkdir()
    (tmp_path / "path").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    fake = FakeUv(tmp_path / "path")
    fake.answers(pip_install=INSTALLED)
    return fake


def accept(python: Path) -> None:
    """Accepts an environment."""
    assert python.exists()


def refuse(python: Path) -> None:
    """Accepts none."""
    raise RuntimeError("the project does not load")


def test_a_new_environment(uv: FakeUv, wanted: _packages.Wanted) -> None:
    changes = _packages.install(wanted, False, accept)
    assert changes == ["+asgiref==3.8.1", "+sqlparse==0.5.3"]
    assert _packages.installed(wanted.venv) == {"asgiref": "3.8.1", "sqlparse": "0.5.3"}
    make, install = (call["arguments"] for call in uv.calls())
    assert make == ["venv", "--quiet", "--python", sys.executable, str(wanted.venv)]
    assert install[-3:] == [f"-r{wanted.files[0]}", *wanted.specs]
    assert install[install.index("--python") + 1] == str(wanted.venv / "bin/python")


def test_a_second_run_asks_nobody(uv: FakeUv, wanted: _packages.Wanted) -> None:
    _packages.install(wanted, False, accept)
    before = uv.calls()
    assert _packages.is_current(wanted)
    assert _packages.install(wanted, False, refuse) == []
    assert uv.calls() == before


@pytest.mark.parametrize("harm", ["requirement", "package", "record", "python", "more"])
def test_what_has_changed_is_seen(harm: str, uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path) -> None:
    _packages.install(wanted, False, accept)
    packages = wanted.venv / "lib/python3.11/site-packages"
    match harm:
        case "requirement":
            (tmp_path / "base.txt").write_text("asgiref>3\n")
        case "package":
            (packages / "asgiref-3.8.1.dist-info").rename(packages / "asgiref-3.9.0.dist-info")
        case "record":
            (wanted.venv / ".celeriac.json").write_text("{")
        case "python":
            (wanted.venv / "bin/python").unlink()
        case "more":
            (packages / "six-1.0.dist-info").mkdir()
    assert not _packages.is_current(wanted)


def test_an_upgrade_is_told(uv: FakeUv, wanted: _packages.Wanted) -> None:
    _packages.install(wanted, False, accept)
    uv.answers(pip_install={"stderr": recorded("upgrade")})
    changes = _packages.install(altered(wanted, specs=["celery>=5.8"]), False, accept)
    assert changes == ["-asgiref==3.8.1", "+asgiref==3.13.0"]
    assert _packages.is_current(altered(wanted, specs=["celery>=5.8"]))
    assert [call["arguments"][0] for call in uv.calls()] == ["venv", "pip", "pip"]


def test_another_wording_of_the_same_packages_changes_nothing(uv: FakeUv, wanted: _packages.Wanted) -> None:
    _packages.install(wanted, False, accept)
    uv.answers(pip_install={"stderr": recorded("nothing-to-do")})
    assert _packages.install(altered(wanted, specs=["celery<6,>=5.7"]), False, accept) == []


def test_an_environment_whose_python_went_away_is_made_anew(uv: FakeUv, wanted: _packages.Wanted) -> None:
    _packages.install(wanted, False, accept)
    (wanted.venv / "bin/python").unlink()
    shutil.rmtree(wanted.venv / "bin")
    shutil.rmtree(wanted.venv / "lib")
    assert _packages.install(wanted, False, accept)
    assert "--clear" in uv.calls()[2]["arguments"]


def test_a_check_of_a_new_environment_makes_nothing(
    uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path
) -> None:
    uv.answers(pip_compile={"stdout": "asgiref==3.8.1\n# a remark\nsqlparse==0.5.3\n"})
    changes = _packages.install(wanted, True, refuse)
    assert changes == ["+asgiref==3.8.1", "+sqlparse==0.5.3"]
    assert not (tmp_path / "state").exists()


def test_a_check_of_an_environment_is_a_dry_run(uv: FakeUv, wanted: _packages.Wanted) -> None:
    _packages.install(wanted, False, accept)
    uv.answers(pip_install_dry_run={"stderr": recorded("dry-run")})
    changes = _packages.install(altered(wanted, specs=["django"]), True, refuse)
    assert changes == ["+asgiref==3.13.0", "+django==5.2.19", "+sqlparse==0.6.1"]
    assert not _packages.is_current(altered(wanted, specs=["django"]))


@pytest.mark.parametrize(
    ("name", "changes"),
    [("local", ["+local-thing"]), ("reinstall", ["~asgiref==3.13.0"]), ("nothing-to-do", [])],
)
def test_all_kinds_of_changes_are_told(
    name: str, changes: list[str], uv: FakeUv, wanted: _packages.Wanted
) -> None:
    _packages.install(wanted, False, accept)
    uv.answers(pip_install_dry_run={"stderr": recorded(name)})
    assert _packages.install(altered(wanted, specs=["other"]), True, refuse) == changes


def test_what_cannot_be_solved_leaves_no_new_environment(
    uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path
) -> None:
    uv.answers(pip_install=FAILS)
    with pytest.raises(_packages.PackagesError, match=r"Django<6\.1"):
        _packages.install(wanted, False, accept)
    assert not (tmp_path / "state").exists()


def test_what_cannot_be_solved_is_known_to_a_check(uv: FakeUv, wanted: _packages.Wanted) -> None:
    uv.answers(pip_compile=FAILS)
    with pytest.raises(_packages.PackagesError, match=r"Django<6\.1"):
        _packages.install(wanted, True, refuse)


def test_a_failed_proof_leaves_no_new_environment(
    uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir()
    with pytest.raises(RuntimeError):
        _packages.install(wanted, False, refuse)
    assert list((tmp_path / "state").iterdir()) == []


def test_a_failure_leaves_an_old_environment_to_be_tried_again(uv: FakeUv, wanted: _packages.Wanted) -> None:
    _packages.install(wanted, False, accept)
    more = altered(wanted, specs=["django>=6.1"])
    uv.answers(pip_install=FAILS)
    with pytest.raises(_packages.PackagesError):
        _packages.install(more, False, accept)
    assert _packages.is_ours(wanted.venv)
    assert _packages.installed(wanted.venv) == {"asgiref": "3.8.1", "sqlparse": "0.5.3"}
    assert not _packages.is_current(more)


def test_an_environment_of_others_is_not_ours_to_remove(tmp_path: Path) -> None:
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/bin/python").touch()
    assert not _packages.is_ours(tmp_path / "venv")


@pytest.mark.parametrize("key", ["index-url", "index_url"])
@pytest.mark.parametrize("section", ["global", "install"])
def test_the_files_of_pip_are_read(
    section: str, key: str, uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path
) -> None:
    folder = tmp_path / "home/.config/pip"
    folder.mkdir(parents=True)
    (folder / "pip.conf").write_text(f"[{section}]\n{key} = https://mine.example/%7Euser\n")
    _packages.install(wanted, False, accept)
    assert uv.calls()[-1]["environ"]["UV_DEFAULT_INDEX"] == "https://mine.example/%7Euser"


def test_the_environment_of_pip_wins(
    uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://file.example\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_INDEX_URL", "https://environ.example")
    _packages.install(wanted, False, accept)
    assert uv.calls()[-1]["environ"]["UV_DEFAULT_INDEX"] == "https://environ.example"


# Where uv comes from


@pytest.fixture
def no_uv(uv: FakeUv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeUv:
    """A host without uv."""
    monkeypatch.setenv("PATH", str(tmp_path / "home"))
    return uv


def test_a_check_without_uv_tells_the_specs(no_uv: FakeUv, wanted: _packages.Wanted) -> None:
    assert _packages.install(wanted, True, refuse) == ["+celery>=5.7,<6", "+kombu>=5.7"]
    assert not wanted.tools.exists()


def test_the_own_copy_of_uv_is_used(no_uv: FakeUv, wanted: _packages.Wanted) -> None:
    wanted.tools.mkdir(parents=True)
    shutil.copy2(no_uv.folder / "uv", wanted.tools / "uv")
    assert _packages.install(wanted, False, accept)


def test_no_uv_and_no_pip_is_a_clear_error(no_uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path) -> None:
    with pytest.raises(_packages.PackagesError, match="python3-venv"):
        _packages.install(wanted, False, accept)
    assert not (tmp_path / "state").exists()


def test_a_pip_that_fails_is_told_and_leaves_nothing(
    no_uv: FakeUv, wanted: _packages.Wanted, tmp_path: Path
) -> None:
    python = tmp_path / "python3"
    python.write_text("#!/bin/sh\necho one >&2; echo two >&2; echo three >&2; echo four >&2; exit 1\n")
    python.chmod(0o755)
    broken = altered(wanted, interpreter=Interpreter(str(python), (3, 11, 2), has_ensurepip=True))
    with pytest.raises(_packages.PackagesError, match="package index: two / three / four"):
        _packages.install(broken, False, accept)
    assert not (tmp_path / "state").exists()


def test_versions_are_those_of_the_first_environment_with_django(tmp_path: Path) -> None:
    for venv, infos in (
        ("a", ["celery-5.4.0"]),
        ("b", ["Django-5.2.1", "celery-5.7.0"]),
        ("c", ["django-6.0"]),
    ):
        for info in infos:
            (tmp_path / venv / "lib/python3.11/site-packages" / f"{info}.dist-info").mkdir(parents=True)
    assert _packages.versions([str(tmp_path / venv) for venv in ("gone", "a", "b", "c")]) == {
        "django": "5.2.1",
        "celery": "5.7.0",
    }
    assert _packages.versions([str(tmp_path / "gone")]) == {}


def killed(wanted: _packages.Wanted, made: bool) -> None:
    """Leaves what a run leaves that was killed while uv was installing."""
    (wanted.venv / "bin").mkdir(parents=True, exist_ok=True)
    (wanted.venv / "bin/python").touch()
    (wanted.venv / ".celeriac.json").write_text(json.dumps({"made": made, "installing": True}))


def test_an_environment_that_was_torn_is_made_anew(uv: FakeUv, wanted: _packages.Wanted) -> None:
    killed(wanted, made=True)
    assert _packages.install(wanted, False, accept)
    assert "--clear" in uv.calls()[0]["arguments"]
    assert _packages.is_current(wanted)
    assert _packages.is_ours(wanted.venv)


def test_a_torn_environment_of_somebody_else_is_installed_again(uv: FakeUv, wanted: _packages.Wanted) -> None:
    killed(wanted, made=False)
    assert _packages.install(wanted, False, accept)
    assert [call["arguments"][0] for call in uv.calls()] == ["pip"]
    assert "--reinstall" in uv.calls()[0]["arguments"]
    assert not _packages.is_ours(wanted.venv)
