#!/usr/bin/env bash
# The SocketCAN port's own cases (port_kernel_test.c), in the kernel this script runs in.
exec "${CANTWIN_TEST_BIN:?run by tests/run.sh}/port_kernel_test"
