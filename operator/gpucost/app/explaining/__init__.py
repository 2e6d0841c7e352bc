"""How a figure came about, in steps that a person can retrace."""
