cantwin_fuzz(uds_client_fuzz DEPENDS diagnostics)
cantwin_fuzz(ecu_file_fuzz DEPENDS ecu_file)
