#!/usr/bin/env bash
# Measures on a host of its own: see tests/bench/run.py. usage: bench.sh VENV
set -euo pipefail
cd "$(dirname "$0")/.."

tests/lab/setup.sh
# shellcheck source=tests/lab/env.sh
. tests/lab/env.sh
exec "$1/bin/python" tests/bench/run.py
