cantwin_fuzz(candump_fuzz DEPENDS can)
cantwin_fuzz(udp_codec_fuzz DEPENDS can)
cantwin_fuzz(hub_wire_fuzz DEPENDS can)
