# SPDX-License-Identifier: BSD-3-Clause
# Unit tests of the agent and the command lines.
T_HOST := $(B)/tests/host

# -- the control side ------------------------------------------------------------------------------------------------
T_HOST_CONTROL := $(patsubst host/%.c,$(T_HOST)/control/%.o,$(HOST_CONTROL_SRC))

T_HOST_CONTROL_TESTS := $(addprefix $(T_HOST)/,config_test service_test health_test nexthop_test \
	control_test)
UNIT_TESTS += $(T_HOST_CONTROL_TESTS)

$(T_HOST)/control/%.o: host/%.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -c -o $@ $<

$(T_HOST)/control/%_test.o: tests/host/%_test.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -c -o $@ $<

$(T_HOST_CONTROL_TESTS): $(T_HOST)/%: $(T_HOST)/control/%.o $(T_HOST_CONTROL)
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $^ $(HOST_CONTROL_LIBS) -lcmocka

$(T_HOST)/control_test $(T_HOST)/doctor_test: | $(SLUICE)

UNIT_TESTS += $(T_HOST)/doctor_test
$(T_HOST)/doctor_test: tests/host/doctor_test.c host/doctor_wire.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $(filter %.c,$^) -lcmocka

UNIT_TESTS += $(T_HOST)/decap_options_test
$(T_HOST)/decap_options_test: tests/host/decap_options_test.c host/decap_options.c host/address.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $(filter %.c,$^) -lcmocka

# -- the data side ---------------------------------------------------------------------------------------------------
T_HOST_DATA := $(patsubst host/%.c,$(T_HOST)/data/%.o,$(HOST_DATA_SRC))
T_HOST_MODEL := $(patsubst hw/model/%.c,$(T_HOST)/model/%.o,$(MODEL_SRC))
t_data = $(addprefix $(T_HOST)/data/,$(1))

UNIT_TESTS += $(T_HOST)/egress_test $(T_HOST)/fragments_test $(T_HOST)/conn_test $(T_HOST)/bond_test $(T_HOST)/fastpath_test $(T_HOST)/sources_test \
	$(T_HOST)/offload_test $(T_HOST)/vectors_software \
	$(T_HOST)/flow_rule_test

$(T_HOST)/data/%.o: host/%.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) $(DPDK_CFLAGS) -DALLOW_EXPERIMENTAL_API -c -o $@ $<

$(T_HOST)/data/%_test.o: tests/host/%_test.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) $(DPDK_CFLAGS) -DALLOW_EXPERIMENTAL_API -c -o $@ $<

$(T_HOST)/model/%.o: hw/model/%.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -c -o $@ $<

$(T_HOST)/conn_test: $(call t_data,conn_test.o conn.o conn_parts.o state.o) $(T_HOST_MODEL)
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $^ -lcmocka

$(T_HOST)/sources_test: $(call t_data,sources_test.o sources.o conn.o conn_parts.o) $(T_HOST_MODEL)
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $^ -lcmocka

$(T_HOST)/fragments_test: $(call t_data,fragments_test.o fragments.o) $(T_HOST_MODEL)
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $^ -lcmocka

UNIT_TESTS += $(T_HOST)/eal_test
$(T_HOST)/eal_test: $(call t_data,eal_test.o eal_need.o)
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $^ -lcmocka

$(T_HOST)/bond_test: $(call t_data,bond_test.o bond.o) $(T_HOST_CONTROL)
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $^ $(HOST_CONTROL_LIBS) -lcmocka

UNIT_TESTS += $(T_HOST)/places_test $(T_HOST)/learn_test $(T_HOST)/first_test
$(T_HOST)/places_test: $(call t_data,places_test.o places.o)
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $^ -lcmocka

$(T_HOST)/first_test: $(call t_data,first_test.o first.o $(SLOW_PARTS)) $(T_HOST_CONTROL) $(T_HOST_MODEL)
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $^ $(HOST_CONTROL_LIBS) -lcmocka

$(T_HOST)/learn_test: $(call t_data,learn_test.o learn.o $(SLOW_PARTS)) $(T_HOST_CONTROL) $(T_HOST_MODEL)
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $^ $(DPDK_LIBS) $(HOST_CONTROL_LIBS) -lcmocka

T_HOST_SLOW_TESTS := $(addprefix $(T_HOST)/,slowpath_test slowpath_fragments_test slowpath_icmp_test slowpath_mss_test slowpath_admission_test slowpath_fullnat_test)
UNIT_TESTS += $(T_HOST_SLOW_TESTS)
$(T_HOST_SLOW_TESTS): $(T_HOST)/%: $(T_HOST)/data/%.o $(call t_data,$(SLOW_PARTS)) $(T_HOST_CONTROL) $(T_HOST_MODEL)
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $^ $(HOST_CONTROL_LIBS) -lcmocka

UNIT_TESTS += $(T_HOST)/shed_test $(T_HOST)/shed_workers_test
$(T_HOST)/fastpath_test $(T_HOST)/shed_test $(T_HOST)/shed_workers_test: $(T_HOST)/%: $(call t_data,%.o fastpath.o $(SLOW_PARTS)) $(T_HOST_CONTROL) $(T_HOST_MODEL)
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $^ $(HOST_CONTROL_LIBS) -lcmocka

$(T_HOST)/egress_test: $(call t_data,egress_test.o egress.o bond.o kernel.o) $(T_HOST_CONTROL) $(T_HOST_MODEL)
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $^ $(HOST_CONTROL_LIBS) -lcmocka

$(T_HOST)/flow_rule_test: $(call t_data,flow_rule_test.o flow_rule.o) $(T_HOST_CONTROL) $(T_HOST_MODEL)
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $^ $(DPDK_LIBS) $(HOST_CONTROL_LIBS) -lcmocka

# The vector corpus on the software path (VECTORS_* are tests/vectors').
$(call t_data,vectors_software.o agent.o): $(T_HOST)/data/%.o: tests/host/%.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -c -o $@ $<

$(T_HOST)/vectors_software: $(call t_data,vectors_software.o agent.o fastpath.o conn.o conn_parts.o slowpath.o slowpath_beside.o shed.o adopt.o admission.o classify.o cut.o fragments.o icmp.o mss.o places.o reply.o sources.o) $(T_HOST)/control/address.o $(T_HOST)/control/log.o \
		$(T_HOST)/data/load.o $(T_HOST_MODEL) | $(B)/vectors/corpus.json
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $^ -ljansson

$(T_HOST)/data/load.o: tests/vectors/load.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) -c -o $@ $<

$(T_HOST)/data/fake_driver.o: tests/host/fake_driver.c $(CONTRACT_H)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_TEST) $(DPDK_CFLAGS) -DALLOW_EXPERIMENTAL_API -c -o $@ $<

$(T_HOST)/offload_test: $(call t_data,offload_test.o fake_driver.o offload.o bond.o ways.o classes.o probe.o hops.o meters.o flow_rule.o conn.o conn_parts.o slowpath.o slowpath_beside.o shed.o adopt.o admission.o classify.o cut.o fragments.o icmp.o mss.o egress.o \
		first.o learn.o places.o tunnels.o port_info.o reply.o refusal.o returns.o kernel.o sources.o) $(T_HOST_CONTROL) $(T_HOST_MODEL)
	$(Q)$(CC) $(CFLAGS_TEST) -o $@ $^ $(DPDK_LIBS) $(HOST_CONTROL_LIBS) -lcmocka -lpthread
