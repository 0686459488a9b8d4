import attrs
from starlette.responses import Response

import installkit
from installkit_http.operations import Operation
from installkit_http.problems import Mistake, invalid, or_not_found
from installkit_http.responses import Paging, answer, nothing, page
from installkit_http.service import Call


@attrs.frozen(kw_only=True)
class NewWebhook:
    """
    An address that gets notifications about runs.

    Attributes:
        url: Gets each event as JSON in a POST.
        events: The kinds of events to send.
    """

    url: str
    events: tuple[installkit.EventKind, ...] = installkit.WEBHOOK_EVENTS

    def __attrs_post_init__(self) -> None:
        if not self.events:
            raise invalid([Mistake("/events", "name at least one kind of event")])


def list_webhooks(call: Call) -> Response:
    """Answer with the webhooks."""
    return page(call, call.installer.access.webhooks(), lambda webhook: webhook.id)


def create_webhook(call: Call) -> Response:
    """Add an address that gets notifications."""
    try:
        return answer(call.installer.access.add_webhook(call.body.url, call.body.events, by=call.who), 201)
    except installkit.PlanningError as exc:
        raise invalid([Mistake("/url", str(exc))]) from exc


def delete_webhook(call: Call) -> Response:
    """Remove an address: it gets no more notifications."""
    with or_not_found():
        call.installer.access.remove_webhook(call.path("id"))
    return nothing()


ADMIN = installkit.Scope.ADMIN

OPERATIONS = (
    Operation(
        method="GET",
        path="/webhooks",
        scope=ADMIN,
        handle=list_webhooks,
        summary="List the webhooks",
        query=Paging,
        answer=installkit.Webhook,
        many=True,
    ),
    Operation(
        method="POST",
        path="/webhooks",
        scope=ADMIN,
        handle=create_webhook,
        summary="Add a webhook",
        body=NewWebhook,
        answer=installkit.Webhook,
        status=201,
    ),
    Operation(
        method="DELETE",
        path="/webhooks/{id}",
        scope=ADMIN,
        handle=delete_webhook,
        summary="Remove a webhook",
        status=204,
    ),
)
