# SPDX-License-Identifier: BSD-3-Clause
# Sluice. `make help` lists the targets. Each folder adds its own rules in its rules.mk:
#   ALL        files that `make` builds
#   UNIT_TESTS cmocka programs, run by `make test-unit`
#   SUITES     names of test suites; suite NAME is the target test-NAME, run in the order of SUITE_ORDER
# Everything built goes below build/ and nothing else is written in the tree.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

B := build
PYTHON ?= /usr/bin/python3
CC := gcc
CXX := g++
CLANG ?= clang
VERILATOR ?= verilator
YOSYS ?= yosys
V ?= 0
JOBS ?= $(shell nproc)
# Before a recipe's first line: the target's name, so that a long build shows what it is at. V=1 shows commands instead.
Q = $(if $(filter 1,$(V)),,$(if $(filter $(SAID),$@),@,$(eval SAID := $@)@echo '  $@';))

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes
CFLAGS_BASE := -std=c11 -D_GNU_SOURCE -O2 -g $(WARN) -I$(B)/include -Iinclude -I. -MMD -MP
CFLAGS_TEST := $(CFLAGS_BASE) -O1 -fsanitize=address,undefined -fno-omit-frame-pointer

CONTRACT_H := $(B)/include/sluice/contract.h
REMEDIES_H := $(B)/include/sluice/remedies.h
CONTRACT_SV := $(B)/rtl/sl_pkg.sv
CONTRACT_MD := docs/reference/contract.md
CARD_MD := docs/reference/card.md
CONTRACT_SRC := $(wildcard include/contract/*.yaml) include/contract/generate.py

ALL :=
UNIT_TESTS :=
SUITES :=

# The generator writes only what changed, so that dependants rebuild only then.
$(B)/contract.stamp: $(CONTRACT_SRC)
	$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) include/contract/generate.py --c $(CONTRACT_H) --remedies $(REMEDIES_H) --sv $(CONTRACT_SV)
	$(Q)touch $@
$(CONTRACT_H) $(REMEDIES_H) $(CONTRACT_SV): $(B)/contract.stamp ;

RULES := $(wildcard include/rules.mk hw/*/rules.mk firmware/rules.mk driver/rules.mk sim/rules.mk host/rules.mk host/deploy/rules.mk \
	tests/rules.mk tests/*/rules.mk)
include $(RULES)

all: $(ALL) ## build everything
	@echo "built: $(words $(ALL)) targets below $(B)/"

help: ## this list
	@awk -F':.*## ' '/^[a-zA-Z0-9_-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST) | sort

deps: $(B)/deps.stamp ## install what is missing: Debian packages and the DPDK driver headers
$(B)/deps.stamp: .ci/packages.txt .ci/deps
	$(Q)mkdir -p $(B)
	$(Q).ci/deps
	$(Q)touch $@

docs: ## write the generated reference pages again
	$(Q)$(PYTHON) include/contract/generate.py --md $(CONTRACT_MD) --reasons docs/reference/reasons.md
	$(Q)$(PYTHON) -B hw/docs/card.py $(CARD_MD)

SUITE_ORDER ?= contract unit install fuzz lint synth formal vectors bpf cosim hbm mutants testpmd system
test: $(B)/deps.stamp ## install what is missing, build, and run every test suite with its time
	$(Q)$(MAKE) --no-print-directory -j$(JOBS) all $(UNIT_TESTS)
	$(Q)tests/run $(foreach s,$(SUITE_ORDER),$(if $(filter $(s),$(SUITES)),$(s)))

SUITES += unit
test-unit: $(UNIT_TESTS)
	$(Q)tests/run-unit $(UNIT_TESTS)

clean: ## remove everything built
	$(Q)rm -rf $(B)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
.PHONY: all help deps docs test test-unit clean
