# Load for, and counts of, a whole gateway: gateway_bench.py.
add_executable(bus_load ${CMAKE_CURRENT_LIST_DIR}/bus_load.c)
target_link_libraries(bus_load PRIVATE can_hub base_clock cantwin_flags)
add_library(malloc_count SHARED ${PROJECT_SOURCE_DIR}/tests/tools/malloc_count.c)
target_link_libraries(malloc_count PRIVATE cantwin_flags)
