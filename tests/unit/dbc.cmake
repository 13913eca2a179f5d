cantwin_test(dbc_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/dbc_test.c DEPENDS dbc)
cantwin_test(codec_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/codec_test.c DEPENDS dbc)
foreach(name oracle probes)
    cantwin_test(${name}_test SUITE unit
        SOURCES ${CMAKE_CURRENT_LIST_DIR}/${name}_test.c ${CMAKE_CURRENT_LIST_DIR}/dbc_corpus.c
        DEPENDS dbc PACKAGES libzstd)
endforeach()
