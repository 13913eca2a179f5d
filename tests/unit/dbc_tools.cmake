foreach(name lint diff write)
    cantwin_test(${name}_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/${name}_test.c DEPENDS dbc_tools)
endforeach()
