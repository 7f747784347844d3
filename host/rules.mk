# SPDX-License-Identifier: BSD-3-Clause
# sluiced (the agent), sluice (the command line) and sluice-decap (for backends).
HOST_DATA_SRC := $(addprefix host/,admission.c adopt.c bond.c classes.c classify.c conn.c conn_parts.c cut.c eal.c eal_need.c egress.c fastpath.c flow_rule.c fragments.c gratuitous.c first.c hops.c \
	icmp.c images.c kernel.c learn.c meters.c mss.c \
	offload.c places.c port.c port_info.c port_view.c probe.c receive.c refusal.c reply.c returns.c shed.c slowpath.c slowpath_beside.c sources.c state.c tunnels.c view.c ways.c worker.c)
# The slow path with all that it calls, for those who link it without the rest.
SLOW_PARTS := conn.o conn_parts.o slowpath.o slowpath_beside.o shed.o adopt.o admission.o classify.o cut.o fragments.o icmp.o mss.o places.o egress.o bond.o reply.o kernel.o sources.o
HOST_CONTROL_SRC := $(addprefix host/,address.c config.c config_check.c config_fullnat.c config_ports.c config_reader.c config_schema.c control.c \
	control_commands.c control_socket.c control_update.c control_view.c health.c last_health.c log.c maglev.c nexthop.c path_mtu.c records.c retired.c \
	service.c service_index.c)
HOST_CONTROL_LIBS := -lyaml -luv -lmnl -ljansson -lurcu-qsbr
DPDK_CFLAGS := $(shell pkg-config --cflags libdpdk 2>/dev/null)
DPDK_LIBS := $(shell pkg-config --libs libdpdk 2>/dev/null)
HOST_CFLAGS = $(CFLAGS_BASE) $(DPDK_CFLAGS) -DALLOW_EXPERIMENTAL_API

# -- sluiced ---------------------------------------------------------------------------------------------------------
SLUICED := $(B)/bin/sluiced
SLUICED_OBJ = $(patsubst %.c,$(B)/%.o,$(HOST_DATA_SRC) $(HOST_CONTROL_SRC) host/main.c)
ALL += $(SLUICED)

$(B)/host/%.o: host/%.c $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(HOST_CFLAGS) -c $< -o $@

$(SLUICED): $(SLUICED_OBJ) $(MODEL_LIB)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -o $@ $^ $(DPDK_LIBS) -lrte_bus_vdev $(HOST_CONTROL_LIBS) -ldl -lpthread

# -- sluice ----------------------------------------------------------------------------------------------------------
# The command line links no DPDK, so that `sluice doctor` can say that it is missing.
SLUICE := $(B)/bin/sluice
SLUICE_SRC := $(addprefix host/,address.c cli.c cli_client.c cli_show.c cli_table.c cli_update.c config.c config_check.c config_fullnat.c config_ports.c config_reader.c \
	config_schema.c doctor.c doctor_wire.c eal_need.c)
SLUICE_OBJ := $(patsubst host/%.c,$(B)/host/cli/%.o,$(SLUICE_SRC))
ALL += $(SLUICE)

$(B)/host/cli/%.o: host/%.c $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) -c $< -o $@

$(SLUICE): $(SLUICE_OBJ)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -o $@ $^ -lyaml -ljansson -ldl

# -- sluice-decap ----------------------------------------------------------------------------------------------------
# A backend's program: neither DPDK nor an agent; the BPF objects are within it.
DECAP := $(B)/bin/sluice-decap
DECAP_SRC := $(addprefix host/,address.c cli_table.c decap.c decap_options.c decap_programs.c decap_show.c decap_state.c)
DECAP_OBJ := $(patsubst host/%.c,$(B)/host/cli/%.o,$(DECAP_SRC)) $(B)/host/decap_objects.o $(XDP_ATTACH)
DECAP_LIBS := -lxdp -lbpf -lmnl -ljansson
ALL += $(DECAP)

$(B)/host/decap_objects.o: host/decap_objects.S $(B)/hw/xdp/decap.bpf.o $(B)/hw/xdp/clamp.bpf.o
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -Wa,-I$(B) -c $< -o $@

$(DECAP): $(DECAP_OBJ)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -o $@ $^ $(DECAP_LIBS)
