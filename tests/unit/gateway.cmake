cantwin_test(bind_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/bind_test.c DEPENDS gateway_model)
cantwin_test(collect_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/collect_test.c DEPENDS gateway_model)
cantwin_test(live_test SUITE unit
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/live_test.c ${CMAKE_CURRENT_LIST_DIR}/live_model.c ${CMAKE_CURRENT_LIST_DIR}/dbc_corpus.c
    DEPENDS gateway_model PACKAGES libzstd)
foreach(unit routes_test routes_property_test)
    cantwin_test(${unit} SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/${unit}.c DEPENDS gateway_routes)
endforeach()
cantwin_test(routes_file_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/routes_file_test.c DEPENDS gateway_routes_file)
cantwin_test(anomaly_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/anomaly_test.c DEPENDS gateway_model)
cantwin_test(job_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/job_test.c DEPENDS gateway_command)
cantwin_test(reads_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/reads_test.c DEPENDS gateway_command)
