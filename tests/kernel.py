"""A Jupyter kernel for tests: cells that are run, stopped and looked at as a notebook would."""

import time
from queue import Empty

from jupyter_client import KernelManager

PATIENCE = 60.0


class Kernel:
    """
    A running kernel.

    Attributes:
        displays: What each output that can be updated shows now, by its display id.
    """

    def __init__(self, folder):
        self._manager = KernelManager(kernel_name="python3")
        self._folder = folder
        self._start(self._manager.start_kernel)

    def _start(self, start):
        start(cwd=str(self._folder))
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=PATIENCE)
        self.displays = {}
        self._outputs = {}

    def begin(self, code):
        """Begin to run a cell, and return its id."""
        cell = self._client.execute(code)
        self._outputs[cell] = []
        return cell

    def run(self, code):
        """Run a cell to its end; return its id and how it ended, `ok` or `error`."""
        cell = self.begin(code)
        return cell, self.end_of(cell)

    def end_of(self, cell):
        """Return how *cell* ended, `ok` or `error`."""
        while (reply := self._client.get_shell_msg(timeout=PATIENCE))["parent_header"]["msg_id"] != cell:
            pass  # what answers the question whether it is ready
        self.until(lambda: "idle" in self._outputs[cell])
        return reply["content"]["status"]

    def outputs(self, cell):
        """Return what *cell* has put out: text for a stream, data by MIME type for a result."""
        return [output for output in self._outputs[cell] if output != "idle"]

    def until(self, condition):
        """Take in what the kernel says until *condition* is true, and return its value."""
        deadline = time.monotonic() + PATIENCE
        while not (found := condition()):
            assert time.monotonic() < deadline, "it never came true"
            try:
                self._take(self._client.get_iopub_msg(timeout=0.2))
            except Empty:
                continue
        return found

    def _take(self, message):
        content = message["content"]
        outputs = self._outputs.get(message["parent_header"].get("msg_id"), [])
        match message["msg_type"]:
            case "display_data" | "update_display_data":
                self.displays[content["transient"]["display_id"]] = content["data"]
            case "execute_result":
                outputs.append(content["data"])
            case "stream":
                outputs.append(content["text"])
            case "status" if content["execution_state"] == "idle":
                outputs.append("idle")

    def interrupt(self):
        """Stop the cell that runs, as the button does."""
        self._manager.interrupt_kernel()

    def restart(self):
        """Kill it, and start it anew."""
        self._client.stop_channels()
        self._start(lambda **_: self._manager.restart_kernel(now=True))

    def close(self):
        """Kill it."""
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
