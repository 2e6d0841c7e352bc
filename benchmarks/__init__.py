"""How long the numeric stages take, as ratios to what the memory allows. ``make bench`` runs them."""
