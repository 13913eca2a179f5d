# Run by tests/run.sh in a kernel that has CAN, not by ctest's suites.
cantwin_test(port_kernel_test SUITE kernel SOURCES ${CMAKE_CURRENT_LIST_DIR}/port_kernel_test.c DEPENDS can_socketcan)
target_link_options(port_kernel_test PRIVATE -Wl,--wrap=send)
