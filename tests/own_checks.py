"""Plans and runs, seen without the checks that installkit puts before every change."""

import attrs

from installkit.model import OWN_CHECKS


def declared(made):
    """Return the steps of a plan or a run that its catalog declares, as if none needed installkit's own checks."""
    own = {step.id for step in made.steps if step.component == OWN_CHECKS}
    return [
        attrs.evolve(step, needs=tuple(need for need in step.needs if need not in own))
        for step in made.steps
        if step.id not in own
    ]
