# The gateway's store and its commands: outbox and journal (adapters: files), command gate and executor (no I/O).
cantwin_module(gateway_outbox FOLDER gateway
    SOURCES outbox.c outbox_open.c outbox_lane.c outbox_lane_read.c outbox_segment.c outbox_state.c outbox_catalogue.c
    DEPENDS base base_files twin proto)
cantwin_module(gateway_journal FOLDER gateway SOURCES journal.c DEPENDS base base_files twin proto)
cantwin_module(gateway_command FOLDER gateway
    SOURCES command_gate.c executor.c executor_desired.c executor_functional.c executor_lease.c executor_tester.c executor_uds.c job.c reads.c
    DEPENDS base can twin diagnostics policy update proto)
target_link_libraries(gateway_command PUBLIC m)
