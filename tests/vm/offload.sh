#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# offload.sh KERNEL TEST: in the virtual machine: the test of hardware-offload mode on netdevsim with its own maps, of
# two entries, and what is about flows with larger ones.
set -eu
kernel=$1 test=$2 bus=/sys/bus/netdevsim

# Loads a netdevsim and runs the test on a device of it.
on() {
	/run/busybox insmod "$kernel/$1.ko"
	echo '7 1' > $bus/new_device
	port=$(ls $bus/devices/netdevsim7/net)
	/run/busybox ip link set "$port" up
	"$test" "$port" /sys/kernel/debug/netdevsim/netdevsim7 "$2" $3
	/run/busybox rmmod netdevsim
	rm -rf /sys/fs/bpf/offload_test
}

on netdevsim 2 7
on netdevsim_large 64 ""
