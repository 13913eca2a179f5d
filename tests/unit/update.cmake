cantwin_test(envelope_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/envelope_test.c DEPENDS update)
