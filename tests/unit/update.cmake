cantwin_test(envelope_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/envelope_test.c DEPENDS update)
cantwin_test(update_attack_test SUITE unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/update_attack_test.c ${CMAKE_CURRENT_LIST_DIR}/update_fixture.c DEPENDS update proto)
cantwin_test(update_trust_test SUITE unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/update_trust_test.c ${CMAKE_CURRENT_LIST_DIR}/update_fixture.c DEPENDS update proto)
cantwin_test(update_link_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/update_link_test.c DEPENDS proto)
cantwin_test(update_apply_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/update_apply_test.c DEPENDS update)
cantwin_test(update_edges_test SUITE unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/update_edges_test.c ${CMAKE_CURRENT_LIST_DIR}/update_fixture.c DEPENDS update proto)
cantwin_test(trust_file_test SUITE unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/trust_file_test.c ${CMAKE_CURRENT_LIST_DIR}/update_fixture.c
    DEPENDS update_trust_file proto)
cantwin_test(precondition_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/precondition_test.c DEPENDS update)
