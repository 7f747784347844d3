# SPDX-License-Identifier: BSD-3-Clause
# The RTL of the datapath: one file list for lint, simulation, synthesis and formal. RTL_SRC is what it names.
RTL_LIST := hw/rtl/sl_core.f
RTL_SRC := $(shell grep '^[a-z].*\.sv$$' $(RTL_LIST))

# The same with the host interface around it: sl_nic, what a board would place.
NIC_LIST := hw/rtl/sl_nic.f
NIC_SRC := $(shell grep '^[a-z].*\.sv$$' $(NIC_LIST)) $(RTL_SRC)

# The simulation libraries made of it.
include sim/engine_rtl/rules.mk
include sim/nic_rtl/rules.mk

# A source that was removed may still be named by an older build's dependencies: then that build is out of date.
hw/rtl/%.sv: ;
