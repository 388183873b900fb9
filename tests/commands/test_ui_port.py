"""`sweep ui` finds a port."""

import socket

from sweeper.commands.ui import free_port


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port: int = taken.getsockname()[1]
        assert port < free_port(port) <= port + 50
