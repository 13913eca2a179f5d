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
# dbc/ once more with memory in tiny chunks, where each request of it is an allocation that can fail.
set(tiny_chunks)
foreach(target dbc dbc_tools protection_file)
    get_target_property(sources ${target} SOURCES)
    list(TRANSFORM sources PREPEND ${PROJECT_SOURCE_DIR}/dbc/)
    list(APPEND tiny_chunks ${sources})
endforeach()
foreach(source ${tiny_chunks}) # the flags of instruction sets
    get_source_file_property(options ${source} DIRECTORY ${PROJECT_SOURCE_DIR}/dbc COMPILE_OPTIONS)
    if(options)
        set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${options}")
    endif()
endforeach()
add_library(dbc_tiny_chunks STATIC ${tiny_chunks})
target_include_directories(dbc_tiny_chunks PUBLIC ${PROJECT_SOURCE_DIR}/dbc)
target_compile_definitions(dbc_tiny_chunks PRIVATE CT_CHUNK_SIZE=1)
target_link_libraries(dbc_tiny_chunks PUBLIC base base_config m PRIVATE cantwin_flags)
cantwin_test(dbc_memory_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/dbc_memory_test.c
    DEPENDS dbc_tiny_chunks failing_malloc)
cantwin_test(dbc_fault_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/dbc_fault_test.c DEPENDS dbc_tools)
# Measured by tests/bench/dbc_load_bench.py.
add_executable(dbc_load ${PROJECT_SOURCE_DIR}/tests/bench/dbc_load.c)
target_link_libraries(dbc_load PRIVATE dbc cantwin_flags)
cantwin_test(dbc_edges_test SUITE unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/dbc_edges_test.c ${CMAKE_CURRENT_LIST_DIR}/dbc_support.c DEPENDS dbc_tools)
