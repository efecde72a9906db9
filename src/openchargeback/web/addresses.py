"""What an address of the web program is. Each module with pages lists its own; `app.py` puts them together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from openchargeback.web.access import Action

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Address:
    """An address and what answers it. answers: by method, the action that it needs and the function.

    upload: whether it takes files.
    """

    path: str
    answers: Mapping[str, tuple[Action, Handler]] = field(default_factory=dict)
    upload: bool = False
