foreach(name obd obd_message uds_client_repeat uds_group uds_message uds_transfer)
    cantwin_test(${name}_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/${name}_test.c DEPENDS diagnostics)
endforeach()
cantwin_test(ecu_description_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/ecu_description_test.c DEPENDS ecu_file)
