cantwin_test(config_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/config_test.c DEPENDS base_config)
