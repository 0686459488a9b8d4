"""The steps of a plan or a run that are not installkit's own checks, with which it begins."""

from installkit.model import OWN_CHECKS


def component_steps(steps):
    """Return those of *steps* that carry out what components declare, in their order."""
    return [step for step in steps if step.component != OWN_CHECKS]
