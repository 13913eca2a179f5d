cantwin_fuzz(dbc_fuzz DEPENDS dbc)
cantwin_fuzz(codec_fuzz DEPENDS dbc)
