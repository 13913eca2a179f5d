cantwin_test(crc_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/crc_test.c DEPENDS dbc)
foreach(name protect_e2e protect_makers protect_limits)
    cantwin_test(${name}_test SUITE unit
        SOURCES ${CMAKE_CURRENT_LIST_DIR}/${name}_test.c ${CMAKE_CURRENT_LIST_DIR}/protect_rig.c
        DEPENDS dbc)
endforeach()
cantwin_test(protection_file_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/protection_file_test.c
             DEPENDS protection_file)
cantwin_test(encode_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/encode_test.c DEPENDS dbc)
cantwin_test(encode_limits_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/encode_limits_test.c DEPENDS dbc)
cantwin_test(protect_window_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/protect_window_test.c DEPENDS dbc)
cantwin_test(bind_protect_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/bind_protect_test.c DEPENDS gateway_model)
