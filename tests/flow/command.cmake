foreach(unit command_flow_test command_refused_test functional_flow_test lease_flow_test)
    cantwin_test(${unit} SUITE flow SOURCES ${CMAKE_CURRENT_LIST_DIR}/${unit}.c DEPENDS gateway_command gateway_journal)
endforeach()
