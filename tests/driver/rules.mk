# SPDX-License-Identifier: BSD-3-Clause
# Unit tests of the driver: its files compiled again with the sanitizers, against stand-ins for the card.
SL_DRIVER_TESTS := flow_test flows_test actions_test rules_test prefixes_test admin_test bus_test xdp_table_test
SL_DRIVER_TEST_BIN := $(SL_DRIVER_TESTS:%=$(B)/tests/driver/%)
SL_DRIVER_TEST_CFLAGS = $(CFLAGS_TEST) -isystem $(B)/dpdk-headers $(subst -I/,-isystem /,$(SL_DPDK_CFLAGS))
UNIT_TESTS += $(SL_DRIVER_TEST_BIN)

SL_DRIVER_FLOW_SRC := $(wildcard driver/flow/*.c)
$(B)/tests/driver/flow_test: $(SL_DRIVER_FLOW_SRC) driver/fpga/compile.c
$(B)/tests/driver/flows_test: driver/fpga/flows.c
$(B)/tests/driver/actions_test: driver/fpga/actions.c
$(B)/tests/driver/rules_test: driver/fpga/rules.c
$(B)/tests/driver/prefixes_test: driver/fpga/prefixes.c driver/fpga/rules.c hw/model/prefix.c hw/model/class.c
$(B)/tests/driver/admin_test: driver/fpga/admin.c driver/fpga/flowq.c driver/fpga/queue.c
$(B)/tests/driver/xdp_table_test: driver/xdp/table.c
$(B)/tests/driver/bus_test: driver/fpga/bus_socket.c

$(SL_DRIVER_TEST_BIN): $(B)/tests/driver/%: tests/driver/%.c $(wildcard driver/*/*.h) $(MODEL_H) $(CONTRACT_H) | $(SL_DPDK_HEADERS)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(SL_DRIVER_TEST_CFLAGS) -MF $@.d $(filter %.c,$^) -o $@ $(SL_DPDK_LIBS) -lcmocka
