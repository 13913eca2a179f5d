cantwin_test(own_ecu_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/own_ecu_test.c DEPENDS gateway_own_ecu)
