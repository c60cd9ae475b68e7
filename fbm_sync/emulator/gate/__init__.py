"""What every request passes: its reading, its operation, its limits, its line in the journal."""
