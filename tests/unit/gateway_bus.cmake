cantwin_test(bus_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/bus_test.c DEPENDS gateway_app)
cantwin_test(storage_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/storage_test.c DEPENDS gateway_app)
cantwin_test(bus_entries_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/bus_entries_test.c DEPENDS gateway_model)
cantwin_test(power_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/power_test.c DEPENDS gateway_model gateway_power)
