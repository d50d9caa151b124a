"""Errors of settings that only a training finds impossible.

No stage depends on this module, so a changed text retrains nothing.
"""

from pipeline.runtime.errors import InputError


def no_cuda(run: str) -> InputError:
    return InputError(f"{run}: device is cuda, but PyTorch finds no CUDA device here; set cpu")


def nothing_left(size: int, convolutions: int, filter: int, stride: int, padding: int) -> InputError:
    """The convolutions leave nothing of crops of `size` pixels."""
    return InputError(
        f"{convolutions} convolutions with filter {filter}, stride {stride} and padding {padding}, each "
        f"followed by pooling, leave nothing of a crop of {size}x{size} pixels; set fewer channels, or a "
        "smaller filter or stride"
    )


def too_few_photographs(folds: int, reason: ValueError) -> InputError:
    return InputError(f"the photographs cannot be put into {folds} folds: {reason}")


def stopped_before_latents(run: str) -> InputError:
    return InputError(
        f"{run}: a replicate stopped early, before epoch latents_every; set latents_every lower, or patience "
        "higher"
    )
