"""The cards: each exercise is declared once, in a module named after its step."""
