"""The chapters as data: their order, and the notebooks made from them."""
