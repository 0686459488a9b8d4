# SPDX-License-Identifier: GPL-3.0-or-later
"""A callback that goes wrong at the first good result: it raises, or exits (BAD=exit). Loaded by ansible-playbook alone."""

import os
import sys

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
    name: bad
    type: notification
    short_description: goes wrong
    description: For tests.
"""


class CallbackModule(CallbackBase):
    """The callback `bad`."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "bad"

    def v2_runner_on_ok(self, result):  # noqa: ARG002 - Ansible's
        """Go wrong."""
        if os.environ.get("BAD") == "exit":
            sys.exit(3)
        raise ValueError("a callback that goes wrong")
