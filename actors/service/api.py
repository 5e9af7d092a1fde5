"""The live service's HTTP API (docs/live.md)."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, HTTPException, Request, WebSocket, WebSocketDisconnect
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as AnyHTTPException

from ns_ray.actors.service.audience import Audience, Viewer
from ns_ray.actors.service.enhancement import Wish
from ns_ray.actors.service.keys import Keys
from ns_ray.actors.service.live_service import LiveService, NoRoomError, TakenError, UnknownStreamError
from ns_ray.actors.service.views import ChangedStream, Health, NewStream, StreamView, stream_view
from ns_ray.errors import NsRayError

_MOST_VIEWERS = 256
_BEGIN_SECONDS = 10.0
_ISOLATED = {  # without which browsers give pages no threads
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
_POLICY_VIOLATION, _TRY_LATER = 1008, 1013  # RFC 6455, section 7.4.1


def application(service: LiveService, keys: Keys, model: str, player: Path, origins: frozenset[str]) -> FastAPI:
    """The API.

    Args:
        service: what it is of.
        keys: who may do what.
        model: the DNN of streams that name none.
        player: folder of the page that plays streams; served if it is there.
        origins: of other sites whose pages may play streams, such as `https://tv.example`.
    """
    app = FastAPI(title="NeuroScaler", docs_url=None, redoc_url=None, openapi_url=None)
    _refusals(app)
    _control(app, service, keys, model)
    _viewing(app, service, keys, origins)
    if player.is_dir():
        app.mount("/player", StaticFiles(directory=player, html=True), name="player")

        @app.middleware("http")
        async def isolate(request: Request, call_next: Any) -> Response:
            response: Response = await call_next(request)
            if request.url.path.startswith("/player"):
                response.headers.update(_ISOLATED)
            return response

    return app


def _refusals(app: FastAPI) -> None:
    """What is wrong is said in one form: `{"error": what and remedy}`."""

    def refusal(status: int, error: str, headers: dict[str, str] | None = None) -> JSONResponse:
        return JSONResponse({"error": error}, status, headers)

    @app.exception_handler(AnyHTTPException)
    async def refused(_: Request, error: AnyHTTPException) -> Response:
        ours = isinstance(error, HTTPException)
        text = error.detail if ours else f"{error.detail}: what there is, and what can be done with it: docs/live.md"
        return refusal(error.status_code, text, dict(error.headers) if error.headers else None)

    @app.exception_handler(RequestValidationError)
    async def nonsense(_: Request, error: RequestValidationError) -> Response:
        wrong = (f"{'.'.join(map(str, one['loc'][1:])) or 'the body'}: {one['msg']}" for one in error.errors())
        return refusal(400, "; ".join(wrong) + " (what may be said: docs/live.md)")

    @app.exception_handler(NsRayError)
    async def wrong(_: Request, error: NsRayError) -> Response:
        status = {UnknownStreamError: 404, TakenError: 409, NoRoomError: 503}.get(type(error), 400)
        return refusal(status, str(error))


def _control(app: FastAPI, service: LiveService, keys: Keys, model: str) -> None:
    def with_token(request: Request) -> None:
        kind, _, told = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not keys.is_token(told.strip()):
            remedy = "send the header `Authorization: Bearer TOKEN`; the token is in the file that jobs/serve.py names"
            raise HTTPException(401, remedy, {"WWW-Authenticate": "Bearer"})

    allowed = [Depends(with_token)]

    def view(name: str) -> StreamView:
        return stream_view(service.stream(name), keys.viewing(name))

    @app.get("/health")
    async def health() -> Health:
        streams = service.streams.values()
        viewers = sum(len(stream.audience.viewers) for stream in streams)
        status: Literal["ok", "degraded"] = "degraded" if service.problem else "ok"
        return Health(
            status=status, streams=len(streams), live=sum(one.state == "live" for one in streams), viewers=viewers
        )

    @app.get("/streams", dependencies=allowed)
    async def streams() -> list[StreamView]:
        return [view(name) for name in service.streams]

    @app.post("/streams", dependencies=allowed, status_code=201)
    async def add(new: NewStream) -> StreamView:
        wish = Wish(new.model or model, new.weights, new.fraction, new.priority)
        service.add(new.name, new.source, wish, listen=new.listen, repeat=new.repeat)
        return view(new.name)

    @app.get("/streams/{name}", dependencies=allowed)
    async def one(name: str) -> StreamView:
        return view(name)

    @app.patch("/streams/{name}", dependencies=allowed)
    async def change(name: str, changed: ChangedStream) -> StreamView:
        await service.change(name, changed.change)
        return view(name)

    @app.delete("/streams/{name}", dependencies=allowed)
    async def remove(name: str) -> StreamView:
        return stream_view(await service.remove(name), keys.viewing(name))


def _viewing(app: FastAPI, service: LiveService, keys: Keys, origins: frozenset[str]) -> None:
    def audience(name: str, key: str) -> Audience:
        if not keys.may_view(name, key):
            raise HTTPException(403, "this stream's key is needed: take its `live` address from GET /streams")
        found = service.stream(name).audience
        if len(found.viewers) >= _MOST_VIEWERS:
            raise HTTPException(503, f"{_MOST_VIEWERS} watch this stream, which are the most; try later")
        return found

    async def joined(of: Audience) -> Viewer:
        try:
            async with asyncio.timeout(_BEGIN_SECONDS):
                return await of.join()
        except TimeoutError:
            raise HTTPException(503, "nobody sends this stream yet; try later", {"Retry-After": "5"}) from None

    @app.get("/streams/{name}/live")
    async def live(name: str, key: Annotated[str, "of this stream's viewers"] = "") -> Response:
        of = audience(name, key)
        viewer = await joined(of)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_sent(of, viewer), media_type="video/x-matroska", headers=headers)

    @app.websocket("/streams/{name}/live")
    async def live_messages(socket: WebSocket, name: str, key: str = "") -> None:
        origin = socket.headers.get("origin")
        if origin is not None and origin not in origins and urlsplit(origin).netloc != socket.headers.get("host"):
            await socket.close(_POLICY_VIOLATION, f"pages of {origin} may not play: see --allow-origin")
            return
        await socket.accept()
        try:
            of = audience(name, key)
            async with aclosing(_sent(of, await joined(of))) as messages:
                async for message in messages:
                    await socket.send_bytes(message)
            await socket.close()
        except HTTPException as error:
            await socket.close(_TRY_LATER if error.status_code == 503 else _POLICY_VIOLATION, error.detail[:120])
        except UnknownStreamError as error:
            await socket.close(_POLICY_VIOLATION, str(error)[:120])
        except WebSocketDisconnect:  # who went
            pass


async def _sent(audience: Audience, viewer: Viewer) -> AsyncGenerator[bytes, None]:
    try:
        async for message in viewer.messages():
            yield message
    finally:
        audience.leave(viewer)
