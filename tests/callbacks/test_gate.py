"""A receiver that takes long keeps nobody else waiting."""

from contextlib import ExitStack
from datetime import timedelta

from activities.delivering.gate import LONGEST_WAIT, Gate


def test_a_receiver_has_so_many_places():
    gate = Gate(2)
    with gate.place_at("a") as first, gate.place_at("a") as second, gate.place_at("a") as third:
        assert first is None
        assert second is None
        assert third is not None


def test_receivers_do_not_share_places():
    gate = Gate(1)
    with gate.place_at("a"), gate.place_at("b") as wait:
        assert wait is None


def test_a_place_is_free_again_afterwards():
    gate = Gate(1)
    for _ in range(3):
        with gate.place_at("a") as wait:
            assert wait is None


def test_those_sent_away_come_back_one_after_the_other():
    gate = Gate(4)
    with ExitStack() as places:
        for _ in range(4):
            places.enter_context(gate.place_at("a"))
        waits = []
        for _ in range(40):
            with gate.place_at("a") as wait:
                assert wait is not None
                waits.append(wait)
    assert waits == sorted(waits)
    # An attempt takes a second, as far as is known, and there are four places.
    assert timedelta(seconds=9) < waits[-1] <= timedelta(seconds=10)


def test_nobody_is_sent_away_for_ever():
    gate = Gate(1)
    waits = []
    with gate.place_at("a"):
        for _ in range(2000):
            with gate.place_at("a") as wait:
                waits.append(wait)
    assert waits[-1] == timedelta(seconds=LONGEST_WAIT)


def test_a_receiver_nobody_is_at_is_forgotten():
    gate = Gate(1)
    for number in range(100):
        with gate.place_at(f"receiver {number}"):
            pass
    assert gate.receivers == {}
