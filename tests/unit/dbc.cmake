foreach(name dbc dbc_model dbc_forms dbc_hostile)
    cantwin_test(${name}_test SUITE unit
        SOURCES ${CMAKE_CURRENT_LIST_DIR}/${name}_test.c ${CMAKE_CURRENT_LIST_DIR}/dbc_support.c DEPENDS dbc)
endforeach()
cantwin_test(codec_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/codec_test.c DEPENDS dbc)
cantwin_test(probes_test SUITE unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/probes_test.c ${CMAKE_CURRENT_LIST_DIR}/dbc_corpus.c
    DEPENDS dbc PACKAGES libzstd)
foreach(name oracle oracle_encode)
    cantwin_test(${name}_test SUITE unit
        SOURCES ${CMAKE_CURRENT_LIST_DIR}/${name}_test.c ${CMAKE_CURRENT_LIST_DIR}/oracle_rows.c
                ${CMAKE_CURRENT_LIST_DIR}/dbc_corpus.c
        DEPENDS dbc PACKAGES libzstd)
endforeach()
cantwin_test(plan_test SUITE unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/plan_test.c ${CMAKE_CURRENT_LIST_DIR}/by_definition.c
            ${CMAKE_CURRENT_LIST_DIR}/oracle_rows.c ${CMAKE_CURRENT_LIST_DIR}/dbc_corpus.c
    DEPENDS dbc PACKAGES libzstd)
cantwin_test(dbc_memory_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/dbc_memory_test.c
    DEPENDS dbc_tools failing_malloc)
cantwin_test(dbc_fault_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/dbc_fault_test.c DEPENDS dbc_tools)
# Measured by tests/bench/dbc_load_bench.py.
add_executable(dbc_load ${PROJECT_SOURCE_DIR}/tests/bench/dbc_load.c)
target_link_libraries(dbc_load PRIVATE dbc cantwin_flags)
