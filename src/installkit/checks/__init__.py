"""The checks before a change: installkit's own of every host, and what may be ignored of all of them."""

from installkit.checks.names import refuse_unknown
from installkit.checks.specs import make_check_spec

__all__ = ["make_check_spec", "refuse_unknown"]
