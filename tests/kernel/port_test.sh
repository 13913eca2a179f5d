#!/usr/bin/env bash
# The SocketCAN port's own cases (*_kernel_test.c), in the kernel this script runs in.
status=0
for unit in port link; do
    "${CANTWIN_TEST_BIN:?run by tests/run.sh}/${unit}_kernel_test" || status=1
done
exit $status
