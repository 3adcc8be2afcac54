"""Each alert wakes somebody when it should, and nobody else: promtool plays the series."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.test_monitoring import RULES

Series = dict[str, str]

UP: Series = {'up{job="worker"}': "1x60", 'up{job="gateway"}': "1x60"}
ENDED = "backburner_jobs_ended_total"
WAITS = 'backburner_job_queue_latency_seconds_bucket{le="%s"}'

FIRING: dict[str, Series] = {
    "AmbiguousSubmitsGrow": {'backburner_ambiguous_submits_total{outcome="uncertain"}': "0+1x60"},
    "SubmitsParked": {'backburner_ambiguous_submits_total{outcome="parked"}': "0x20 1x40"},
    "ProviderRefusesKey": {'backburner_submits_total{outcome="provider_unauthorized"}': "0+1x60"},
    "ProviderQuotaExhausted": {
        'backburner_submits_total{outcome="provider_quota_exhausted"}': "0+1x60"
    },
    "JobsStayPending": {'backburner_jobs_open{status="pending"}': "7x60", ENDED: "5x60"},
    "JobsWaitLong": {WAITS % "300": "0x60", WAITS % "1800": "0+9x60", WAITS % "+Inf": "0+9x60"},
    "NoWorker": {'up{job="worker"}': "0x60"},
    "NoGateway": {'up{job="gateway"}': "0x60"},
    "PollsLearnNothing": {
        'backburner_polls_total{told="nothing"}': "0+30x60",
        'backburner_polls_total{told="in_progress"}': "0+60x60",
    },
    "CallbacksStayPending": {'backburner_deliveries_open{status="pending"}': "3x60"},
    "CallbacksFail": {
        'backburner_delivery_attempts_total{outcome="refused"}': "0+6x60",
        'backburner_delivery_attempts_total{outcome="delivered"}': "0+4x60",
    },
    "EndpointDisabled": {'backburner_endpoints_disabled_total{reason="gone"}': "0x25 1x35"},
    "HooksFail": {'backburner_hook_calls_total{hook="audit",outcome="timed_out"}': "0x25 1x35"},
}
"""What each alert is for; minutes apart."""

QUIET: Series = {
    'backburner_ambiguous_submits_total{outcome="uncertain"}': "2x60",
    'backburner_submits_total{outcome="accepted"}': "0+60x60",
    'backburner_jobs_open{status="pending"}': "7x60",
    ENDED: "0+1x60",
    WAITS % "300": "0+9x60",
    WAITS % "+Inf": "0+9x60",
    'backburner_polls_total{told="nothing"}': "0+1x60",
    'backburner_polls_total{told="in_progress"}': "0+60x60",
    'backburner_deliveries_open{status="pending"}': "3 0 3 0x57",
    'backburner_delivery_attempts_total{outcome="refused"}': "0+1x60",
    'backburner_delivery_attempts_total{outcome="delivered"}': "0+4x60",
    'backburner_endpoints_disabled_total{reason="gone"}': "2x60",
    'backburner_hook_calls_total{hook="audit",outcome="done"}': "0+9x60",
    'backburner_hook_calls_total{hook="audit",outcome="failed"}': "1x60",
}
"""A day like any other: old troubles that are over, and the usual few."""


def play(folder: Path, series: Series, firing: set[str], *, minute: int) -> None:
    samples = [{"labels": f'{{alertname="{each}"}}', "value": 1} for each in sorted(firing)]
    asked: dict[str, Any] = {
        "expr": 'max by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": f"{minute}m",
        "exp_samples": samples,
    }
    given = [{"series": name, "values": values} for name, values in series.items()]
    script = folder / "alerts.yml"
    script.write_text(
        yaml.safe_dump(
            {
                "rule_files": [str(RULES)],
                "evaluation_interval": "1m",
                "tests": [
                    {"interval": "1m", "input_series": given, "promql_expr_test": [asked]},
                ],
            }
        )
    )
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is missing (Debian: apt install prometheus): rules are NOT checked")
    done = subprocess.run([promtool, "test", "rules", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_played():
    [group] = yaml.safe_load(RULES.read_text())["groups"]
    assert FIRING.keys() == {rule["alert"] for rule in group["rules"]}


@pytest.mark.parametrize("alert", FIRING)
def test_an_alert_fires_for_what_it_is_for_and_no_other_does(tmp_path: Path, alert: str):
    play(tmp_path, UP | FIRING[alert], {alert}, minute=31)


def test_nothing_fires_on_an_ordinary_day(tmp_path: Path):
    play(tmp_path, UP | QUIET, set(), minute=55)
