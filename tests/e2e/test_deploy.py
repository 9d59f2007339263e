"""docker-compose.yml, Dockerfile, Prometheus and Grafana files: every command is real, nothing is left open.

No container is started here: no Docker engine is at hand. What the containers run is tested elsewhere.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
import yaml

from poolwatch.commands import app
from streams.settings import from_environment
from streams.telemetry import metrics
from tests.missing import missing

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if one["image"].startswith("poolwatch:")}
RULES = ROOT / "deploy/prometheus-rules.yml"
DASHBOARD = json.loads((ROOT / "deploy/grafana/dashboards/poolwatch.json").read_text())


def expressions():
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]


def asked_of(texts):
    """Names of our metrics in queries."""
    return {name for one in texts for name in re.findall(r"poolwatch_\w+", one)}


def served():
    """Names of all series that we serve."""
    ends = {"histogram": ("_bucket", "_sum", "_count")}
    return {f"{entry.name}{end}" for entry in metrics.TABLE for end in ends.get(entry.kind, ("",))}


def test_compose_itself_accepts_the_file():
    if subprocess.run(["docker", "compose", "version"], capture_output=True).returncode:
        pytest.skip("NOT TESTED: docker compose is not installed; the other tests read the file without it")
    for profile in ([], ["--profile", "simulator"]):
        command = ["docker", "compose", *profile, "config", "-q"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_of_ours_with_flags_that_exist(name):
    first, *rest = OURS[name]["command"]
    command = typer.main.get_command(app).commands[first]
    command.make_context(first, list(rest))  # raises on an unknown flag or a wrong value


@pytest.mark.parametrize("name", OURS)
def test_every_setting_is_known_and_makes_sense(name):
    given = {key: str(value) for key, value in OURS[name]["environment"].items()}
    settings = from_environment(given)
    assert settings.bootstrap == "kafka:19092"
    known = {key for key in given if hasattr(settings, key.removeprefix("POOLWATCH_").lower())}
    assert known == set(given)


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_on_this_machine_only_and_images_are_pinned(name):
    service = SERVICES[name]
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:"), port
    assert re.search(r":v?\d+\.\d+", service["image"]), service["image"]
    assert "healthcheck" in service or name in ("topics", "simulator")  # these two end by themselves


def test_what_is_kept_is_on_named_volumes():
    data = {
        "kafka": SERVICES["kafka"]["environment"]["KAFKA_LOG_DIRS"],
        "redis": "/data",
        "prometheus": "/prometheus",
    }
    for name, folder in data.items():
        assert f"{name}:{folder}" in SERVICES[name]["volumes"]
        assert name in COMPOSE["volumes"]
    assert SERVICES["redis"]["command"][1:3] == ["--appendonly", "yes"]


def test_our_containers_are_locked_down():
    for service in OURS.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
    text = (ROOT / "Dockerfile").read_text()
    assert "--require-hashes" in text
    assert re.search(r"^USER \d+$", text, re.M)
    cache = re.search(r"NUMBA_CACHE_DIR=(\S+)", text).group(1)
    assert all(f"compiled:{cache}" in service["volumes"] for service in OURS.values())


def test_the_image_gets_all_rooms():
    copied = set(re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(), re.M))
    ignored = (ROOT / ".dockerignore").read_text()
    assert copied == {"models", "streams", "simulators", "poolwatch"}
    assert all(f"!{room}\n" in ignored for room in copied)


def test_the_dashboard_is_classic_and_asks_for_metrics_that_exist():
    assert DASHBOARD["schemaVersion"] <= 42
    asked = asked_of(expressions())
    assert asked <= served()
    unseen = {e.name for e in metrics.TABLE} - {re.sub("_(bucket|sum|count)$", "", one) for one in asked}
    assert unseen == {"poolwatch_info"}  # each other metric is looked at somewhere
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_grafana_finds_its_source_and_its_dashboard():
    folder = ROOT / "deploy/grafana/provisioning"
    source = yaml.safe_load((folder / "datasources/prometheus.yml").read_text())["datasources"][0]
    provider = yaml.safe_load((folder / "dashboards/poolwatch.yml").read_text())["providers"][0]
    assert source["url"] == "http://prometheus:9090"
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in SERVICES["grafana"]["volumes"]


def test_prometheus_scrapes_the_ports_that_are_served():
    jobs = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())["scrape_configs"]
    assert jobs[0]["dns_sd_configs"][0]["port"] == SERVICES["worker"]["environment"]["POOLWATCH_METRICS_PORT"]
    assert jobs[1]["static_configs"][0]["targets"] == ["serve:8321"]


def test_prometheus_finds_its_rules_and_each_asks_for_metrics_that_exist_and_is_explained():
    (file,) = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())["rule_files"]
    assert ROOT / "deploy" / file == RULES
    assert f"./deploy/{file}:/etc/prometheus/{file}:ro" in SERVICES["prometheus"]["volumes"]
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    assert asked_of(rule["expr"] for rule in rules) <= served()
    manual = (ROOT / "docs/operations.md").read_text()
    assert all(f"`{rule['alert']}`" in manual for rule in rules)


def promtool(*arguments):
    tool = shutil.which("promtool")
    if not tool:
        missing("promtool is not installed (apt-get install prometheus)")
    done = subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.prometheus
def test_promtool_accepts_the_configuration():
    promtool("check", "config", ROOT / "deploy/prometheus.yml")


UP = 'up{job="poolwatch-worker",instance="a"}'
ACCEPTED = 'poolwatch_events_total{outcome="accepted",instance="a"}'
REJECTED = 'poolwatch_events_total{outcome="rejected",instance="a"}'
LAG = 'poolwatch_lag_records{stage="fold",partition="0",instance="a"}'
SNAPSHOTS = 'poolwatch_snapshot_seconds_count{stage="fold",instance="a"}'
#: A value a minute.
WELL = {UP: "1x30", ACCEPTED: "0+6000x30", REJECTED: "0+6x30", LAG: "50x30", SNAPSHOTS: "0+12x30"}
SILENT = WELL | {ACCEPTED: "9x30", REJECTED: "0x30", LAG: "0x30", SNAPSHOTS: "9x30"}


@pytest.mark.prometheus
@pytest.mark.parametrize(
    ("fires", "series"),
    [
        pytest.param("", WELL, id="all is well"),
        pytest.param("", SILENT, id="no events come"),
        pytest.param("", WELL | {LAG: "300000-9000x30"}, id="a backlog is worked off"),
        pytest.param("PoolwatchWorkerDown", WELL | {UP: "0x30"}, id="a worker is down"),
        pytest.param("PoolwatchWorkerDown", {'up{job="poolwatch-serve"}': "1x30"}, id="no worker is known"),
        pytest.param("PoolwatchFallsBehind", WELL | {LAG: "0+900x30"}, id="lag grows"),
        pytest.param("PoolwatchFallsBehind", SILENT | {LAG: "0+9x30"}, id="nothing is read"),
        pytest.param("PoolwatchSnapshotTooOld", WELL | {SNAPSHOTS: "9x30"}, id="no snapshot"),
        pytest.param("PoolwatchRejectsEvents", WELL | {REJECTED: "0+90x30"}, id="a hundredth is rejected"),
    ],
)
def test_what_wakes_somebody(tmp_path, fires, series):
    wanted = [{"labels": f'{{alertname="{fires}"}}', "value": 1}] if fires else []
    asked = {"expr": 'count by (alertname) (ALERTS{alertstate="firing"})', "eval_time": "25m"}
    values = [{"series": name, "values": value} for name, value in series.items()]
    test = {"interval": "1m", "input_series": values, "promql_expr_test": [asked | {"exp_samples": wanted}]}
    (tmp_path / "test.yml").write_text(yaml.safe_dump({"rule_files": [str(RULES)], "tests": [test]}))
    promtool("test", "rules", tmp_path / "test.yml")
