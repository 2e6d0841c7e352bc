"""Node to hourly rate: annotation, rate cards, published prices, list prices, prices by GPU model, in that order."""
