cantwin_fuzz(isotp_fuzz DEPENDS diagnostics)
cantwin_fuzz(uds_server_fuzz DEPENDS diagnostics)
