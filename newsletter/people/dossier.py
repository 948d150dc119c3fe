"""Everything that is held on one person: rows, consent, opt-outs and what was sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from newsletter.audience.leaving import EVERYTHING
from newsletter.audience.load import FOLDER
from newsletter.audience.models import Subscriber
from newsletter.audience.table import fold_name
from newsletter.audience.waterfall import Rules, facts_of
from newsletter.check.workspace import Workspace
from newsletter.errors import ChecksFailed, Problem
from newsletter.files.project import Project
from newsletter.people import rows
from newsletter.people.identity import Identity
from newsletter.people.traces import copies_of_lists, files_that_name
from newsletter.settings.model import ListSettings
from newsletter.store.store import Store
from newsletter.store.values import Consent, History, OptOutEvent


@dataclass(frozen=True)
class Row:
    """One row of a list. basis: on which ground this list is written to"""

    list: str
    file: str
    line: int
    basis: str
    cells: Mapping[str, str]  # by column, empty ones left out

    @property
    def consent_source(self) -> str:
        return self.cells.get("consent_source", "")


@dataclass(frozen=True)
class Dossier:
    """What is held; nothing in it is made up for the occasion.

    standing: how a waterfall would see them, in a word: `subscribed`, or why they get nothing
    copies: rows in copies of lists, and mentions in rows of others, by file
    files: what else names the address, relative to the project
    unread: lists that can't be read and may hold more
    """

    email: str
    hmac: str
    standing: str
    rows: Sequence[Row]
    consents: Sequence[Consent]
    scopes: frozenset[str]
    opt_outs: Sequence[OptOutEvent]
    history: History
    copies: Sequence[tuple[str, Sequence[str]]]
    files: Sequence[str]
    unread: Sequence[Problem]

    @property
    def is_empty(self) -> bool:
        held = (self.rows, self.consents, self.opt_outs, self.history.email, self.copies, self.files)
        return not any(held)

    def as_json(self) -> dict[str, object]:
        return {
            "email": self.email,
            "fingerprint": self.hmac,
            "standing": self.standing,
            "rows": [
                {"list": r.list, "file": r.file, "line": r.line, "basis": r.basis, "cells": dict(r.cells)}
                for r in self.rows
            ],
            "consents": [
                {
                    "list": c.list,
                    "source": c.source,
                    "text_version": c.text_version,
                    "proof": c.proof,
                    "given_at": _iso(c.given_at),
                    "recorded_at": _iso(c.recorded_at),
                }
                for c in self.consents
            ],
            "suppressed": sorted(self.scopes),
            "opt_outs": [
                {"act": e.act, "scope": e.scope, "reason": e.reason, "source": e.source, "at": _iso(e.at)}
                for e in self.opt_outs
            ],
            "received": [
                {
                    "environment": r.env,
                    "campaign": r.campaign,
                    "occurrence": r.occurrence,
                    "state": str(r.state),
                    "reason": r.reason,
                    "at": _iso(r.at),
                    "attempts": [
                        {
                            "id": a.id,
                            "state": a.state,
                            "started_at": _iso(a.started_at),
                            "ended_at": _iso(a.ended_at),
                        }
                        for a in r.attempts
                    ],
                    "events": [
                        {"kind": e.kind, "attempt": e.attempt_id, "at": _iso(e.at), "detail": e.detail}
                        for e in r.events
                    ],
                }
                for r in self.history.received
            ],
            "sequences": [
                {
                    "environment": s.env,
                    "sequence": s.sequence,
                    "step": s.step,
                    "state": s.state,
                    "entered_at": _iso(s.entered_at),
                    "ended_at": _iso(s.ended_at),
                }
                for s in self.history.sequences
            ],
            "copies": [{"file": file, "cells": list(cells)} for file, cells in self.copies],
            "files": list(self.files),
        }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def dossier(workspace: Workspace, store: Store | None, who: Identity) -> Dossier:
    """All that files and ledger hold. Reads only; a list that can't be read is told, and the rest is there."""
    found, unread = _rows(workspace, who.key)
    copies, damaged = _copies(workspace.project, who)
    person = workspace.audience.find(who.key)
    scopes = store.opt_outs([who.hmac]).get(who.hmac, frozenset()) if store else frozenset()
    return Dossier(
        email=person.email if person else who.email,
        hmac=who.hmac.hex(),
        standing=_standing(person, scopes),
        rows=found,
        consents=store.consents(who.hmac) if store else (),
        scopes=scopes,
        opt_outs=store.opt_out_history(who.hmac) if store else (),
        history=store.history(who.hmac) if store else History(None),
        copies=copies,
        files=files_that_name(workspace.project, who),
        unread=unread + damaged,
    )


def _standing(person: Subscriber | None, scopes: frozenset[str]) -> str:
    """By the waterfall's own rules, short of what only a live send asks."""
    if person is None:
        return "suppressed" if EVERYTHING in scopes else "unknown"
    return Rules(None).reason(facts_of(person), excluded=False, left=scopes, capped=False) or "subscribed"


def _copies(project: Project, who: Identity) -> tuple[list[tuple[str, Sequence[str]]], list[Problem]]:
    """Rows in copies of lists, whole; and where other people's rows name them, without what those say of others."""
    found: list[tuple[str, Sequence[str]]] = []
    unread: list[Problem] = []
    copies = copies_of_lists(project)
    for file in (*project.entries(FOLDER, ".csv"), *copies):
        try:
            named = rows.rows_naming(rows.decode(project.read_bytes(file)), who.key, file)
        except ChecksFailed as failed:
            unread += failed.problems if file in copies else ()  # of a list it is told already
            continue
        found += [(file, row.cells) for row in named.own if file in copies]
        found += [(f"{file}:{row.first}", [who.email]) for row in named.others]
    return found, unread


def _rows(workspace: Workspace, key: str) -> tuple[list[Row], list[Problem]]:
    project, settings = workspace.project, workspace.settings
    found: list[Row] = []
    unread: list[Problem] = []
    for file in project.entries(FOLDER, ".csv"):
        name = file.removeprefix(f"{FOLDER}/")[: -len(".csv")]
        basis = (settings.list.get(name) or ListSettings()).basis
        try:
            text = rows.decode(project.read_bytes(file))
            header = next(rows.rows_of(text, file), None)
            named = rows.rows_naming(text, key, file).own
        except ChecksFailed as failed:
            unread += failed.problems
            continue
        columns = [fold_name(cell) for cell in header.cells] if header else []
        for row in named:
            cells = dict(zip(columns, row.cells, strict=False))
            cells |= {f"(cell {n + 1})": cell for n, cell in enumerate(row.cells) if n >= len(columns)}
            found.append(
                Row(name, file, row.first, basis, {k: v.strip() for k, v in cells.items() if v.strip()})
            )
    return found + _printed(workspace, key), unread


def _printed(workspace: Workspace, key: str) -> list[Row]:
    """Rows of the lists that a program prints, as they were loaded last: there is no file to read them from."""
    found = []
    for row in workspace.lists.rows(key):
        ground = workspace.settings.list.get(row.list)
        if ground and ground.source:
            cells = {"email": row.email, **{name: str(value) for name, value in row.values.items()}}
            cells |= {"tags": ", ".join(row.tags), "status": str(row.standing)}
            kept = {name: cell for name, cell in cells.items() if cell}
            found.append(Row(row.list, row.file, row.line, ground.basis, kept))
    return found
