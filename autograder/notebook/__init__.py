"""What a learner types, and what is shown."""
