"""How often one client may ask: a bucket of tokens each, in constant memory."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable


class RateLimit:
    """burst: requests at once; per_second: how fast the bucket fills again. Clients beyond `clients` are forgotten."""

    def __init__(
        self,
        *,
        burst: float = 120,
        per_second: float = 2,
        clients: int = 10_000,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst, self._per_second, self._clients, self._now = burst, per_second, clients, now
        self._buckets: OrderedDict[str, tuple[float, float]] = (
            OrderedDict()
        )  # client -> tokens, at which moment

    def allows(self, client: str) -> bool:
        """Takes a token; False when there is none."""
        name, now = _network(client), self._now()
        tokens, then = self._buckets.pop(name, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._per_second)
        allowed = tokens >= 1
        self._buckets[name] = (tokens - allowed, now)
        if len(self._buckets) > self._clients:
            self._buckets.popitem(last=False)
        return allowed


def _network(client: str) -> str:
    """One household has a whole /64 of IPv6 addresses (RFC 6177)."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv4Address):
        return client
    if (
        address.ipv4_mapped
    ):  # as a proxy that listens on [::] calls it (RFC 4291 2.5.5.2): all of IPv4 is one /64
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
