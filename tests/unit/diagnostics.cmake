foreach(name isotp_send isotp_receive isotp_pair isotp_listen isotp_address isotp_flow uds uds_client uds_server)
    cantwin_test(${name}_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/${name}_test.c DEPENDS diagnostics)
endforeach()
