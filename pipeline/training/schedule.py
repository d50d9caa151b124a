"""The learning rate of each epoch."""

from pipeline.training.settings import TrainingSettings

RISING_SHARE = 0.3  # of a cycle's epochs


def learning_rate(settings: TrainingSettings, epoch: int) -> float:
    """The learning rate of an epoch, counted from 1.

    In a cycle it rises in equal steps to `learning_rate` over the first 30 % of the epochs, and falls in
    equal steps over the others, to one step above zero (Smith and Topin, 2018).
    """
    if settings.schedule == "constant":
        return settings.learning_rate
    rise = max(1, round(RISING_SHARE * settings.epochs))
    fall = settings.epochs + 1 - rise
    return settings.learning_rate * min(epoch / rise, (settings.epochs + 1 - epoch) / fall)
