add_executable(decode_bench ${CMAKE_CURRENT_LIST_DIR}/decode_bench.c)
target_link_libraries(decode_bench PRIVATE dbc cantwin_flags ${CMAKE_DL_LIBS})
add_executable(history_bench ${CMAKE_CURRENT_LIST_DIR}/history_bench.c)
target_link_libraries(history_bench PRIVATE fleet_store cantwin_flags)
