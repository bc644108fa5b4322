"""Two hundred and more filters that nobody asks in good faith, as JSON text or what claims to be.

Each comes with what the answer must say: the operator at fault and the nearest valid one, or the
limit that it is over. ``PEOPLE`` is the collection that they are about.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.patterns import ENDLESS, UNREADABLE

PEOPLE: dict[str, Any] = {
    "name": "people",
    "fields": [
        {"name": "name", "type": "text", "indexed": True},
        {"name": "age", "type": "number"},
        {"name": "born", "type": "date"},
        {"name": "tags", "type": "text", "multiple": True},
        {"name": "address", "type": "object", "fields": [{"name": "city", "type": "text"}]},
        {"name": "friends", "type": "people", "relation": "many"},
        {"name": "extra", "type": "JSON"},
        {"name": "place", "type": "geo", "indexed": True},
    ],
}

NEARLY: dict[str, str] = {
    "$neq": "$ne",
    "$equals": "",
    "$gtt": "$gt",
    "$gteq": "$gte",
    "$lower": "",
    "$lteq": "$lte",
    "$regexp": "$regex",
    "$exist": "$exists",
    "$elementMatch": "$elemMatch",
    "$betw": "",
    "$nearSphere": "$near",
    "$geoIntersect": "$geoIntersects",
    "$geoWithins": "$geoWithin",
    "$sizes": "$size",
    "$IN": "$in",
    "$Not": "$not",
}
"""Operators that are mistyped, each with the one that is meant, where one is near."""

FOREIGN: tuple[str, ...] = (
    "$where $function $accumulator $expr $jsonSchema $text $comment $lookup $graphLookup $match "
    "$group $project $out $merge $unionWith $facet $sample $rand $sampleRate $meta $natural $query "
    "$explain $hint $returnKey $type $mod $bitsAllSet $bitsAnyClear $slice $eval $oid $code $scope "
    "$binary $regularExpression $numberLong $minKey $undefined $ref $db $set $inc $push $rename $"
).split()
"""Operators that MongoDB has, or had, or that only look like some; none is one here."""


def hostile() -> Iterator[tuple[str, str, str]]:
    """Name, text, and what the answer must say."""
    for number, pattern in enumerate(ENDLESS):
        yield f"endless {number}", _q(name={"$regex": pattern}), "'$regex' cannot be"
    for number, pattern in enumerate(UNREADABLE):
        yield f"unreadable {number}", _q(name={"$regex": pattern}), UNREADABLE[pattern]
    for operator in FOREIGN:
        yield f"{operator} at the top", json.dumps({operator: "sleep(1000)"}), f"'{operator}'"
        yield f"{operator} in a field", _q(age={operator: {"a": 1}}), f"'{operator}'"
    for operator, meant in NEARLY.items():
        said = f"'{operator}'.{f' Did you mean {meant!r}?' if meant else ''}"
        yield f"{operator} for {meant or 'nothing'}", _q(age={operator: 1}), said
    for family in (_deep, _long, _keys, _shapes, _values, _patterns, _places, _texts):
        for name, text, said in family():
            yield f"{family.__name__[1:]}: {name}", text, said


Case = tuple[str, str, str]


def _q(**fields: Any) -> str:
    return json.dumps(fields)


def _nest(before: str, inside: str, after: str, levels: int = 100) -> str:
    return before * levels + inside + after * levels


def _deep() -> Iterator[Case]:
    too_deep = "The filter has more than 20 levels."
    for operator in ("$and", "$or", "$nor"):
        yield operator, _nest(f'{{"{operator}":[', '{"a":1}', "]}"), too_deep
    yield "$not", _nest('{"$not":', '{"a":1}', "}"), too_deep
    yield "$not in a field", '{"age":' + _nest('{"$not":', '{"$gt":1}', "}") + "}", too_deep
    yield "$elemMatch", _nest('{"tags":{"$elemMatch":', '{"$gt":1}', "}}"), too_deep
    yield "objects", _nest('{"a":', "1", "}"), too_deep
    yield "relations", _nest('{"friends":', '{"name":"x"}', "}"), too_deep
    path = ".".join(["friends"] * 60)
    yield "relations in a path", json.dumps({f"{path}.name": 1}), too_deep
    yield "mixed", _nest('{"$or":[{"$not":{"$and":[', '{"a":1}', "]}}]}", 30), too_deep
    yield "3,000 levels", _nest('{"a":', "1", "}", 3000), "depth limit"
    yield "lists", '{"extra":{"$eq":' + _nest("[", "1", "]", 900) + "}}", "more than 100 levels"
    yield (
        "objects in a list",
        ('{"extra":{"$in":[' + _nest('{"a":', "1", "}", 900) + "]}}"),
        "more than 100 levels",
    )


def _long() -> Iterator[Case]:
    many = "The filter holds more than 500 comparisons."
    for operator in ("$and", "$or", "$nor"):
        yield (
            f"10,000 in {operator}",
            json.dumps({operator: [{"age": n} for n in range(10_000)]}),
            many,
        )
        yield f"10,000 empty ones in {operator}", json.dumps({operator: [{}] * 10_000}), many
    empty = [{"$and": []}] * 10_000
    yield "10,000 empty lists", json.dumps({"$or": empty}), many
    yield "10,000 empty lists in parts", json.dumps({"$or": [{"$or": empty[:200]}] * 50}), many
    yield "10,000 fields", json.dumps({f"f{n}": n for n in range(10_000)}), many
    yield "10,000 parts", _q(address={f"f{n}": n for n in range(10_000)}), many
    yield (
        "10,000 patterns",
        json.dumps({"$or": [{"name": {"$regex": f"(a{n})"}} for n in range(10_000)]}),
        "more than 500 comparisons",
    )
    yield (
        "20 long patterns",
        json.dumps({"$or": [{"name": {"$regex": "ab" * 240 + str(n)}} for n in range(20)]}),
        "are too long together",
    )
    lists = "The lists of the filter hold more than 10000 values."
    for operator in ("$in", "$nin", "$all", "$eq", "$ne"):
        yield f"a huge {operator}", _q(age={operator: list(range(20_000))}), lists
    yield "a huge list in a list", _q(extra={"$eq": [list(range(20_000))]}), lists
    yield "a huge object", _q(extra={"$in": [{f"k{n}": n for n in range(20_000)}]}), lists
    yield "a huge list", _q(tags=["x"] * 20_000), lists
    yield "many lists", json.dumps({"$or": [{"age": {"$in": [1] * 100}}] * 400}), lists
    yield "a long pattern", _q(name={"$regex": "a" * 5000}), "longer than 500 characters"
    yield "a long path", _q(**{"a" * 5000: 1}), "longer than 500 characters"
    yield "a path of many parts", json.dumps({".".join("a" * 200): 1}), "more than 100 parts"


def _keys() -> Iterator[Case]:
    yield "__proto__", '{"__proto__":{"$gt":""}}', "'__proto__'"
    yield "__proto__ inside", '{"a.__proto__.isAdmin":true}', "__proto__"
    yield "__proto__ in a value", '{"extra":{"$eq":{"__proto__":{"a":1}}}}', "'__proto__'"
    yield "__proto__ in a list", '{"extra":{"$in":[[{"__proto__":1}]]}}', "'__proto__'"
    for path in ("__proto__", "constructor.prototype", "_bsontype", "a.constructor.prototype.b"):
        yield f"a value at {path}", json.dumps({path: 1}), "A path of the query"
        yield f"a comparison at {path}", json.dumps({path: {"$gt": ""}}), "A path of the query"
        yield f"an element at {path}", _q(tags={"$elemMatch": {path: 1}}), "A path of the query"
    yield "objects to a prototype", '{"constructor":{"prototype":{"a":1}}}', "leads to a prototype"
    yield "__proto__ in an element", '{"extra":{"$elemMatch":{"__proto__":1}}}', "'__proto__'"
    yield "constructor", '{"constructor":{"$where":"1"}}', "'$where'"
    yield "_bsontype", '{"_id":{"_bsontype":"Code","$code":"1"}}', "'$code'"
    yield "an operator beside fields", '{"age":{"$gt":1,"lt":2}}', "'$gt' stands beside names"
    yield "an operator as a part", '{"address.$where":"1"}', "begins with '$'"
    yield "a positional operator", '{"tags.$[]":1}', "begins with '$'"
    yield "an operator in a value", '{"extra":{"$eq":{"$where":"1"}}}', "'$where'"
    yield "an operator in a list", '{"extra":{"$in":[{"$function":1}]}}', "'$function'"
    yield "an operator deep in a list", '{"extra":{"$all":[[{"a":{"$expr":1}}]]}}', "'$expr'"
    yield "an operator in an id", '{"_id":{"$where":"1"}}', "'$where'"
    yield "an operator in $not", '{"age":{"$not":{"$expr":1}}}', "'$expr'"
    yield "an operator in $elemMatch", '{"tags":{"$elemMatch":{"$where":"1"}}}', "'$where'"
    yield "an operator in $size", '{"tags":{"$size":{"$expr":1}}}', "'$expr'"
    yield "an operator in $near", '{"place":{"$near":{"$where":"1"}}}', "'$where'"
    yield "an operator in $or", '{"$or":[{"$where":"1"}]}', "'$where'"
    yield "an operator behind a relation", '{"friends.name":{"$where":"1"}}', "'$where'"
    yield "null in a name", '{"a\\u0000b":1}', "\\u0000"
    yield "an empty name", '{"":1}', "empty part"
    yield "an empty part", '{"a..b":1}', "empty part"


def _shapes() -> Iterator[Case]:
    yield "a list", "[1]", "A filter is an object"
    yield "a number", "1", "A filter is an object"
    yield "a text", '"x"', "A filter is an object"
    yield "true", "true", "A filter is an object"
    for operator in ("$and", "$or", "$nor"):
        for value in ('{"a":1}', '"x"', "1", "null"):
            yield (
                f"{operator} of {value}",
                f'{{"{operator}":{value}}}',
                f"'{operator}' takes a list",
            )
        yield f"{operator} of texts", f'{{"{operator}":["x"]}}', "A filter is an object"
    yield "$not of a list", '{"$not":[{"a":1}]}', "A filter is an object"
    for operator in ("$in", "$nin", "$all"):
        for value in ('"x"', "1", '{"a":1}', "null"):
            text = f'{{"age":{{"{operator}":{value}}}}}'
            yield f"{operator} of {value}", text, f"'{operator}' takes a list"
    for value in ('"q"', "2", "null", "[]", "{}", "1.0"):
        yield f"$exists of {value}", f'{{"name":{{"$exists":{value}}}}}', "'$exists' takes true or"
    for value in ("1", "[1]", "[1,2,3]", '{"a":1}', "null"):
        yield f"$bt of {value}", f'{{"age":{{"$bt":{value}}}}}', "'$bt' takes a list of two"
    for value in ("-1", "1.5", '"1"', "true", "null", "[1]", "99999999999"):
        yield f"$size of {value}", f'{{"tags":{{"$size":{value}}}}}', "'$size' takes a"
    for value in ("1", "null", '"x"', "[{}]"):
        yield f"$elemMatch of {value}", f'{{"tags":{{"$elemMatch":{value}}}}}', "'$elemMatch' takes"


def _values() -> Iterator[Case]:
    for value in ("NaN", "Infinity", "-Infinity", "1e400", "0x10", "01", "+1", "'x'", "undefined"):
        yield value, f'{{"age":{value}}}', ""
    yield "400 digits", '{"age":%s}' % ("9" * 400), ""
    for value in ("99999999999999999999", "-99999999999999999999"):
        yield value, f'{{"age":{{"$gt":{value}}}}}', "64 bits"
    for value in ('"x"', "true", "{}", "null", '["2020-01-01"]', '"99999-01-01"', '"$tomorow"'):
        yield f"$date of {value}", f'{{"born":{{"$gt":{{"$date":{value}}}}}}}', "'$date' takes"
    yield "$date at the top", '{"$date":"2020-01-01"}', "'$date' cannot stand here"
    yield "$date beside others", '{"born":{"$date":"2020-01-01","$gt":1}}', "'$date' takes"


def _patterns() -> Iterator[Case]:
    for value in ("1", "null", "true", "[]", "{}", '["a"]', '{"$regex":"a"}'):
        text = f'{{"name":{{"$regex":{value}}}}}'
        yield f"$regex of {value}", text, "'$regex' takes a regular expression"
    for value in ("1", "null", '"zz"', '["i"]', '"ig"', '{"$gt":""}'):
        text = f'{{"name":{{"$regex":"a","$options":{value}}}}}'
        yield f"$options of {value}", text, "'$options' takes letters of 'imsx'"
    yield "$options alone", '{"name":{"$options":"i"}}', "'$options' stands beside '$regex' only"
    yield "an endless one in slashes", '{"name":{"$regex":"/(a|A)+$/i"}}', "endless time"
    yield "an endless one inside", '{"tags":{"$elemMatch":{"$regex":"(a+)+$"}}}', "endless time"
    yield "an endless one denied", '{"name":{"$not":{"$regex":"(a+)+$"}}}', "endless time"
    yield "an endless one elsewhere", '{"friends.name":{"$regex":"(a+)+$"}}', "endless time"


def _places() -> Iterator[Case]:
    for value in (
        "1",
        '"1,2"',
        "null",
        "[]",
        "[1]",
        "[1,2,3,4]",
        "[200,0]",
        "[0,100]",
        '["1","2"]',
    ):
        yield f"$near of {value}", f'{{"place":{{"$near":{value}}}}}', "'$near'"
    near = '{"place":{"$near":{"coordinates":[1,2],"$maxDistance":%s}}}'
    for value in ("-1", '"5"', "null", '{"$gt":1}', "1e300"):
        yield f"$maxDistance of {value}", near % value, "'$maxDistance' takes metres"
    yield "$near of no place", '{"name":{"$near":[1,2]}}', "'$near' asks about a place"
    yield "$near in $or", '{"$or":[{"place":{"$near":[1,2]}}]}', "'$near' stands once"
    yield "$near twice", '{"$and":[{"place":{"$near":[1,2]}},{"place":{"$near":[1,2]}}]}', "'$near'"
    for value in ("1", "{}", '{"$box":1}', '{"$polygon":[[1,2]]}', '{"$centerSphere":[[1,2],9]}'):
        yield f"$geoWithin of {value}", f'{{"place":{{"$geoWithin":{value}}}}}', "takes"
    ring = [[n / 10, n % 2] for n in range(1500)]
    yield "a huge outline", _q(place={"$geoWithin": {"$polygon": ring}}), "more than 1000 positions"
    geometry = '{"place":{"$geoIntersects":{"$geometry":%s}}}'
    for value in (
        '{"type":"GeometryCollection","geometries":[]}',
        '{"type":"Polygon","coordinates":[]}',
        '{"type":"Polygon","coordinates":[[[0,0],[1,1],[0,0]]]}',
        '{"type":"Circle","coordinates":[0,0]}',
        '{"type":"Point","coordinates":[[[[0]]]]}',
        '{"coordinates":[0,0]}',
    ):
        yield f"$geoIntersects of {value}", geometry % value, "'$geoIntersects"


def _texts() -> Iterator[Case]:
    yield "no JSON", "{", ""
    yield "half of it", '{"a":{"$gt":', ""
    yield "a lone surrogate", '{"name":"\\ud800"}', ""
    yield "a NUL", '{"name":"a\\u0000"}', "u0000"
    yield "two texts", '{"a":1}{"b":2}', ""
    yield "a comment", '{"a":1/**/}', ""
