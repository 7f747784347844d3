# SPDX-License-Identifier: BSD-3-Clause
# The card in a public FPGA shell, Corundum (docs/shell.md). `make lint` includes it; the test is in tests/rtl.
# SHELL_STUB_LIST has the shell's side too: ports of three of its modules, for lint alone.
SHELL_LIST := hw/shell/sl_corundum.f
SHELL_STUB_LIST := hw/shell/stub/corundum_stub.f
SHELL_SRC := $(shell grep -h '^hw/shell.*\.sv$$' $(SHELL_LIST) $(SHELL_STUB_LIST))
