import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import installkit


class JSONFormatter(logging.Formatter):
    """Writes each record as a line of JSON, with the values of `extra` whose names begin with `installkit_`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return *record* as JSON."""
        data: dict[str, Any] = {
            "time": installkit.to_wire(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        data |= {name: value for name, value in vars(record).items() if name.startswith("installkit_")}
        if record.exc_info:
            data["exception"] = self.formatException(record.exc_info)
        return json.dumps(data, default=str)


def set_up_logs(*, as_json: bool) -> None:
    """Write the logs of this process to standard error, as text or as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JSONFormatter() if as_json else text)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
