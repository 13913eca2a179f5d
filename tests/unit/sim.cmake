cantwin_test(sim_plant_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/sim_plant_test.c DEPENDS sim)
cantwin_test(sim_car_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/sim_car_test.c DEPENDS sim base_files protection_file)
cantwin_test(sim_vehicle_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/sim_vehicle_test.c
             DEPENDS base_files dbc twin policy_file gateway_model)
cantwin_test(sim_diag_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/sim_diag_test.c DEPENDS sim)
