cantwin_test(bind_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/bind_test.c DEPENDS gateway_model)
cantwin_test(collect_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/collect_test.c DEPENDS gateway_model)
cantwin_test(live_test SUITE unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/live_test.c ${CMAKE_CURRENT_LIST_DIR}/live_model.c ${CMAKE_CURRENT_LIST_DIR}/dbc_corpus.c
    DEPENDS gateway_model PACKAGES libzstd)
