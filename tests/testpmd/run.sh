#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# Runs the testpmd suites in network and mount namespaces of their own, bounded in time.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "testpmd: root is needed (TAP interfaces, a network namespace)" >&2; exit 1; }
run() {
	timeout --kill-after=5 "${SLUICE_TESTPMD_TIMEOUT:-$2}" unshare --net --mount bash -c '
		ip link set lo up
		export PYTHONPATH=tests/testpmd PYTHONDONTWRITEBYTECODE=1
		exec /usr/bin/python3 tests/testpmd/$0.py' "$1"
}
run suite 240
run xdp 400
