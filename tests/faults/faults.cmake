# Parts of the campaigns in this folder that are not scripts.
add_executable(power_cut ${CMAKE_CURRENT_LIST_DIR}/power_cut.c)
target_link_libraries(power_cut PRIVATE gateway_outbox fleet_log cantwin_flags)
add_library(fail_io SHARED ${CMAKE_CURRENT_LIST_DIR}/fail_io.c)
target_link_libraries(fail_io PRIVATE ${CMAKE_DL_LIBS} cantwin_flags)
