cantwin_fuzz(record_fuzz DEPENDS proto)
cantwin_fuzz(link_fuzz DEPENDS proto)
cantwin_fuzz(command_fuzz DEPENDS proto)
cantwin_fuzz(peers_fuzz DEPENDS proto_keys)
