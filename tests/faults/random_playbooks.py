"""
Random playbooks of which traces tell who came to the end.

Each play's last task is `last`, which every host that comes to it carries out, no handler is notified twice, and none is flushed
where a rescue could make its failure good. A host that the playbook lets go leaves a `bye` just before, and never in an
`always`, where a failure may be under way.
"""

import itertools

import attrs
import yaml
from hypothesis import strategies as st

HOSTS = ("h1", "h2", "h3")
DEPTH = 3

some_hosts = st.lists(st.sampled_from(HOSTS), min_size=1, max_size=2, unique=True).map(sorted)


@attrs.define
class RandomPlay:
    """
    A play on all hosts.

    Attributes:
        handlers: By the task that notifies it.
        byes: Tasks after which a host is let go.
        shared: Whether one host's failure may end the play for others.
        late: Whether hosts may be done when another one still fails.
    """

    name: str
    body: dict = attrs.field(factory=dict)
    handlers: dict[str, str] = attrs.field(factory=dict)
    byes: list[str] = attrs.field(factory=list)
    shared: bool = False
    late: bool = False

    def came_to_the_end(self, host, left):
        """Return whether *host* came to the end of the play, or was let go; *left* tells whether it left a trace."""
        if any(left(self.name, host, bye) for bye in self.byes):
            return True
        notified = [handler for task, handler in self.handlers.items() if left(self.name, host, task)]
        return all(left(self.name, host, task) for task in ["last", *notified])


@attrs.frozen
class RandomPlaybook:
    """Plays, one after the other."""

    plays: list[RandomPlay]

    @property
    def text(self):
        """The playbook in YAML."""
        return yaml.safe_dump([play.body for play in self.plays], sort_keys=False)

    def came_to_the_end(self, host, left):
        """Return whether *host* came to the end of every play."""
        return all(play.came_to_the_end(host, left) for play in self.plays)

    @property
    def may_be_late(self):
        """Whether a host that did all may still be marked as failed by another host's error, as Ansible sees it."""
        return any(play.shared and play.late for play in self.plays)


class _Author:
    """Draws the parts of one play."""

    def __init__(self, draw, name):
        self.draw = draw
        self.play = RandomPlay(name)
        self.numbers = itertools.count(1)
        self.handlers = []

    def chance(self, percent):
        return self.draw(st.integers(1, 100)) <= percent

    def section(self, depth, *, may_end, most=3):
        wanted = self.draw(st.integers(1, most))
        return [task for _ in range(wanted) for task in self.part(depth, may_end=may_end)]

    def part(self, depth, *, may_end):
        kinds = ["good", "fail", "fail", "run_once", "notify"]
        kinds += (
            ["good", "ignore", "lose", "lose_ignored"] + ["block", "block", "block"] * (depth > 0) + ["bye"] * may_end
        )
        kinds += ["flush"] * (depth == DEPTH)
        kind = self.draw(st.sampled_from(kinds))
        return getattr(self, f"_{kind}")(depth, may_end) if kind in {"block", "bye"} else getattr(self, f"_{kind}")()

    def mark(self, prefix="t", **more):
        return {"mark": {"n": f"{prefix}{next(self.numbers)}", **more}}

    def _good(self):
        return [self.mark()]

    def _fail(self):
        task = self.mark(fail=self.draw(some_hosts))
        if self.chance(15):
            task["any_errors_fatal"] = self.play.shared = True
        return [task]

    def _ignore(self):
        return [{**self.mark(fail=self.draw(some_hosts)), "ignore_errors": True}]

    def _lose(self):
        return [self.mark(unreach=[self.draw(st.sampled_from(HOSTS))])]

    def _lose_ignored(self):
        return [{**self.mark(unreach=self.draw(some_hosts)), "ignore_unreachable": True}]

    def _run_once(self):
        more = {"fail": self.draw(some_hosts)} if self.chance(50) else {}
        self.play.shared = self.play.shared or bool(more)
        return [{**self.mark(**more), "run_once": True}]

    def _notify(self):
        task = self.mark(changed=True)
        name = f"handler of {task['mark']['n']}"
        handler = {"name": name, **self.mark("h", **({"fail": self.draw(some_hosts)} if self.chance(40) else {}))}
        if "fail" in handler["mark"]:
            self.play.late = True
        self.handlers.append(handler)
        self.play.handlers[task["mark"]["n"]] = handler["mark"]["n"]
        return [{**task, "notify": name}]

    def _flush(self):
        return [{"meta": "flush_handlers"}]

    def _bye(self, _depth, _may_end):
        hosts = self.draw(some_hosts)
        task = self.mark("bye")
        self.play.byes.append(task["mark"]["n"])
        when = f"inventory_hostname in {hosts}"
        return [{**task, "when": when}, {"meta": "end_host", "when": when}]

    def _block(self, depth, may_end):
        block = {"block": self.section(depth - 1, may_end=may_end)}
        shape = self.draw(st.sampled_from(["rescue", "rescue", "always", "both", "plain"]))
        if shape in {"rescue", "both"}:
            block["rescue"] = self.section(depth - 1, may_end=may_end)
        if shape in {"always", "both"}:
            block["always"] = self.section(depth - 1, may_end=False, most=2)
        if self.chance(10):
            block["any_errors_fatal"] = self.play.shared = True
        return [block]

    def write(self):
        """Draw the play."""
        options = {
            "serial": self.draw(st.sampled_from([None, None, None, 1, 2, [1, 2], "50%", ["30%", "100%"]])),
            "strategy": self.draw(st.sampled_from([None, None, None, "free", "host_pinned"])),
            "max_fail_percentage": self.draw(st.sampled_from([None, None, None, 0, 34, 50])),
            "any_errors_fatal": self.draw(st.sampled_from([None, None, None, True])),
            "force_handlers": self.draw(st.sampled_from([None, None, None, True])),
        }
        if options["any_errors_fatal"] or options["max_fail_percentage"] is not None:
            self.play.shared = True
        if options["strategy"] or options["max_fail_percentage"] is not None:
            self.play.late = True  # of too many failures Ansible makes one of each host that only then ends its rescue
        self.play.body = {
            "name": self.play.name,
            "hosts": "g",
            "gather_facts": False,
            **{name: value for name, value in options.items() if value is not None},
            "tasks": [*self.section(DEPTH, may_end=True, most=5), {"mark": {"n": "last"}}],
        }
        if self.handlers:
            self.play.body["handlers"] = self.handlers
        return self.play


@st.composite
def random_playbooks(draw):
    """Draw a playbook of one to three plays."""
    return RandomPlaybook([_Author(draw, f"p{number}").write() for number in range(1, draw(st.integers(1, 3)) + 1)])
