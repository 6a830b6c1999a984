#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What takes long, on real hosts: all of it, or only what is named; one that fails stops no other. usage: soak.sh VENV
#   [faults] [cluster] [redis] [takeovers] [results] [deploy] [kills]
#   faults      all faults under a steady load: see molecule/faults/faults.py
#   cluster     a cluster of RabbitMQ loses a node under a load: see molecule/rabbitmq/faults.py
#   redis       a Redis that is full, or changes its password, under a load: see molecule/redis/faults.py
#   deploy      deploys that fail, are killed ten times (CELERIAC_KILLS), or lose a host, under a load: see molecule/deploy/soak
#   takeovers   twenty times, the active one of two beats is killed: see molecule/schedules/takeovers.py
#   kills       runs that are killed 200 times (CELERIAC_KILLS) at random moments, full disks, power cuts
#   results     every result backend, and the clean-up of a large table: see molecule/schedules/results.py
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$1
shift
[ $# -gt 0 ] || set -- faults cluster redis takeovers results deploy kills

tests/lab/setup.sh
# shellcheck source=tests/lab/env.sh
. tests/lab/env.sh
PATH="$PWD/$venv/bin:$PATH"

quietly() {
  local log
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null || {
    cat "$log" >&2
    return 1
  }
  rm -f "$log"
}

# on_hosts SCENARIO COMMAND... : a command on the converged hosts of a scenario, which go afterwards.
on_hosts() (
  scenario=molecule/$1
  shift
  inventory=(--inventory="$scenario/inventory")
  trap 'quietly ansible-playbook "${inventory[@]}" molecule/default/destroy.yml' EXIT
  echo "Making the hosts of $scenario"
  quietly ansible-playbook "${inventory[@]}" molecule/default/create.yml &&
    quietly ansible-playbook "${inventory[@]}" "$scenario/prepare.yml" &&
    quietly ansible-playbook "${inventory[@]}" "$scenario/converge.yml" &&
    "$@"
)

status=0
for soak in "$@"; do
  case $soak in
    faults) on_hosts faults "$venv/bin/python" molecule/faults/faults.py --all ;;
    cluster) on_hosts rabbitmq "$venv/bin/python" molecule/rabbitmq/faults.py --all ;;
    redis) on_hosts redis "$venv/bin/python" molecule/redis/faults.py --all ;;
    deploy) on_hosts deploy "$venv/bin/pytest" -q -s -p no:xdist molecule/deploy/soak ;;
    takeovers) on_hosts schedules "$venv/bin/python" molecule/schedules/takeovers.py --takeovers=20 ;;
    kills) CELERIAC_KILLS="${CELERIAC_KILLS:-200}" "$venv/bin/pytest" -q -s -p no:xdist tests/unit/module_utils/_runtime/test_interrupted.py \
      tests/integration/test_lifecycle.py -k "killed or power or full" ;;
    results) on_hosts schedules "$venv/bin/python" molecule/schedules/results.py ;;
    *)
      echo "There is no soak $soak: there are faults, cluster, redis, takeovers, results, deploy and kills." >&2
      exit 2
      ;;
  esac || status=1
done
exit "$status"
