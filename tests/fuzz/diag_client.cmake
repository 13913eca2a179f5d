cantwin_fuzz(uds_client_fuzz DEPENDS diagnostics)
cantwin_fuzz(uds_group_fuzz DEPENDS diagnostics)
cantwin_fuzz(uds_steps_fuzz DEPENDS diagnostics)
cantwin_fuzz(ecu_file_fuzz DEPENDS ecu_file)
