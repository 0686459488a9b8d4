import re
from pathlib import Path

import pytest

from fault_table import FAULTS

TESTS = Path(__file__).parent.parent


def test_every_fault_has_its_row():
    """Those between 20 and 27 are of what is not built."""
    assert [f"R{number}" for number in (*range(1, 21), 27, 28)] == [fault.number for fault in FAULTS]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.number)
def test_what_is_said_to_show_a_fault_is_there(fault):
    for name in fault.tests:
        file, _, test = name.partition("::")

        assert re.search(rf"^def {test}\(", (TESTS / file).read_text(), re.MULTILINE), name
