cantwin_test(json_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/json_test.c DEPENDS base PACKAGES libcjson)
