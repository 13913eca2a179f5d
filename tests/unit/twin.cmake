foreach(unit catalogue twin plain command expr mapping desired)
    cantwin_test(${unit}_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/${unit}_test.c DEPENDS twin)
endforeach()

# What tests/interop/expr_property_test.py asks for the value of an expression.
add_executable(expr_eval ${CMAKE_CURRENT_LIST_DIR}/expr_eval.c)
target_link_libraries(expr_eval PRIVATE twin cantwin_flags)
