"""Kill -9 under load, again and again: whoever was answered 200 is opted out, whatever happened to the server."""

import http.client
import random
import signal
import sqlite3
import threading
import time

from tests.chaos.peers import wait_until
from tests.web.server import FORM, ONE_CLICK

POSTS = 10_000
CONNECTIONS = 4
KILLS = 6


class Clients:
    """Four connections that post until all links were answered, each through whatever server there is."""

    def __init__(self, paths: list[str]) -> None:
        self.waiting = list(reversed(paths))
        self.answered: list[str] = []
        self.refused: list[int] = []
        self.port = 0
        self._lock = threading.Lock()
        self.threads = [threading.Thread(target=self._work) for _ in range(CONNECTIONS)]

    def _work(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while True:
            with self._lock:
                if not self.waiting:
                    break
                path = self.waiting.pop()
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
                connection.request("POST", path, ONE_CLICK, FORM)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):  # the server was killed: this one goes again
                with self._lock:
                    self.waiting.append(path)
                if connection:
                    connection.close()
                connection = None
                time.sleep(0.005)
            else:
                with self._lock:
                    if answer.status == 200:
                        self.answered.append(path)
                    else:
                        self.refused.append(answer.status)
        if connection:
            connection.close()


def test_nothing_answered_is_lost(serve, small):
    dice = random.Random(20150703)
    server = serve(small)
    emails = [f"reader{number}@example.org" for number in range(POSTS)]
    paths = {server.path(email): email for email in emails}
    clients = Clients(list(paths))
    clients.port = server.port
    for thread in clients.threads:
        thread.start()
    lost: set[str] = set()
    for kill in range(KILLS):
        target = len(clients.answered) + POSTS // (KILLS + 2) + dice.randrange(200)
        busy = sqlite3.connect(small / ".newsletter" / "state.db", isolation_level=None) if kill % 2 else None
        if busy:  # every other time the ledger is held, as by a freeze: then the spool has to bear it
            busy.execute("PRAGMA busy_timeout=10000")
            busy.execute("BEGIN IMMEDIATE")
            target = len(clients.answered) + 100
        wait_until(lambda at=target: len(clients.answered) >= at or not clients.waiting, limit_s=120)
        time.sleep(dice.uniform(0, 0.02))
        before = list(clients.answered)
        server.end(signal.SIGKILL)
        if busy:
            busy.close()
        with server.store() as store:  # what lies on disk at this very moment
            found = store.opt_outs()
        lost |= {path for path in before if server.secret.person(paths[path]) not in found}
        server = serve(small)
        clients.port = server.port
    for thread in clients.threads:
        thread.join(timeout=120)
    server.end(signal.SIGKILL)
    assert (lost, clients.refused) == (set(), [])
    assert len(clients.answered) == POSTS
    person = server.secret.person
    with server.store() as store:
        found = store.opt_outs()
    assert {email for email in emails if person(email) not in found} == set()
