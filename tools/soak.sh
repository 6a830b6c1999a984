#!/usr/bin/env bash
# All faults under a steady load, as long as they take: see molecule/faults/faults.py. usage: soak.sh VENV
set -euo pipefail
cd "$(dirname "$0")/.."

tests/lab/setup.sh
# shellcheck source=tests/lab/env.sh
. tests/lab/env.sh
PATH="$PWD/$1/bin:$PATH"
inventory=(--inventory=molecule/faults/inventory)

quietly() {
  local log
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null || {
    cat "$log" >&2
    return 1
  }
  rm -f "$log"
}

trap 'quietly ansible-playbook "${inventory[@]}" molecule/default/destroy.yml' EXIT
echo "Making the hosts"
quietly ansible-playbook "${inventory[@]}" molecule/default/create.yml
quietly ansible-playbook "${inventory[@]}" molecule/faults/prepare.yml
quietly ansible-playbook "${inventory[@]}" molecule/faults/converge.yml
"$1/bin/python" molecule/faults/faults.py --all
