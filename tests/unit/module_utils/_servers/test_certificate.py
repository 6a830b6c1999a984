# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A certificate is refused before a server that cannot read it has it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ansible_collections.celeriac.django.plugins.module_utils._servers import certificate


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two certificates and their keys, and a key with a passphrase."""
    program = shutil.which("openssl")
    if not program:
        pytest.skip("this machine has no openssl")
    tmp_path = tmp_path_factory.mktemp("certificates")
    for name in ("one", "two"):
        files = ["-keyout", f"{name}.key", "-out", f"{name}.crt"]
        new = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-subj",
            f"/CN={name}",
            *files,
        ]
        subprocess.run([program, *new], cwd=tmp_path, check=True, capture_output=True)
    locked = ["ec", "-aes256", "-passout", "pass:secret", "-in", "one.key", "-out", "locked.key"]
    subprocess.run([program, *locked], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def test_a_pair_can_be_used(folder: Path) -> None:
    assert certificate.problem(str(folder / "one.crt"), str(folder / "one.key")) == ""


@pytest.mark.parametrize(
    ("file", "key", "why"),
    [
        ("one.crt", "two.key", "KEY_VALUES_MISMATCH"),
        ("one.crt", "locked.key", ""),
        ("none.crt", "one.key", "No such file"),
        ("one.key", "one.key", "PEM"),
    ],
)
def test_what_a_server_could_not_use_has_a_reason(folder: Path, file: str, key: str, why: str) -> None:
    told = certificate.problem(str(folder / file), str(folder / key))
    assert told
    assert why in told
