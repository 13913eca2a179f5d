add_executable(uds_bench ${CMAKE_CURRENT_LIST_DIR}/uds_bench.c)
target_link_libraries(uds_bench PRIVATE diagnostics can_ports base_clock cantwin_flags)
