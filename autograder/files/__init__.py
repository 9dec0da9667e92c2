"""Files that are written whole, and never over what is a person's own."""
