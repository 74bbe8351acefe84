"""Pages of consent: the subject's own, and those of the buyer and of the bodies that answer complaints."""
