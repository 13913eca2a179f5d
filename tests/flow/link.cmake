cantwin_test(link_test SUITE flow SOURCES ${CMAKE_CURRENT_LIST_DIR}/link_test.c DEPENDS proto)
cantwin_test(link_memory_test SUITE flow SOURCES ${CMAKE_CURRENT_LIST_DIR}/link_memory_test.c DEPENDS proto failing_malloc)
