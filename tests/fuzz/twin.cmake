cantwin_fuzz(expr_fuzz DEPENDS twin)
cantwin_fuzz(mapping_fuzz DEPENDS twin)
