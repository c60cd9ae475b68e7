"""What may go wrong on demand: single faults, ways to spoil an answer, a random mix of them."""
