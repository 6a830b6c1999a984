# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# The environment that podman, Molecule and ansible-playbook need for the test hosts.
# To be sourced, after setup.sh has run once on this machine, by bash from anywhere or
# by another shell from the repository's root:
#
#   . tests/lab/env.sh
#
# Sets CELERIAC_LAB (asked for by the playbooks that create and destroy hosts),
# ANSIBLE_HOME, MOLECULE_GLOB, PYTHONPATH and, where setup.sh found that podman's own defaults
# cannot start a systemd container, CONTAINERS_CONF.

CELERIAC_LAB=$PWD
[ -z "${BASH_SOURCE:-}" ] || CELERIAC_LAB=$(cd "$(dirname "$BASH_SOURCE")/../.." && pwd)

case "$(cat "$CELERIAC_LAB/.cache/lab/podman" 2>/dev/null)" in
  defaults) ;;
  containers.conf) export CONTAINERS_CONF="$CELERIAC_LAB/tests/lab/containers.conf" ;;
  *)
    unset CELERIAC_LAB
    echo "The test hosts are not set up: run tests/lab/setup.sh first." >&2
    return 1
    ;;
esac

export CELERIAC_LAB
# Ansible's and Molecule's caches stay inside the checkout.
export ANSIBLE_HOME="$CELERIAC_LAB/.ansible"
# Molecule would hint at every start that scenarios may also lie elsewhere.
export MOLECULE_GLOB='molecule/*/molecule.yml'
# What the scenarios' Python shares is the package `lab`: this folder.
export PYTHONPATH="$CELERIAC_LAB/tests${PYTHONPATH:+:$PYTHONPATH}"
