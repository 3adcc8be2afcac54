"""What operators see of deliveries and endpoints at a glance."""

from activities.census import Census
from storage import delivery_log
from tests.callbacks.recording import recorded
from tests.installation import TENANT, Installation
from tests.telemetry.counted import Counts


async def test_open_deliveries_and_endpoints_are_counted_by_how_they_stand(
    bare: Installation, monkeypatch
):
    await recorded(bare, "http://127.0.0.1:9/a")
    await recorded(bare, "http://127.0.0.1:9/b")
    await bare.db.execute("UPDATE deliveries SET status = 'delivered' WHERE url LIKE '%b'")
    await bare.db.execute(
        "INSERT INTO endpoints (tenant, url, enabled, disabled_reason, deleted_at) VALUES "
        "($1, 'u', TRUE, NULL, NULL), ($1, 'v', FALSE, 'gone', NULL), ($1, 'w', TRUE, NULL, now())",
        TENANT,
    )
    counts = Counts(monkeypatch)
    census = Census(bare.db)
    await census.take()
    assert counts.of("backburner_deliveries_open", "status") == {"pending": 1, "delivering": 0}
    assert counts.of("backburner_endpoints", "state") == {
        "enabled": 1,
        "gone": 1,
        "by_owner": 0,
        "failing": 0,
    }
    census.close()
    assert counts.of("backburner_endpoints", "state") == {}
    assert await delivery_log.open_counts(bare.db) == {"pending": 1, "delivering": 0}
