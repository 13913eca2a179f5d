cantwin_test(uds_soak_test SUITE flow SOURCES ${CMAKE_CURRENT_LIST_DIR}/uds_soak_test.c DEPENDS diagnostics)
if(NOT CMAKE_CROSSCOMPILING) # it starts the program
    cantwin_test(diag_st_min_test SUITE flow SOURCES ${CMAKE_CURRENT_LIST_DIR}/diag_st_min_test.c DEPENDS can_hub base_clock base)
    target_compile_definitions(diag_st_min_test PRIVATE CANTWIN_PROGRAM="$<TARGET_FILE:cantwin>")
    add_dependencies(diag_st_min_test cantwin)
endif()
