"""The ASGI application: which address answers what. Only POST changes anything, and a known link is never refused."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from newsletter.mail.links import Token, read_token
from newsletter.people import opt_outs
from newsletter.settings.model import Settings
from newsletter.settings.secret import Secret
from newsletter.store.store import Store
from newsletter.web.catalogue import language_of
from newsletter.web.pages import Pages
from newsletter.web.rate import RateLimit
from newsletter.web.recorder import NotKept, Recorder

METHODS = ("GET", "HEAD", "OPTIONS", "POST")
LONGEST_BODY = 65_536  # bytes; one-click is 26 of them (RFC 8058 3.1)
BODY_WITHIN_S = 5.0
_ONE_CLICK = b"One-Click"

log = logging.getLogger("newsletter.web")
Answer = Callable[[Request, Token], Awaitable[Response]]


@dataclass
class Desk:
    """What answers readers: the store for looking, the recorder for writing, the pages."""

    store: Store
    secret: Secret
    settings: Settings
    pages: Pages
    limit: RateLimit
    now: Callable[[], datetime]
    recorder: Recorder

    # --- the link in a letter

    async def link(self, request: Request) -> Response:
        """`/u/<token>`: GET asks, POST unsubscribes."""
        return await self._answer(
            request, self._ask if request.method in ("GET", "HEAD") else self._unsubscribe
        )

    async def undo(self, request: Request) -> Response:
        return await self._answer(request, self._ask if request.method in ("GET", "HEAD") else self._undo)

    async def only_list(self, request: Request) -> Response:
        return await self._answer(
            request, self._ask if request.method in ("GET", "HEAD") else self._only_list
        )

    async def _answer(self, request: Request, answer: Answer) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": ", ".join(METHODS)})
        token = read_token(self.secret, request.path_params["token"])
        unlimited = token is not None and request.method == "POST" and answer == self._unsubscribe
        if not unlimited and not self.limit.allows(request.client.host if request.client else ""):
            language = token.language if token else self.pages.language
            return self._page("often", 429, language, headers={"Retry-After": "60"})
        if token is None:
            return self._page("unknown", 404, self.pages.language)
        return await answer(request, token)

    async def _ask(self, request: Request, token: Token) -> Response:
        return self._page("ask", 200, token.language, here=_here(request))

    async def _unsubscribe(self, request: Request, token: Token) -> Response:
        by, close = await _by(request)
        event = opt_outs.everything(token.person, by, self.now())
        if not await self._kept(self.recorder.keep(event)):
            return self._page("failed", 503, token.language, headers={"Retry-After": "60"})
        return self._page(
            "done",
            200,
            token.language,
            here=_here(request),
            list=token.list,
            headers={"Connection": "close"} if close else {},
        )

    async def _undo(self, request: Request, token: Token) -> Response:
        now = self.now()
        done = self.recorder.decide(
            token.person, lambda history: opt_outs.undo(token.person, token.list, history, now)
        )
        return await self._decided(request, token, done, "undone")

    async def _only_list(self, request: Request, token: Token) -> Response:
        now = self.now()
        done = self.recorder.decide(
            token.person, lambda history: opt_outs.only_this_list(token.person, token.list, history, now)
        )
        return await self._decided(request, token, done, "left")

    async def _decided(self, request: Request, token: Token, done: "Future[bool]", page: str) -> Response:
        allowed = await self._kept(done)
        if allowed is None:
            return self._page("failed", 503, token.language, headers={"Retry-After": "60"})
        if not allowed:
            return self._page("late", 409, token.language)
        return self._page(page, 200, token.language, here=_here(request), list=token.list)

    async def _kept(self, done: "Future[bool]") -> bool | None:
        """What came of it; None when it could not be kept. A reader who hangs up does not stop the writing."""
        try:
            return await asyncio.shield(asyncio.wrap_future(done))
        except NotKept as fault:
            log.error("an opt-out could not be kept: %s", fault)  # noqa: TRY400 - the reason, not our way there
            return None

    # --- for machines

    async def health(self, _request: Request) -> Response:
        """Alive, and which ledger this is: a live send asks, so that links lead to where opt-outs are heard."""
        name = await asyncio.to_thread(self.store.name)
        return JSONResponse({"status": "ok", "ledger": name}, headers=_NO_STORE)

    async def ready(self, _request: Request) -> Response:
        """Whether an opt-out could be kept now."""
        ready = self.recorder.is_alive and await asyncio.to_thread(self.store.can_keep)
        return JSONResponse(
            {"status": "ok" if ready else "unavailable"}, status_code=200 if ready else 503, headers=_NO_STORE
        )

    # --- what is no page of ours, and what went wrong

    async def error(self, request: Request, fault: Exception) -> Response:
        status = fault.status_code if isinstance(fault, HTTPException) else 500
        headers = dict(fault.headers or {}) if isinstance(fault, HTTPException) else {}
        if status == 404 and not self.limit.allows(request.client.host if request.client else ""):
            return self._page("often", 429, self.pages.language, headers={"Retry-After": "60"})
        return self._page(
            "unknown" if status == 404 else "failed", status, self.pages.language, headers=headers
        )

    def _page(
        self,
        name: str,
        status: int,
        language: str,
        *,
        headers: dict[str, str] | None = None,
        **values: object,
    ) -> Response:
        tongue = language_of(language, self.pages.language)
        own = {
            "Content-Security-Policy": self.pages.csp,
            "Content-Language": tongue,
            "Referrer-Policy": "no-referrer",
            "X-Robots-Tag": "noindex, nofollow",
            "X-Content-Type-Options": "nosniff",
            **_NO_STORE,
        }
        return HTMLResponse(self.pages.render(name, language, **values), status, own | (headers or {}))


_NO_STORE = {"Cache-Control": "no-store"}


def _here(request: Request) -> str:
    """The link itself, seen from the page that is shown: whatever a proxy put before `/u/`, it stays right."""
    path = request.url.path
    below = path[path.rindex("/u/") + 3 :].count("/")
    return "../" * below + str(request.path_params["token"])


async def _by(request: Request) -> tuple[opt_outs.By, bool]:
    """Whether a mail program or a hand pressed the button, and whether the rest of the body was left unread.

    The body decides nothing else: a link that is ours opts out, whatever came along with it.
    """
    read, size = b"", 0
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for chunk in request.stream():
                size += len(chunk)
                read = (read + chunk)[:4096]
                if size > LONGEST_BODY:
                    return "page", True
    except (TimeoutError, ClientDisconnect):
        return "page", True
    return ("one-click" if _ONE_CLICK in read else "page"), False


def make_app(desk: Desk) -> Starlette:
    """The application; at its end it writes what is still waiting."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(desk.recorder.close)

    methods = [method for method in METHODS if method != "HEAD"]  # comes with GET
    pages = (("", desk.link), ("/undo", desk.undo), ("/list", desk.only_list))
    app = Starlette(
        routes=[
            *(
                Route(f"/u/{{token}}{tail}{slash}", answer, methods=methods)
                for tail, answer in pages
                for slash in ("", "/")
            ),
            Route("/healthz", desk.health),
            Route("/readyz", desk.ready),
        ],
        exception_handlers={HTTPException: desk.error, Exception: desk.error},
        lifespan=lifespan,
    )
    # Nothing is ever redirected: RFC 8058 forbids it, and the address would be made of whatever Host was sent.
    app.router.redirect_slashes = False
    return app
