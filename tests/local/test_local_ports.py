"""Claims about ports: what a stack had before, it gets again."""

import socket

import pytest

from local.ports import free_port, preferred_port


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", free_port()))


def test_a_port_that_somebody_listens_on_is_replaced():
    with listening() as server:
        port = server.getsockname()[1]
        assert preferred_port(port) != port


def test_a_port_that_somebody_holds_without_listening_yet_is_replaced():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", free_port()))
        port = holder.getsockname()[1]
        assert preferred_port(port) != port


def test_a_port_whose_server_has_just_hung_up_on_its_clients_is_free():
    with listening() as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            accepted.close()  # first, so that this end of the connection lingers
            assert client.recv(1) == b""
    with socket.socket() as strict, pytest.raises(OSError, match="in use"):
        strict.bind(("127.0.0.1", port))
    assert preferred_port(port) == port
