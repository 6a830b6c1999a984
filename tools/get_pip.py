# SPDX-License-Identifier: GPL-3.0-or-later
"""Installs pip with what Python brings, and then the version that is asked for.

Stands in for the get-pip script of ansible-test where that one is out of reach.
"""

from __future__ import annotations

import subprocess
import sys

requested = [arg for arg in sys.argv[1:] if not arg.startswith("--no-")]
# A process of its own, as ensurepip turns pip's configuration off in the one it runs in.
subprocess.check_call([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL)
subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", *requested])
