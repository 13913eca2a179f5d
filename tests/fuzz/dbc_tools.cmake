cantwin_fuzz(dbc_tools_fuzz DEPENDS dbc_tools)
