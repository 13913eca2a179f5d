cantwin_test(policy_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/policy_test.c DEPENDS policy)
cantwin_test(policy_file_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/policy_file_test.c DEPENDS policy_file)
cantwin_test(arbiter_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/arbiter_test.c DEPENDS policy)
