"""
Carries runs out: `launch` starts a detached supervisor, `settle` and `adopt` end the run of one that died.

    supervisor   one per run; walks the plan's graph and writes the events
    schedule     which step may start next
    step         what surrounds a step's playbook: checks before it, events, the verdict
    processes    a process for the supervisor, and one for each step
    player       carries a step's playbook out with ansible-playbook
"""

from installkit.engine.launch import launch
from installkit.engine.redaction import MASK, Redactor
from installkit.engine.settle import adopt, settle

__all__ = ["MASK", "Redactor", "adopt", "launch", "settle"]
