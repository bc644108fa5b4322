"""Whether the keys of objects are fields or data: ``address.city`` or ``prices.EUR``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from duetdb.schema_gen.inference_values import kind_of

MANY_KEYS: Final = 10
MANY_CODES: Final = 8
_DATA_KEY = re.compile(
    r"[0-9a-f]{16,}"  # hashes and ObjectIds
    r"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # UUIDs
    r"|[-+]?[0-9]+([.:/-][0-9]+)*"  # numbers, dates, versions
    r"|[^@\s]+@[^@\s]+"  # addresses
    r"|https?://.*",
    re.IGNORECASE,
)
_CODE = re.compile(r"[a-z]{2}|[a-z]{3}|[A-Z]{2}|[A-Z]{3}|[a-z]{2}[-_][A-Z]{2}")
# ISO 639-1 and 639-3 codes of the languages that software is most often translated to.
_CODES = (
    "ar bg bn bs ca cs cy da de el en es et eu fa fi fil fr ga gl gu he hi hr hu hy id is it ja ka "
    "kk kn ko lt lv mk ml mr ms nb nl nn no pa pl pt ro ru sk sl sq sr sv sw ta te th tr uk ur uz "
    "vi zh ara ben bos bre bul cat ces cym dan deu ell eng est eus fas fin fra gle glg guj heb hin "
    "hrv hun hye ind isl ita jpn kan kat kaz kor lav lit mal mar mkd msa nld nno nob nor pan per "
    "pol por ron rus slk slv spa sqi srp swa swe tam tel tha tur ukr urd uzb vie zho"
)
_LANGUAGES: Final = frozenset(_CODES.split())
_WORDS: Final = frozenset({"id", "is", "it", "no", "lt", "hr", "ms", "pa"})
"""Codes that are ordinary field names too, and prove nothing alone."""


def is_map(objects: Sequence[Mapping[str, Any]]) -> bool:
    """Whether objects are maps, so that a field per key would be a field per datum.

    They are when the keys look like ids, numbers or addresses; or when the
    values are all of one shape and the keys are language codes, or many codes
    of one form, or many keys of which none is common.
    """
    keys = Counter(key for each in objects for key in each)
    if not keys:
        return False
    if sum(1 for key in keys if _DATA_KEY.fullmatch(key)) >= 0.8 * len(keys):
        return True
    if len(keys) < 2 or not _one_shape([value for each in objects for value in each.values()]):
        return False
    if _are_languages(keys):
        return True
    if len(keys) >= MANY_CODES and _one_form(keys):
        return True
    return len(keys) >= MANY_KEYS and max(keys.values()) <= len(objects) / 2


def _are_languages(keys: Mapping[str, int]) -> bool:
    codes = {key.replace("_", "-").partition("-")[0] for key in keys}
    return codes <= _LANGUAGES and not codes <= _WORDS


def _one_form(keys: Mapping[str, int]) -> bool:
    forms = {(len(key), key.isupper()) for key in keys}
    return len(forms) == 1 and all(_CODE.fullmatch(key) for key in keys)


def _one_shape(values: Sequence[Any]) -> bool:
    """Whether values are alike; of objects, whether all share the most common key."""
    filled = [value for value in values if value is not None]
    kinds = {kind_of(value) for value in filled}
    if kinds <= {"number", "float_number"}:
        return True
    if len(kinds) != 1:
        return False
    if kinds != {"object"}:
        return True
    parts = Counter(key for value in filled for key in value)
    return not parts or parts.most_common(1)[0][1] >= 0.9 * len(filled)
