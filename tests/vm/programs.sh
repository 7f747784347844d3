#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# programs.sh TESTS OBJECTS CORPUS: in the virtual machine: what `make test-bpf` has in this machine's kernel, but for
# the random rules of its named_test, which take minutes there.
set -eu
tests=$1 objects=$2 corpus=$3
uname -sr
"$tests/decap_test" "$objects/decap.bpf.o" "$objects/clamp.bpf.o" "$tests/decap.json"
"$tests/adopt_test"
"$tests/first_test" "$objects/sluice.bpf.o"
"$tests/xdp_test" "$objects/sluice.bpf.o" "$tests/stage_table.bpf.o" "$corpus" "$objects/offload.bpf.o"
