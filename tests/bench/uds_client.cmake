add_executable(uds_load ${CMAKE_CURRENT_LIST_DIR}/uds_load.c)
target_link_libraries(uds_load PRIVATE diagnostics can_ports base_clock cantwin_flags)
