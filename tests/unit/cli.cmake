cantwin_test(enrol_token_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/enrol_token_test.c DEPENDS cli_enrol)
