"""What gpucost is told: the file and the variables of its settings, and what the parts get of them."""
