# A backend without sockets and threads, joined to a toy vehicle by two queues.
add_library(toy_vehicle STATIC ${PROJECT_SOURCE_DIR}/tests/tools/toy_vehicle.c)
target_include_directories(toy_vehicle PUBLIC ${PROJECT_SOURCE_DIR}/tests/tools)
target_link_libraries(toy_vehicle PUBLIC proto twin update base PRIVATE cantwin_flags)
add_library(fleet_world STATIC ${CMAKE_CURRENT_LIST_DIR}/fleet_world.c)
target_include_directories(fleet_world PUBLIC ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries(fleet_world PUBLIC toy_vehicle fleet_core PkgConfig::cmocka PRIVATE cantwin_flags)
foreach(unit fleet_flow_test fleet_crash_test fleet_soak_test fleet_api_test fleet_access_test fleet_loss_test)
    cantwin_test(${unit} SUITE flow SOURCES ${CMAKE_CURRENT_LIST_DIR}/${unit}.c DEPENDS fleet_world
                 PACKAGES libcjson)
endforeach()
add_executable(test_vehicle ${PROJECT_SOURCE_DIR}/tests/tools/test_vehicle.c)
target_link_libraries(test_vehicle PRIVATE toy_vehicle proto_zmq proto_keys base_clock cantwin_flags)
set_target_properties(test_vehicle PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
cantwin_test(fleet_rollout_test SUITE flow
    SOURCES ${CMAKE_CURRENT_LIST_DIR}/fleet_rollout_test.c ${CMAKE_CURRENT_LIST_DIR}/../unit/update_fixture.c
    DEPENDS fleet_core)
target_include_directories(fleet_rollout_test PRIVATE ${CMAKE_CURRENT_LIST_DIR}/../unit)
