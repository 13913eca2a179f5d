cantwin_fuzz(protect_fuzz DEPENDS dbc)
