# SPDX-License-Identifier: BSD-3-Clause
# sluiced (the agent) and sluice (the command line).
HOST_DATA_SRC := $(addprefix host/,conn.c state.c)
HOST_CONTROL_SRC :=
HOST_CFLAGS = $(CFLAGS_BASE) $(shell pkg-config --cflags libdpdk) -DALLOW_EXPERIMENTAL_API
