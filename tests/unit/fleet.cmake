cantwin_test(ingest_log_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/ingest_log_test.c DEPENDS fleet_log base_files)
cantwin_test(history_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/history_test.c DEPENDS fleet_store base_files)
cantwin_test(positions_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/positions_test.c DEPENDS fleet_store base_files)
cantwin_test(tokens_test SUITE unit SOURCES ${CMAKE_CURRENT_LIST_DIR}/tokens_test.c DEPENDS fleet_core)
