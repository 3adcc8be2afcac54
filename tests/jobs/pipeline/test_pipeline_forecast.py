"""What a pipeline will probably take, and its picture."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest

from backburner.pipelines import approval, chain, chord, group, job, map_, ref
from jobs.forecasts import FREE, Forecast, History, Prices, of_history, side_by_side
from jobs.pipeline.board import NodeState
from jobs.pipeline.forecast import forecast
from jobs.pipeline.picture import LARGEST, draw
from jobs.pipeline.tree import PipelineInput
from tests.jobs.pipeline.kinds import KINDS, work

N = job("number", {"n": 1})
KNOWN = {
    "number": History(
        finished=50,
        median_seconds=4,
        p95_seconds=9,
        priced=50,
        low_usd=Decimal("0.01"),
        typical_usd=Decimal("0.02"),
        high_usd=Decimal("0.05"),
    )
}


def of(tree, input=None, histories=KNOWN):
    return forecast(work(tree, input), KINDS, histories)


def picture(tree, states=None):
    return draw(PipelineInput.model_validate(work(tree)).tree, states)


@pytest.mark.parametrize(
    ("tree", "typical", "late", "high", "jobs"),
    [
        (N, 4, 9, "0.05", 1),
        (chain(N, N, N), 12, 27, "0.15", 3),
        (group(N, N, N), 4, 9, "0.15", 3),
        (group(N, N, N, window=2), 8, 18, "0.15", 3),
        (group(chain(N, N), N, N, window=2), 8, 18, "0.20", 4),
        (chord(N, N, then=N), 8, 18, "0.15", 3),
        (map_([1, 2, 3], N), 4, 9, "0.15", 3),
        (map_([1] * 45, N), 12, 27, "2.25", 45),
        (map_([1] * 401, N, window=200), 12, 27, "20.05", 401),
        (map_([], N), 0, 0, "0", 0),
        (map_(ref("input"), N, window=1), 8, 18, "0.10", 2),
    ],
)
def test_chains_add_up_and_members_share_their_window(tree, typical, late, high, jobs):
    found = of(tree, [1, 2])
    assert (found.typical_seconds, found.late_seconds, found.jobs) == (typical, late, jobs)
    assert found.prices.high == Decimal(high)
    assert found.unknown == ()


def test_without_history_the_types_own_word_counts_and_the_price_is_unknown():
    found = of(chain(N, job("text", {"text": "x"})))
    assert (found.typical_seconds, found.late_seconds) == (14, 19)
    assert found.prices == Prices(Decimal("0.01"), None, None)
    [(pointer, why)] = found.unknown
    assert pointer == "/tree/chain/1/job"
    assert "'text'" in why


def test_few_jobs_tell_a_price_but_no_duration():
    history = History(finished=2, median_seconds=1, p95_seconds=1, priced=1, high_usd=Decimal(1))
    found = of_history("text", KINDS["text"].expected, history)
    assert (found.typical_seconds, found.prices.high) == (10, Decimal(1))


def test_how_many_items_a_map_has_may_be_unknown():
    found = of(chain(job("number", {"n": 1}, id="a"), map_(ref("a.n"), N)))
    assert found.prices == Prices(Decimal("0.01"), None, None)
    assert found.typical_seconds == 8
    assert [at for at, _ in found.unknown] == ["/tree/chain/1/map/over"]


def test_how_long_a_person_takes_is_unknown():
    found = of(approval("Go?"))
    assert (found.typical_seconds, found.prices) == (0, FREE)
    assert [at for at, _ in found.unknown] == ["/tree/approval"]


@pytest.mark.parametrize(
    ("default", "then"),
    [(None, "fails"), ("approve", "is approved"), ("reject", "is rejected")],
    ids=str,
)
def test_what_happens_when_nobody_decides_in_time_is_told(default, then):
    [(_, why)] = of(approval("Go?", timeout=timedelta(seconds=60), default=default)).unknown
    assert why.endswith(f"though after 60 seconds it {then} by itself")


def test_a_pipeline_inside_a_pipeline_is_counted_with_its_own_tree():
    found = of(job("pipeline", work(chain(N, approval("Go?")))))
    assert found.typical_seconds == 4
    assert [at for at, _ in found.unknown] == ["/tree/job/payload/tree/chain/1/approval"]


def test_members_begin_as_places_become_free():
    parts = [Forecast(typical_seconds=each) for each in (5, 1, 1, 1, 1, 1)]
    assert side_by_side(parts, 2).typical_seconds == 5


def test_a_tree_is_drawn_with_arrows_frames_and_labels():
    tree = chain(
        map_([1], job("number", {"n": 1}, id="one"), id="parts", variable="part"),
        chord(N, N, then=job("text", {"text": "x"})),
        approval('Publish "it"?'),
    )
    assert picture(tree).splitlines() == [
        "flowchart TD",
        '  subgraph map0["parts: each part"]',
        '    n1["one: number"]',
        "  end",
        '  n2["number"]',
        '  n3["number"]',
        '  n4["text"]',
        "  n2 & n3 --> n4",
        '  n5{{"Publish #34;it#34;?"}}',
        "  n1 --> n2 & n3",
        "  n4 --> n5",
    ]


def test_nodes_have_the_colour_of_their_state():
    states = {
        "/tree/chain/0/map/do": Counter({NodeState.SUCCEEDED: 7, NodeState.FAILED: 2}),
        "/tree/chain/1": Counter({NodeState.RUNNING: 1}),
    }
    drawn = picture(chain(map_([1], N), N), states)
    assert '"number (7/9, 2 failed)"' in drawn
    assert "class n1 failed" in drawn
    assert "class n2 running" in drawn
    assert "classDef failed" in drawn


def test_a_large_tree_is_drawn_in_part():
    drawn = picture(group(*[N] * (LARGEST + 30)))
    assert "… and 30 more nodes" in drawn
    assert drawn.count('["number"]') == LARGEST


def test_no_label_can_break_out_of_its_box():
    drawn = picture(approval('"}} --> x\nclick n1 "javascript:alert(1)"; ]'))
    assert drawn.count("\n") == 1
    assert drawn.count('"') == 2
