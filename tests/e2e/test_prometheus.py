"""A real Prometheus scrapes a real worker and alert server: each query of the dashboard says something."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import httpx
import pytest
import yaml
from confluent_kafka import Producer

from streams.brokers.children import free_port
from tests.e2e import command
from tests.missing import missing

pytestmark = [pytest.mark.prometheus, pytest.mark.redis, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "deploy/grafana/dashboards/poolwatch.json").read_text())
#: Panels that say 0 before anything has happened.
QUIET = (
    "Events per second",
    "Alerts in a day",
    "Alerts by severity",
    "Alerts by rule",
    "Alert versions told",
)
EXPRESSIONS = sorted({t["expr"] for panel in DASHBOARD["panels"] for t in panel.get("targets", [])})
WARM_S = 150  # compiling included


def need_prometheus():
    found = shutil.which("prometheus")
    if not found:
        missing("prometheus is not installed (apt-get install prometheus)")
    return found


def events(now_ms, minutes=12):
    """One application with a new key of the same seller every few calls, and twenty with one key each."""
    begin = now_ms // 60_000 * 60_000 - (minutes + 3) * 60_000
    for n in range(minutes * 60):
        who = f"dev-{n % 20}" if n % 2 else "dev-pool"
        seller = f"seller-{n % 20}" if n % 2 else "seller-1"
        key = f"key-{n % 20}" if n % 2 else f"key-pool-{n // 4}"
        yield (
            seller,
            {
                "event_id": f"{now_ms}-{n}",
                "time": begin + n * 1_000,
                "developer_id": who,
                "seller_id": seller,
                "key_id": key,
                "operation": "getOrders",
                "status": 200,
                "records": 5,
                "pii": ["name"],
                "source_ip": "203.0.113.7",
            },
        )


def tell(broker):
    producer = Producer({"bootstrap.servers": broker.removeprefix("kafka://")})
    for seller, event in events(int(time.time() * 1000)):
        producer.produce("usage-events", json.dumps(event).encode(), seller)
    producer.produce("usage-events", b"{broken", "seller-1")
    assert producer.flush(30) == 0


@pytest.fixture
def ports():
    return {name: free_port() for name in ("worker", "serve", "prometheus")}


@pytest.fixture
def system(embedded_kafka, redis_url, ports, tmp_path):
    """Worker, server and Prometheus as processes of their own, on the embedded broker."""
    tool = need_prometheus()
    jobs = [(f"poolwatch-{name}", f"127.0.0.1:{ports[name]}") for name in ("worker", "serve")]
    scrape = [{"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in jobs]
    every_s = dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), "1s")
    rules = [str(ROOT / "deploy/prometheus-rules.yml")]
    config = {"global": every_s, "scrape_configs": scrape, "rule_files": rules}
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    worker = [
        "worker",
        "--broker",
        embedded_kafka.url,
        "--redis",
        redis_url,
        "--snapshot-s",
        "1",
        "--idle-s",
        "1",
    ]
    commands = [
        [*command.COMMAND, *worker, "--metrics-port", str(ports["worker"])],
        [*command.COMMAND, "serve", "--redis", redis_url, "--port", str(ports["serve"])],
        [
            tool,
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{ports['prometheus']}",
        ],
    ]
    log = (tmp_path / "log").open("wb")
    running = [subprocess.Popen(c, stdout=log, stderr=log, env=command.environment()) for c in commands]
    yield embedded_kafka.url, running
    for process in running:
        process.terminate()
    for process in running:
        process.wait(30)
    print((tmp_path / "log").read_text(errors="replace")[-3_000:])


def until(question, seconds, what, running):
    """The first truthy answer; AssertionError when none comes in time, or a process has ended."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert all(process.poll() is None for process in running), "one of the processes has ended"
        try:
            if last := question():
                return last
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"{what}: not within {seconds} s")


def test_each_query_of_the_dashboard_says_something(system, ports):
    page = httpx.Client(base_url=f"http://127.0.0.1:{ports['serve']}", timeout=10, trust_env=False)
    asked = httpx.Client(base_url=f"http://127.0.0.1:{ports['prometheus']}", timeout=10, trust_env=False)

    def answer(expression):
        query = expression.replace("$__rate_interval", "30s")
        body = asked.get("/api/v1/query", params={"query": query}).json()
        assert body["status"] == "success", body
        return [one for one in body["data"]["result"] if one["value"][1] != "NaN"]

    broker, running = system
    quiet = [p["targets"][0]["expr"] for p in DASHBOARD["panels"] if p["title"] in QUIET]
    assert len(quiet) == len(QUIET)
    until(lambda: all(map(answer, quiet)), WARM_S, "a zero of each quiet panel", running)
    assert {one["value"][1] for expression in quiet for one in answer(expression)} == {"0"}
    tell(broker)
    until(lambda: page.get("/api/alerts").json()["alerts"], WARM_S, "an alert", running)
    mute, told = [], 0.0

    def all_answered():
        nonlocal told
        if time.monotonic() - told > 8:  # while it is being scraped, so that rates have something to tell
            tell(broker)
            told = time.monotonic()
        page.get("/api/alerts")
        mute[:] = [one for one in EXPRESSIONS if not answer(one)]
        return not mute

    try:
        until(all_answered, 120, "every query", running)
    except AssertionError:
        pytest.fail("no answer to:\n" + "\n".join(mute))
    alerts = answer("sum by (rule) (poolwatch_alert_rules_total)")
    assert "keys_per_seller" in {one["metric"]["rule"] for one in alerts}
    grown = answer('sum(increase(poolwatch_alert_rules_total{rule="keys_per_seller"}[5m]))')
    assert float(grown[0]["value"][1]) >= 0.9, "the first alert of a rule counts"
    rules = asked.get("/api/v1/rules").json()["data"]["groups"][0]["rules"]
    assert {rule["health"] for rule in rules} == {"ok"}
    labels = json.dumps(asked.get("/api/v1/series", params={"match[]": '{__name__=~"poolwatch_.*"}'}).json())
    assert "dev-pool" not in labels
    assert "seller-1" not in labels
