cantwin_test(uds_soak_test SUITE flow SOURCES ${CMAKE_CURRENT_LIST_DIR}/uds_soak_test.c DEPENDS diagnostics)
