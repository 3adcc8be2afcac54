"""What the processes of a laptop's stack are told."""

import pytest

from local.processes import ServerTrouble
from local.stack import GATEWAY_PORT, Addresses, of_worker, wanted_port

ADDRESSES = Addresses("http://127.0.0.1:8081", "127.0.0.1:7233", "", "http://127.0.0.1:1/v1", True)


@pytest.mark.parametrize(
    ("environment", "port"),
    [({}, GATEWAY_PORT), ({"BACKBURNER_PORT": ""}, GATEWAY_PORT), ({"BACKBURNER_PORT": "9"}, 9)],
)
def test_the_gateway_listens_where_the_environment_says(environment, port):
    assert wanted_port(environment) == port


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1", "8080 "])
def test_what_is_no_port_is_refused_by_name(port):
    with pytest.raises(ServerTrouble, match="BACKBURNER_PORT"):
        wanted_port({"BACKBURNER_PORT": port})


def test_links_that_workers_write_lead_to_the_gateway():
    assert of_worker({}, ADDRESSES)["BACKBURNER_PUBLIC_URL"] == ADDRESSES.gateway
    own = {"BACKBURNER_PUBLIC_URL": "https://jobs.example.com"}
    assert of_worker(own, ADDRESSES) == own
