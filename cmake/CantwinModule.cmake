# One target per folder (and one more per adapter), exporting only that folder.
#
#   cantwin_module(NAME FOLDER folder SOURCES a.c b.c DEPENDS other_targets... PACKAGES pkg-config names...)
#   cantwin_program(NAME FOLDER folder SOURCES ... DEPENDS ...)
#
# Folders have a rank; a target may depend only on folders of a lower rank (or its own folder). Sources are compiled with
# the include paths of their dependencies alone and include by bare file name, so a forbidden include does not compile.
find_package(PkgConfig REQUIRED)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

set(CANTWIN_RANK_base 0)
foreach(folder can dbc twin diagnostics)
    set(CANTWIN_RANK_${folder} 1)
endforeach()
set(CANTWIN_RANK_policy 2)
set(CANTWIN_RANK_update 2)
set(CANTWIN_RANK_proto 3)
foreach(folder gateway fleet sim)
    set(CANTWIN_RANK_${folder} 4)
endforeach()
set(CANTWIN_RANK_cli 5) # above the gateway: `cantwin bench` measures its way of a frame
set(CANTWIN_RANK_tests 6)
# Inside rank 1 one edge is wanted: diagnostics speaks in CAN frames.
set(CANTWIN_EDGES_diagnostics can)

add_library(cantwin_flags INTERFACE)
target_compile_definitions(cantwin_flags INTERFACE _GNU_SOURCE CANTWIN_VERSION="${PROJECT_VERSION}")
target_compile_options(cantwin_flags INTERFACE
    -Wall -Wextra -Werror -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith
    -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wswitch-enum -Wnull-dereference -Wdouble-promotion
    -fno-common -ffp-contract=off -fstack-protector-strong)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(cantwin_flags INTERFACE -Wlogical-op -Wduplicated-cond -Wduplicated-branches)
endif()
if(CANTWIN_CRASH_POINTS)
    target_compile_definitions(cantwin_flags INTERFACE CANTWIN_CRASH_POINTS)
endif()
if(CANTWIN_SANITIZE)
    add_compile_options(-fsanitize=${CANTWIN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${CANTWIN_SANITIZE})
endif()
if(CANTWIN_COVERAGE)
    add_compile_options(--coverage -fprofile-update=atomic) # threads count too
    add_link_options(--coverage)
endif()
if(CANTWIN_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

function(_cantwin_check_ranks name folder)
    foreach(dependency ${ARGN})
        get_target_property(other ${dependency} CANTWIN_FOLDER)
        if(NOT other OR other STREQUAL folder)
            continue()
        endif()
        if(other IN_LIST CANTWIN_EDGES_${folder})
            continue()
        endif()
        if(NOT CANTWIN_RANK_${other} LESS CANTWIN_RANK_${folder})
            message(FATAL_ERROR "${name} (${folder}/) must not depend on ${dependency} (${other}/): "
                                "dependencies point one way, see ARCHITECTURE.md")
        endif()
    endforeach()
endfunction()

# Packages found by pkg-config become imported targets, treated as system headers.
function(_cantwin_packages name visibility)
    foreach(package ${ARGN})
        string(MAKE_C_IDENTIFIER ${package} id)
        if(NOT TARGET PkgConfig::${id})
            pkg_check_modules(${id} REQUIRED IMPORTED_TARGET GLOBAL ${package})
        endif()
        target_link_libraries(${name} ${visibility} PkgConfig::${id})
    endforeach()
endfunction()

function(cantwin_module name)
    cmake_parse_arguments(ARG "" "FOLDER" "SOURCES;DEPENDS;PACKAGES" ${ARGN})
    _cantwin_check_ranks(${name} ${ARG_FOLDER} ${ARG_DEPENDS})
    add_library(${name} STATIC ${ARG_SOURCES})
    set_target_properties(${name} PROPERTIES CANTWIN_FOLDER ${ARG_FOLDER})
    target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR}/${ARG_FOLDER})
    target_link_libraries(${name} PUBLIC ${ARG_DEPENDS} PRIVATE cantwin_flags)
    _cantwin_packages(${name} PUBLIC ${ARG_PACKAGES})
endfunction()

function(cantwin_program name)
    cmake_parse_arguments(ARG "" "FOLDER" "SOURCES;DEPENDS;PACKAGES" ${ARGN})
    _cantwin_check_ranks(${name} ${ARG_FOLDER} ${ARG_DEPENDS})
    add_executable(${name} ${ARG_SOURCES})
    set_target_properties(${name} PROPERTIES CANTWIN_FOLDER ${ARG_FOLDER})
    target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} cantwin_flags Threads::Threads)
    _cantwin_packages(${name} PRIVATE ${ARG_PACKAGES})
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()
