"""The tables as peewee sees them. They name no database: every query gets one. No row leaves this package."""

from peewee import BooleanField, CompositeKey, FloatField, IntegerField, Model, TextField


def _table_name(model: type[Model]) -> str:
    return model.__name__.removesuffix("Row").lower()


class _Row(Model):
    class Meta:
        table_function = _table_name


class SiteRow(_Row):
    """What was entered of a site."""

    name = TextField(primary_key=True)
    title = TextField()
    inventory_kind = TextField()
    inventory_path = TextField()
    catalog = TextField()


class ParameterRow(_Row):
    """A parameter value; `name` is the group or host, empty at the site's own level. `value` is JSON."""

    site = TextField()
    level = TextField()
    name = TextField()
    parameter = TextField()
    value = TextField()

    class Meta:  # noqa: D106 - peewee's
        primary_key = CompositeKey("site", "level", "name", "parameter")


class SecretRow(_Row):
    """A secret's value, encrypted."""

    site = TextField()
    name = TextField()
    token = TextField()

    class Meta:  # noqa: D106 - peewee's
        primary_key = CompositeKey("site", "name")


class PlanRow(_Row):
    """A plan; `document` is its JSON."""

    id = TextField(primary_key=True)
    site = TextField()
    created_at = TextField()
    document = TextField()


class RunRow(_Row):
    """
    How far a run's journal is indexed, and the state of the run there.

    `offset` is the first byte of its events that is not indexed; `summary` and `details` are the JSON of its snapshot,
    `details` with the fields that a list leaves out. The row gets a final status only together with the run's last event.
    """

    id = TextField(primary_key=True)
    site = TextField()
    status = TextField()
    read_only = BooleanField()
    created_at = TextField()
    started_at = TextField(null=True)
    finished_at = TextField(null=True)
    requested_by = TextField()
    note = TextField()
    offset = IntegerField()
    summary = TextField()
    details = TextField()


class EventRow(_Row):
    """
    Where an event is in its journal, and the fields by which events are searched for.

    `arrival` grows over all runs in the order in which events are indexed; see `FeedRow`.
    """

    arrival = IntegerField(primary_key=True)
    run = TextField()
    seq = IntegerField()
    offset = IntegerField()
    kind = TextField()
    step = TextField(null=True)
    component = TextField(null=True)
    host = TextField(null=True)
    task = TextField(null=True)
    status = TextField(null=True)
    duration = FloatField(null=True)


class FeedRow(_Row):
    """
    The numbering of events as they arrive, in a single row: which one it is, and the last number that was given.

    A unit that indexes events takes its numbers here. Units run one after the other, in all processes together, so that a
    number never appears after a higher one; and a number is never given twice, even if its event is forgotten.
    """

    generation = TextField(primary_key=True)
    last = IntegerField()


class InstallationRow(_Row):
    """
    The record of one component on one host, as the run `run` left it.

    `document` is its JSON, or NULL after a removal: an older run that is indexed later must not bring it back.
    """

    site = TextField()
    component = TextField()
    host = TextField()
    run = TextField()
    run_created_at = TextField()
    document = TextField(null=True)

    class Meta:  # noqa: D106 - peewee's
        primary_key = CompositeKey("site", "component", "host")


class TokenRow(_Row):
    """An access token; `digest` is the sha256 of its text, `scopes` a JSON list."""

    id = TextField(primary_key=True)
    name = TextField()
    digest = TextField()
    scopes = TextField()
    created_at = TextField()
    expires_at = TextField(null=True)
    last_used_at = TextField(null=True)
    parent = TextField(null=True)
    once = BooleanField()


class AuditRow(_Row):
    """A change that somebody requested."""

    id = IntegerField(primary_key=True)
    time = TextField()
    who = TextField()
    what = TextField()
    target = TextField()


class WebhookRow(_Row):
    """An address that is notified of runs; `events` is a JSON list."""

    id = TextField(primary_key=True)
    url = TextField()
    events = TextField()
    created_at = TextField()
    created_by = TextField()


class AnswerRow(_Row):
    """The answer to a request with an idempotency key; `document` is its JSON."""

    who = TextField()
    key = TextField()
    created_at = TextField()
    document = TextField()

    class Meta:  # noqa: D106 - peewee's
        primary_key = CompositeKey("who", "key")


class InventoryRow(_Row):
    """The inventory of a site as YAML, if the store keeps it."""

    site = TextField(primary_key=True)
    document = TextField()


TABLES: tuple[type[Model], ...] = (
    SiteRow,
    ParameterRow,
    SecretRow,
    PlanRow,
    RunRow,
    EventRow,
    FeedRow,
    InstallationRow,
    TokenRow,
    AuditRow,
    WebhookRow,
    AnswerRow,
    InventoryRow,
)
"""All tables."""
