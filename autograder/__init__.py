"""The judge. It knows no particular exercise."""
