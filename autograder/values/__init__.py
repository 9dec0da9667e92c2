"""What is computed, as plain data: made plain, compared, sent."""
