#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Measures what discovery costs, the memory of workers, and on hosts of their own runs of the playbook and tasks per second: see
# tests/bench. The numbers go into docs/measured.md. usage: bench.sh VENV
set -euo pipefail
cd "$(dirname "$0")/.."

tests/lab/setup.sh
# shellcheck source=tests/lab/env.sh
. tests/lab/env.sh
mkdir -p .cache/bench
{
  "$1/bin/python" tests/bench/discovery.py
  "$1/bin/python" tests/bench/run.py
  "$1/bin/python" tests/bench/hosts.py
  "$1/bin/python" tests/bench/memory/run.py .venv/bin/python "$1/bin/python"
  "$1/bin/python" tests/bench/throughput/run.py
} | tee .cache/bench/printed
exec "$1/bin/python" tests/bench/measured.py .cache/bench/printed
