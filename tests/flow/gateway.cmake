cantwin_test(telemetry_flow_test SUITE flow SOURCES ${CMAKE_CURRENT_LIST_DIR}/telemetry_flow_test.c
             DEPENDS can gateway_model gateway_batcher)
cantwin_test(storage_flow_test SUITE flow SOURCES ${CMAKE_CURRENT_LIST_DIR}/storage_flow_test.c DEPENDS gateway_app)
cantwin_test(bus_out_flow_test SUITE flow SOURCES ${CMAKE_CURRENT_LIST_DIR}/bus_out_flow_test.c DEPENDS gateway_app)
cantwin_test(bus_watch_flow_test SUITE flow SOURCES ${CMAKE_CURRENT_LIST_DIR}/bus_watch_flow_test.c DEPENDS gateway_app)
cantwin_test(reads_flow_test SUITE flow SOURCES ${CMAKE_CURRENT_LIST_DIR}/reads_flow_test.c DEPENDS gateway_app)
cantwin_test(addressing_flow_test SUITE flow SOURCES ${CMAKE_CURRENT_LIST_DIR}/addressing_flow_test.c
             DEPENDS gateway_settings gateway_command)
cantwin_test(own_dtcs_flow_test SUITE flow SOURCES ${CMAKE_CURRENT_LIST_DIR}/own_dtcs_flow_test.c DEPENDS gateway_app)
foreach(unit bus_power_flow_test bus_update_flow_test)
    cantwin_test(${unit} SUITE flow SOURCES ${CMAKE_CURRENT_LIST_DIR}/${unit}.c ${CMAKE_CURRENT_LIST_DIR}/power_rig.c
                 DEPENDS gateway_app)
    target_include_directories(${unit} PRIVATE ${CMAKE_CURRENT_LIST_DIR})
endforeach()
cantwin_test(bus_route_flow_test SUITE flow SOURCES ${CMAKE_CURRENT_LIST_DIR}/bus_route_flow_test.c
             DEPENDS gateway_app failing_malloc)
cantwin_test(memory_flow_test SUITE flow SOURCES ${CMAKE_CURRENT_LIST_DIR}/memory_flow_test.c
             DEPENDS gateway_app gateway_command gateway_journal diagnostics failing_malloc)
cantwin_test(memory_threads_flow_test SUITE flow SOURCES ${CMAKE_CURRENT_LIST_DIR}/memory_threads_flow_test.c
             DEPENDS gateway_app can failing_malloc)
