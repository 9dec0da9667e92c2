"""The experiments of Part III: one module each, small enough to be read.

Every experiment trains several models at once, one for each seed: the first axis of
each tensor is the seed, and nothing passes from one seed to another. What an
experiment returns is plain numbers, and is kept in `_build/experiments/`.
"""
