# Allocations are counted: nothing on the live path may allocate.
add_executable(live_bench ${CMAKE_CURRENT_LIST_DIR}/live_bench.c)
target_link_libraries(live_bench PRIVATE gateway_model cantwin_flags ${CMAKE_DL_LIBS})
target_link_options(live_bench PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc)
