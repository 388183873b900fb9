"""Where Ollama listens, by the text in OLLAMA_HOST."""

import ipaddress
import os
import urllib.parse

_DEFAULT_PORTS = {"http": 80, "https": 443}
_OLLAMA_PORT = 11434


def server_url(text: str | None = None) -> str:
    """The server's URL from `text`, or from OLLAMA_HOST, read by the rules of Ollama's own client.

    HOST, HOST:PORT, :PORT, SCHEME://HOST[:PORT][/PATH] and bare IPv6 addresses are understood. The
    port is 11434, or the scheme's own where one is given. An address to listen on, as 0.0.0.0, becomes
    the loopback address. A port that is none falls back to the default, as in Ollama.
    """
    text = (os.environ.get("OLLAMA_HOST", "") if text is None else text).strip().strip("\"'")
    scheme, found, rest = text.partition("://")
    if not found:
        scheme, rest = "http", text
    default_port = _DEFAULT_PORTS.get(scheme, _OLLAMA_PORT) if found else _OLLAMA_PORT
    authority, _, path = rest.partition("/")
    host, port = _split(authority, default_port)
    suffix = "/" + path.strip("/") if path.strip("/") else ""
    return f"{scheme}://{host}:{port}{suffix}"


def is_loopback(url: str) -> bool:
    """Whether `url` names this machine, where no proxy belongs in between."""
    host = urllib.parse.urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _split(authority: str, default_port: int) -> tuple[str, int]:
    try:
        return _connectable(str(ipaddress.ip_address(authority.strip("[]")))), default_port
    except ValueError:
        host, _, port = authority.rpartition(":") if ":" in authority else (authority, "", "")
    number = int(port) if port.isdecimal() and int(port) <= 65535 else default_port
    try:
        return _connectable(str(ipaddress.ip_address(host.strip("[]")))), number
    except ValueError:
        return host or "127.0.0.1", number


def _connectable(address: str) -> str:
    """`address` as it stands in a URL, the unspecified ones replaced by the loopback."""
    parsed = ipaddress.ip_address(address)
    if parsed.is_unspecified:
        return "[::1]" if parsed.version == 6 else "127.0.0.1"
    return f"[{address}]" if parsed.version == 6 else address
