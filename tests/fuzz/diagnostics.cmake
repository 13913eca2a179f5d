cantwin_fuzz(isotp_fuzz DEPENDS diagnostics)
cantwin_fuzz(uds_server_fuzz DEPENDS uds_rig)
cantwin_fuzz(dtc_restore_fuzz DEPENDS uds_rig)
cantwin_fuzz(doip_fuzz DEPENDS diagnostics)
