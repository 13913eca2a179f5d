# Run by tests/run.sh in a kernel that has CAN, not by ctest's suites.
foreach(unit port link)
  cantwin_test(${unit}_kernel_test SUITE kernel
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/${unit}_kernel_test.c ${CMAKE_CURRENT_LIST_DIR}/kernel_rig.c DEPENDS can_socketcan)
  target_include_directories(${unit}_kernel_test PRIVATE ${CMAKE_CURRENT_LIST_DIR})
endforeach()
target_link_options(port_kernel_test PRIVATE -Wl,--wrap=send)
