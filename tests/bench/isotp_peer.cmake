add_executable(isotp_peer ${CMAKE_CURRENT_SOURCE_DIR}/tools/isotp_peer.c)
target_link_libraries(isotp_peer PRIVATE isotp_kernel can_ports base_clock cantwin_flags)
