"""What ``duetdb doctor`` says of users, their records, and who may act for them."""

from __future__ import annotations

from typing import Any

import pytest

from duetdb.app.cli._risks import Risk, risks_of
from duetdb.app.service.access.reach import reaches
from duetdb.app.service.keys.web_key import WebKey
from duetdb.app.settings import Settings
from duetdb.schema_gen.build import build_schema

JWKS: dict[str, Any] = {
    "jwt_algorithm": "ES256",
    "jwt_jwks_url": "https://issuer.example/jwks.json",
}


def told(key: WebKey | None = None, users: str = "users", **flags: object) -> list[Risk]:
    settings = Settings.load({**flags, "users_collection": users}, {}, env_file=None)
    fields = [{"name": "email", "type": "email"}, {"name": "roles", "type": "text"}]
    definition = {"name": users, "fields": fields}
    schema = build_schema({users: definition}, version=1, users=users)
    keys = [] if key is None else [key]
    return list(risks_of(settings, schema, keys, reaches(schema, keys, ())))


@pytest.mark.parametrize(("origins", "serious"), [((), False), (("https://app.example",), True)])
def test_a_key_that_signs_tokens(origins: tuple[str, ...], serious: bool) -> None:
    key = WebKey(id="1", paths=("/auth/jwt/",), origins=origins)
    sentence = "May sign tokens for every user: no page must carry it."
    assert Risk("key 1", sentence, serious) in told(key)


def test_published_keys_without_an_issuer() -> None:
    sentence = "Whoever the keys belong to may name any issuer."
    assert Risk("jwt_issuer", sentence, False) in told(**JWKS)
    assert not [each for each in told(**JWKS, jwt_issuer="x") if each.where == "jwt_issuer"]


@pytest.mark.parametrize("registration", [False, True])
def test_what_is_open_to_all_users_is_a_risk_if_anybody_is_one(registration: bool) -> None:
    settings = Settings.load({"passwords": True, "registration": registration}, {}, env_file=None)
    definition = {"name": "posts", "fields": [{"name": "title", "type": "text"}]}
    schema = build_schema({"posts": definition}, version=1)
    sentence = "May change and delete all of 'posts': it names no roles."
    found = risks_of(settings, schema, [], reaches(schema, [], ()))
    assert Risk("any user", sentence, registration) in found


@pytest.mark.parametrize("users", ["users", "people"])
def test_a_key_that_gives_rights(users: str) -> None:
    sentence = "May write roles of users, and with it give itself rights."
    key = WebKey(id="1", paths=(f"/{users}/**",), writable=("roles",))
    assert Risk("key 1", sentence) in told(key, users)
    star = WebKey(id="1", paths=("/**",), writable=("roles",))
    assert Risk("key 1", sentence) not in told(star, users)
