"""A chapter as one zip, which gives no answer away."""
