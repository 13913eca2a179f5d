add_executable(decode_bench ${CMAKE_CURRENT_LIST_DIR}/decode_bench.c)
target_link_libraries(decode_bench PRIVATE dbc cantwin_flags ${CMAKE_DL_LIBS})
