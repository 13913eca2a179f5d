set(GATEWAY_STORE_DIR ${CMAKE_CURRENT_LIST_DIR})
foreach(unit outbox_test outbox_damage_test outbox_quota_test outbox_full_test)
    cantwin_test(${unit} SUITE unit SOURCES ${GATEWAY_STORE_DIR}/${unit}.c DEPENDS gateway_outbox)
endforeach()
cantwin_test(journal_test SUITE unit SOURCES ${GATEWAY_STORE_DIR}/journal_test.c DEPENDS gateway_journal)
cantwin_test(outbox_memory_test SUITE unit SOURCES ${GATEWAY_STORE_DIR}/outbox_memory_test.c
             DEPENDS gateway_outbox failing_malloc)
