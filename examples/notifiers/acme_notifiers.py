"""
Notifiers: a mail, any webhook, Slack and DingTalk. Each factory takes settings, and returns what tells of a notice.

Whatever a notifier raises is logged, and tried again a second and five seconds later.
"""

import base64
import hashlib
import hmac
import json
import smtplib
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any

import installkit

TIMEOUT = 10


def mail(settings: Mapping[str, Any]) -> installkit.Notifier:
    """Send a mail by the `server` (HOST:PORT) `to` somebody; with `user` and `password`, over TLS."""
    server, to, sender = settings["server"], settings["to"], settings.get("from", "installkit@localhost")
    user, password = settings.get("user"), settings.get("password")

    def tell(notice: installkit.Notice) -> None:
        message = EmailMessage()
        message["Subject"], message["From"], message["To"] = notice.summary, sender, to
        message.set_content(text_of(notice))
        with smtplib.SMTP(server, timeout=TIMEOUT) as smtp:
            if user:
                smtp.starttls()
                smtp.login(user, password)
            smtp.send_message(message)

    return tell


def webhook(settings: Mapping[str, Any]) -> installkit.Notifier:
    """Post the whole notice as JSON to a `url`."""
    url = settings["url"]
    return lambda notice: post(url, installkit.to_wire(notice))


def slack(settings: Mapping[str, Any]) -> installkit.Notifier:
    """Say it in a channel of Slack; `url` is that of an incoming webhook."""
    url = settings["url"]
    return lambda notice: post(url, {"text": text_of(notice)})


def dingtalk(settings: Mapping[str, Any]) -> installkit.Notifier:
    """Say it in a group of DingTalk; `url` is that of a custom robot, `secret` that of its signature."""
    url, secret = settings["url"], settings.get("secret", "")

    def tell(notice: installkit.Notice) -> None:
        stamp = str(round(time.time() * 1000))
        digest = hmac.digest(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256)
        sign = urllib.parse.quote_plus(base64.b64encode(digest))
        signed = f"{url}&timestamp={stamp}&sign={sign}" if secret else url
        answer = post(signed, {"msgtype": "text", "text": {"content": text_of(notice)}})
        if answer.get("errcode"):
            raise OSError(f"DingTalk refused it: {answer.get('errmsg')}")

    return tell


def text_of(notice: installkit.Notice) -> str:
    return "\n".join(filter(None, [notice.summary, notice.details, notice.link]))


def post(url: str, value: Any) -> dict[str, Any]:
    """Post *value* as JSON; return what JSON the answer has."""
    request = urllib.request.Request(url, json.dumps(value).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        body = response.read()
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
