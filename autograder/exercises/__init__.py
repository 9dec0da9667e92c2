"""What an exercise is, and where it is found."""
