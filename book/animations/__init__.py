"""The animations: one verb a step, given the learner's function.

    from book.animations import play_scores
    play_scores(scores)

A verb's module is imported when the verb is first asked for.
"""

from importlib import import_module
from pathlib import Path

_HOME = {
    "play_embed": "tokens",
    "play_linear": "projections",
    "play_project_qkv": "projections",
    "play_scores": "scores",
    "play_scale": "scaling",
    "play_weighted_sum": "weighted_sum",
    "play_single_head_attention": "single_head",
    "play_stack_projections": "stacking",
    "play_init_parameters": "initialisation",
    "play_split_heads": "split_heads",
    "play_concat_heads": "concat_heads",
    "play_attend_in_parallel": "parallel_heads",
    "play_multi_head_attention": "multi_head",
    "play_layer_norm": "add_and_norm",
    "play_add_and_norm": "add_and_norm",
    "play_softmax": "softmax",
    "play_cost": "cost",
    "play_heads_in_training": "heads_in_training",
    "play_deep_stack": "deep_stack",
    "play_masked_softmax": "masks",
    "play_whiteboard": "at_the_whiteboard",
    "play_attention_backward": "gradients",
    "play_attend_with_cache": "cache",
    "play_tiled_attention": "tiles",
}

__all__ = sorted(_HOME)


def stepper_files():
    """The style and the script that a page of scenes needs once."""
    here = Path(__file__).parent
    return here / "stepper.css", here / "stepper.js"


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__():
    return __all__
