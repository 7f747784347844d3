# SPDX-License-Identifier: BSD-3-Clause
# sluiced (the agent) and sluice (the command line).
HOST_DATA_SRC := $(addprefix host/,conn.c state.c)
HOST_CONTROL_SRC := $(addprefix host/,address.c config.c config_check.c config_reader.c config_schema.c control.c \
	control_commands.c control_socket.c control_view.c health.c log.c maglev.c nexthop.c service.c service_index.c)
HOST_CONTROL_LIBS := -lyaml -luv -lmnl -ljansson -lurcu-qsbr
HOST_CFLAGS = $(CFLAGS_BASE) $(shell pkg-config --cflags libdpdk) -DALLOW_EXPERIMENTAL_API
