"""The last version of each alert, and which of them count."""

import msgspec

from models.alerts.alerts import Alert
from streams.files.alerts import LastAlerts
from tests.streams.sample import alert


def made(number, version=1, **changes):
    return msgspec.convert(alert(number, version, evidence=[], **changes), Alert)


def test_what_counts_no_longer_is_kept_and_not_counted():
    last = LastAlerts()
    last.add([made(1), made(2), made(3), made(4)])
    last.add([made(2, 2, superseded_by=made(1).alert_id), made(3, 2, withdrawn=True), made(4, 2)])
    assert [one.version for one in last.all()] == [1, 2, 2, 2]
    assert [one.alert_id for one in last.standing()] == [made(1).alert_id, made(4).alert_id]
    assert last.by_severity() == {"low": 0, "medium": 1, "high": 1, "critical": 0}
    assert len(last) == 2
