"""AWS CloudTrail records in; usage events out. developer = principal, key = access key, seller = account."""

from __future__ import annotations

import ipaddress
from typing import Any

from models.errors import BadRecord
from streams.inputs.adapters import Adapter, Record

FORBIDDEN = ("AccessDenied", "Unauthorized", "Forbidden", "OptInRequired")
THROTTLED = ("Throttl", "RequestLimitExceeded", "TooManyRequests", "SlowDown", "RateExceeded")


class CloudTrail(Adapter):
    """Files as the service writes them ({"Records": [...]}), or one record a line.

    source: docs.aws.amazon.com/awscloudtrail, record contents and userIdentity element
    """

    name = "cloudtrail"
    documents = (".json",)

    def within(self, document: Any) -> list[Any] | None:
        if not isinstance(document, dict):
            return None
        records = document.get("Records")
        if isinstance(records, list):
            return records
        return [document] if "eventTime" in document else None

    def order(self, record: Any) -> str:
        """eventTime is RFC 3339 in UTC and whole seconds, so its text sorts as time does."""
        time = record.get("eventTime") if isinstance(record, dict) else None
        return time if isinstance(time, str) else ""

    def event(self, record: Record) -> Record:
        who = record.get("userIdentity")
        who = who if isinstance(who, dict) else {}
        principal = who.get("arn") or who.get("invokedBy") or who.get("principalId")
        if not principal:
            raise BadRecord("userIdentity names no principal (arn, invokedBy or principalId)")
        address = _address(record.get("sourceIPAddress"))
        event = {
            "event_id": _need(record, "eventID"),
            "time": _need(record, "eventTime"),
            "developer_id": principal,
            "seller_id": record.get("recipientAccountId") or who.get("accountId"),
            # Signed in at the console, or a service acting for itself: no access key. One stand-in for each
            # principal, so that the call counts and looks like no further key.
            "key_id": who.get("accessKeyId") or f"none:{principal}",
            "operation": _need(record, "eventName"),
            "status": status(record.get("errorCode")),
            "source_ip": address,
            # A service called for the principal: both fields name the service, neither where the caller is.
            "user_agent": record.get("userAgent") if address else None,
        }
        if not event["seller_id"]:
            raise BadRecord("no recipientAccountId")
        return {name: value for name, value in event.items() if value is not None}


def status(error_code: Any) -> int:
    """HTTP status 200, 403, 429 or 400 that stands for an errorCode (None = no error)."""
    if not error_code:
        return 200
    if any(word in str(error_code) for word in THROTTLED):
        return 429
    return 403 if any(word in str(error_code) for word in FORBIDDEN) else 400


def _need(record: Record, name: str) -> Any:
    value = record.get(name)
    if value in (None, ""):
        raise BadRecord(f"no {name}")
    return value


def _address(text: Any) -> str | None:
    """The address where it is one; calls by a service carry that service's name instead."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
