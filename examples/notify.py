"""
Tell a webhook and a mailbox when a run has not succeeded, with Python's standard library alone.

    python notify.py RUN --webhook https://chat.example.org/hook --mail-server mail.example.org:25 --to ops@example.org

RUN is an id, the beginning of one, or `last`; it may have ended already. A service tells webhooks by itself:
`POST /api/v1/webhooks`.
"""

import argparse
import json
import smtplib
import sys
import urllib.request
from email.message import EmailMessage

import installkit


def summary(run: installkit.Run) -> str:
    """Return what happened, in one line for a chat or a subject."""
    return f"installkit: run {run.id[:6]} on {run.site} {run.status}"


def details(run: installkit.Run) -> str:
    lines = [f"{failure.summary}\n{failure.message}\n{failure.remedy or ''}".strip() for failure in run.failures]
    return "\n\n".join([*lines, f"More: installkit show {run.id}"])


def tell_webhook(url: str, run: installkit.Run) -> None:
    body = json.dumps({"text": summary(run), "run": installkit.to_wire(run.snapshot())}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10):
        pass


def tell_mailbox(server: str, to: str, run: installkit.Run) -> None:
    mail = EmailMessage()
    mail["Subject"] = summary(run)
    mail["From"] = "installkit@localhost"
    mail["To"] = to
    mail.set_content(details(run))
    with smtplib.SMTP(server, timeout=10) as smtp:
        smtp.send_message(mail)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("--webhook")
    parser.add_argument("--mail-server", default="localhost:25")
    parser.add_argument("--to")
    asked = parser.parse_args()
    with installkit.Installer() as installer:
        run = installer.run(asked.run).wait()
        if run.status is installkit.RunStatus.SUCCEEDED:
            return
        if asked.webhook:
            tell_webhook(asked.webhook, run)
        if asked.to:
            tell_mailbox(asked.mail_server, asked.to, run)


if __name__ == "__main__":
    try:
        main()
    except installkit.InstallkitError as error:
        sys.exit(f"error: {error}\n{error.remedy or ''}".rstrip())
