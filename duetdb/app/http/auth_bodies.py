"""What the addresses below /auth take as bodies: each field declared, nothing else let in."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from starlette.requests import Request

from duetdb.app.http.bodies import parse_form, parse_json, read_body
from duetdb.app.http.failures import UnsupportedMediaType
from duetdb.app.service.errors import BadRequest, Invalid, ValidationFailed
from duetdb.app.service.identity.minting import Mint, MintAlgorithm
from duetdb.app.service.identity.passwords import LONGEST
from duetdb.app.service.identity.users import LONGEST_EMAIL

_MOST_BYTES: Final = 65_536
_LONGEST_LIFE: Final = 366 * 86_400
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION: Final = re.compile(r"([1-9]\d{0,8})\s?([smhd])")

B = TypeVar("B", bound=BaseModel)


def _seconds(value: Any) -> Any:
    """``1h``, ``15m``, ``30s`` and ``7d`` as seconds; a number is seconds already."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    return value if match is None else int(match[1]) * _UNITS[match[2]]


_ADDRESS_PART: Final = r"[^@\s\p{C}<>()\[\],;:\"\\]+"
"""Nothing that is not seen, and nothing that makes one address several in the head of a mail."""

Email = Annotated[
    str,
    Field(min_length=3, max_length=LONGEST_EMAIL, pattern=f"^{_ADDRESS_PART}@{_ADDRESS_PART}$"),
]
Password = Annotated[str, Field(min_length=1, max_length=LONGEST)]
Token = Annotated[str, Field(min_length=1, max_length=256)]
Text = Annotated[str, Field(max_length=1000)]
Seconds = Annotated[int, BeforeValidator(_seconds), Field(ge=1, le=_LONGEST_LIFE)]


class Body(BaseModel):
    """Texts are texts: neither an object nor a number is made into one."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class MintBody(Body):
    secret: Text
    algorithm: MintAlgorithm | None = None
    issuer: Text | None = None
    audience: Text | None = None
    subject: Text | None = None
    expires_in: Seconds = Field(default=3600, alias="expiresIn")
    payload: dict[str, Any] = Field(default_factory=dict)

    def mint(self) -> Mint:
        return Mint(
            secret=self.secret,
            seconds=self.expires_in,
            algorithm=self.algorithm,
            issuer=self.issuer,
            audience=self.audience,
            subject=self.subject,
            payload=self.payload,
        )


class RefreshBody(Body):
    refresh: Token | None = None
    code: Token | None = None


class LoginBody(Body):
    email: Email
    password: Password


class RegisterBody(Body):
    email: Email
    password: Password
    name: Text | None = None
    given_name: Text | None = None
    family_name: Text | None = None
    picture: Text | None = None

    def profile(self) -> Mapping[str, str]:
        """What the record will say of the user beside the address; never what gives rights."""
        return self.model_dump(exclude={"email", "password"}, exclude_none=True)


class VerifyBody(Body):
    token: Token


class AskResetBody(Body):
    email: Email


class ResetBody(Body):
    token: Token
    password: Password


class PasswordBody(Body):
    password: Password
    new_password: Password = Field(alias="newPassword")


class SecretBody(Body):
    value: str


def body_of(model: type[B]) -> Callable[[Request], Awaitable[B]]:
    """A dependency that reads the body of a request as JSON or a form.

    Raises ``ValidationFailed`` with every mistake, ``BadRequest`` for what cannot be
    parsed, and ``TooLarge``.
    """

    async def read(request: Request) -> B:
        given = _parsed(request, await read_body(request, _MOST_BYTES))
        if not isinstance(given, dict):
            raise BadRequest("The body must be one JSON object.")
        try:
            return model.model_validate(given)
        except ValidationError as error:
            raise ValidationFailed([_invalid(each) for each in error.errors()]) from None

    return read


def _parsed(request: Request, raw: bytes) -> Any:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return parse_form(raw)
    if kind not in ("", "application/json"):
        raise UnsupportedMediaType(
            f"Bodies of type {kind[:100]} are not read here.", hint="Send application/json."
        )
    return parse_json(raw) if raw else {}


def _invalid(error: Any) -> Invalid:
    field = ".".join(map(str, error["loc"]))
    match error["type"]:
        case "missing":
            return Invalid(field, "Is required.", "REQUIRED")
        case "extra_forbidden":
            return Invalid(field, "Is not a property of this body.", "TYPE")
        case "string_pattern_mismatch":
            return Invalid(field, "Must be an e-mail address such as name@example.com.", "REGEX")
    return Invalid(field, f"{error['msg']}.", "TYPE")
