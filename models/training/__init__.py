"""Training: reading sets, drawing batches, the shared loop, recipes, held-out scores."""
