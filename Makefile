# SPDX-License-Identifier: GPL-3.0-or-later
# What one does with a clone: `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

PYTHON ?= python3
# A second Python, for the other end of the ansible-cores that are supported; empty where the machine has none.
OTHER_PYTHON ?= $(shell tools/other-python "$(or $(wildcard .venv/bin/python),$(PYTHON))")
# The virtualenv with the newest ansible-core: its podman connection alone can pipeline.
NEWEST := $(if $(OTHER_PYTHON),$(shell "$(OTHER_PYTHON)" -c 'import sys; print(".venv-other" if sys.version_info >= (3, 12) else ".venv")'),.venv)
# How many parts of `make test` run at once.
JOBS ?= 1
# For the demo: a project of your own instead of the example, and whether that checkout itself is changed.
export PROJECT IN_PLACE FRESH SETTINGS SAME_DATABASE

PIP_TEST := -r requirements/test.txt -c requirements/constraints.txt
# Molecule and ansible-lint keep their copies of the collection inside the clone.
TOOLS_ENV := ANSIBLE_HOME="$(CURDIR)/.ansible" PATH="$(CURDIR)/.venv/bin:$$PATH"

.PHONY: help
help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: .venv/.demo-ready ## Celery for the example shop, or PROJECT=path (IN_PLACE=1 to change it): no root needed
	@.venv/bin/python tools/demo

.PHONY: install
install: .venv/.demo-ready ## Ansible in .venv, which finds this collection: all that the playbooks need

.PHONY: picture
picture: .venv/.demo-ready ## Draw docs/images/demo.svg from a real run of the demo
	@.venv/bin/python tools/record.py

.PHONY: test
test: machine ## Every test; JOBS=2 runs parts side by side
	@$(if $(OTHER_PYTHON),,echo "note: no other Python, so only one end of the supported ansible-cores is tested")
	@"$(PYTHON)" tools/parts.py --jobs $(JOBS) ready lint unit sanity collection demo-clone \
	  $(if $(OTHER_PYTHON),unit-other sanity-other demo-clone-other) molecule

.PHONY: lint
lint: .venv/.test-ready ## Style, types, Ansible's best practices, changelog
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/shellcheck --external-sources $$(git ls-files -co --exclude-standard -- .ci tests tools | xargs grep -lE '^#!.*\b(ba)?sh$$')
	$(TOOLS_ENV) ansible-lint --profile production --strict --offline
	$(TOOLS_ENV) antsibull-changelog lint

.PHONY: check
check: .venv/.test-ready ## What to run before each commit: style, types, unit tests
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/pytest -q -n auto

.PHONY: format
format: .venv/.test-ready ## Mend what ruff can mend
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

.PHONY: unit unit-other
unit: .venv/.test-ready ## Unit tests; ARGS="-k name" for some
	.venv/bin/pytest -n auto $(ARGS)
unit-other: .venv-other/.test-ready ## Unit tests with the other ansible-core
	.venv-other/bin/pytest -n auto $(ARGS)

.PHONY: sanity sanity-other
sanity: .venv/.test-ready ## ansible-test sanity; ARGS="--test validate-modules" for some
	tools/sanity .venv $(ARGS)
sanity-other: .venv-other/.test-ready ## ansible-test sanity with the other ansible-core
	tools/sanity .venv-other $(ARGS)

.PHONY: collection
collection: .venv/.test-ready .venv-docs/.ready ## Build the collection, install it in an empty place, use it there
	.venv/bin/pytest -n auto --durations=15 tests/integration $(ARGS)

.PHONY: demo-clone demo-clone-other
demo-clone: machine ## The demo as a stranger runs it, in a fresh copy with nothing installed
	tools/copy-tree .cache/demo-clone
	$(MAKE) -C .cache/demo-clone demo
demo-clone-other: machine ## The same with the other ansible-core
	tools/copy-tree .cache/demo-clone-other
	$(MAKE) -C .cache/demo-clone-other demo PYTHON="$(OTHER_PYTHON)"

# Those that take longest begin.
LONG := deploy faults first_hour hostile proof rabbitmq redis schedules
SCENARIOS := $(LONG) $(filter-out $(LONG),$(patsubst molecule/%/molecule.yml,%,$(wildcard molecule/*/molecule.yml)))
.PHONY: molecule lab $(addprefix molecule-,$(SCENARIOS))
molecule: ## Scenarios on real systemd hosts, two at once; SCENARIO=name for one, ARGS for molecule
	@"$(PYTHON)" tools/parts.py --jobs $(if $(SCENARIO),1,2) lab $(addprefix molecule-,$(or $(SCENARIO),$(SCENARIOS)))
lab: $(NEWEST)/.test-ready
	tests/lab/setup.sh
	tests/lab/images.sh
$(addprefix molecule-,$(SCENARIOS)): molecule-%:
	@. tests/lab/env.sh; PATH="$(CURDIR)/$(NEWEST)/bin:$$PATH" molecule test --scenario-name $* $(ARGS)

.PHONY: bench
bench: $(NEWEST)/.test-ready ## Measure: no-op and cold runs, the demo, tasks per second
	@tools/bench.sh $(NEWEST)

.PHONY: soak
soak: $(NEWEST)/.test-ready ## All faults under a steady load, takeovers of beat, results, deploys, kills: hours; SOAK=faults for some
	@tools/soak.sh $(NEWEST) $(SOAK)

.PHONY: changelog
changelog: .venv/.test-ready ## CHANGELOG.md for galaxy.yml's version from changelogs/fragments
	$(TOOLS_ENV) antsibull-changelog release --update-existing --reload-plugins

.PHONY: release
release: test ## After all tests: the changelog and the tarball of galaxy.yml's version, and what to push
	@tools/release

.PHONY: docs
docs: .venv-docs/.ready ## The site of the docs, offline, in build/docs
	@tools/docs .venv-docs build/docs

.PHONY: docs-tables
docs-tables: .venv/.demo-ready ## docs/reference: variables.md from the argument specs, refusals.md from checkouts
	.venv/bin/python tools/variables.py
	.venv/bin/python tests/unit/refusals.py

.PHONY: pins
pins: machine ## Pin anew what the tools of requirements/test.txt need themselves
	rm -rf .cache/pins
	$(PYTHON) -m venv .cache/pins
	.cache/pins/bin/pip install -qq -r requirements/test.txt
	{ grep '^#' requirements/constraints.txt; \
	  .cache/pins/bin/pip freeze --local -r requirements/test.txt | sed '1,/^##/d'; } > .cache/constraints.txt
	mv .cache/constraints.txt requirements/constraints.txt

.PHONY: clean
clean: ## Remove everything that the other targets made
	rm -rf .venv .venv-other .venv-docs build .ansible .cache .demo .hypothesis .mypy_cache .pytest_cache .ruff_cache tests/output

.PHONY: machine
machine:
	@tools/machine "$(PYTHON)"

.PHONY: ready
ready: .venv/.test-ready .venv-docs/.ready
	@$(if $(OTHER_PYTHON),$(MAKE) --no-print-directory .venv-other/.test-ready)

.venv/.demo-ready: requirements/demo.txt tools/make-venv
	@echo "Installing Ansible in .venv"
	@tools/make-venv .venv "$(PYTHON)" -r requirements/demo.txt
	@touch $@

.venv/.test-ready: requirements/test.txt requirements/constraints.txt .venv/.demo-ready | machine
	@echo "Installing the tools in .venv"
	@tools/make-venv .venv "$(PYTHON)" $(PIP_TEST)
	@touch $@

.venv-docs/.ready: requirements/docs.txt requirements/constraints.txt tools/make-venv | machine
	@echo "Installing what makes the docs in .venv-docs"
	@tools/make-venv .venv-docs "$(or $(OTHER_PYTHON),$(PYTHON))" -r requirements/docs.txt
	@touch $@

.venv-other/.test-ready: requirements/demo.txt requirements/test.txt requirements/constraints.txt tools/make-venv | machine
	@$(if $(OTHER_PYTHON),,echo "error: this machine has no Python for the other ansible-core" >&2; exit 1)
	@echo "Installing the tools in .venv-other"
	@tools/make-venv .venv-other "$(OTHER_PYTHON)" $(PIP_TEST)
	@touch $@
