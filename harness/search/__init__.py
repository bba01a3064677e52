"""Where a simulated run's choices come from, and how they are searched."""
