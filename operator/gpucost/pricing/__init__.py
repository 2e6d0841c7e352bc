"""Node to hourly rate: annotation, rate cards, bundled list prices, in that order."""
