#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Measures what discovery costs, the memory of workers, and on hosts of their own runs of the playbook and tasks per second: see
# tests/bench. The numbers go into docs/measured.md, also where a part of it fails or takes too long, which is told at the end.
# All of it ends within 40 minutes. usage: bench.sh VENV
set -euo pipefail
cd "$(dirname "$0")/.."

tests/lab/setup.sh
# shellcheck source=tests/lab/env.sh
. tests/lab/env.sh
mkdir -p .cache/bench
rm -f .cache/bench/failed

# usage: piece SECONDS SCRIPT [ARGUMENT...]; interrupted, a script takes its hosts away.
piece() {
  local seconds=$1
  shift
  timeout --signal=INT --kill-after=60 "$seconds" "$python" "$@" || echo "$1 ended with status $?" >> .cache/bench/failed
}

python=$1/bin/python
{
  piece 60 tests/bench/discovery.py
  piece 720 tests/bench/run.py
  piece 540 tests/bench/hosts.py
  piece 480 tests/bench/memory/run.py .venv/bin/python "$python"
  piece 540 tests/bench/throughput/run.py
} | tee .cache/bench/printed
"$python" tests/bench/measured.py .cache/bench/printed
if [ -e .cache/bench/failed ]; then
  echo "error: not all of it was measured:" >&2
  cat .cache/bench/failed >&2
  exit 1
fi
