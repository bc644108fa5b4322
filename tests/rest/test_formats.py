"""Formats by the suffix of a list's address (SPEC 6.1), and what ``Accept`` may say (SPEC 5)."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser

import httpx
import pytest

from duetdb.app.transfer.csv_reader import read_csv
from duetdb.schema_gen.metadata import parse
from tests.rest.conftest import PEOPLE, insert

EVIL = '<script>alert(1)</script> & "it\'s" \u2028 </title> ]]> <!-- --> 🎈'
SUFFIXES = ("json", "html", "js", "csv", "ndjson")
TYPES = {
    "json": "application/json; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "csv": "text/csv; charset=utf-8; header=present",
    "ndjson": "application/x-ndjson; charset=utf-8",
}


@pytest.fixture
async def people(rest: httpx.AsyncClient) -> httpx.AsyncClient:
    acme = await insert(rest, "companies", {"name": "Acme"})
    ann = {"name": "Ann", "age": 30, "salary": 12.5, "active": True, "company": acme["_id"]}
    await insert(rest, "people", {**ann, "tags": ["a", "b"], "address": {"city": "Oslo"}})
    bob = await insert(rest, "people", {"name": "Bob", "born": "2001-02-03", "nick": "Bo"})
    await insert(rest, f"people/{bob['_id']}/notes", [{"text": "one"}, {"text": "two"}])
    return rest


class Reader(HTMLParser):
    """The cells of a page by rows, and every element and attribute in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self._depth = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self._depth += tag == "table"
        if self._depth == 1 and tag == "tr":
            self.rows.append([])
        elif self._depth == 1 and tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._depth -= tag == "table"

    def handle_data(self, data: str) -> None:
        if self._depth and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip("\n")


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def written_by(script: str) -> str:
    """The markup that a script puts into its page."""
    found = re.fullmatch(
        r'document\.currentScript\.insertAdjacentHTML\("afterend",(".*")\);\n', script
    )
    assert found, script
    markup: str = json.loads(found[1])
    return markup


async def test_json_is_what_there_is_without_a_suffix(people: httpx.AsyncClient) -> None:
    plain = await people.get("/rest/people?sort=name")
    named = await people.get("/rest/people.json?sort=name")
    assert named.content == plain.content
    assert named.headers["x-pagination"] == plain.headers["x-pagination"]


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_every_format_of_every_list(people: httpx.AsyncClient, suffix: str) -> None:
    ids = [each["_id"] for each in (await people.get("/rest/people")).json()]
    for path, text in (("people", "Ann"), (f"people/{ids[1]}/notes", "two")):
        answer = await people.get(f"/rest/{path}.{suffix}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, TYPES[suffix])
        assert text in answer.text
        assert answer.headers["cache-control"] == "no-store"
        head = await people.head(f"/rest/{path}.{suffix}")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == TYPES[suffix]
        assert head.headers.get("content-length") == answer.headers.get("content-length")
        assert ("x-pagination" in answer.headers) == (suffix in ("json", "html", "js"))


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_a_format_can_only_be_read(people: httpx.AsyncClient, suffix: str) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = await people.request(method, f"/rest/people.{suffix}", json={"name": "x"})
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_other_suffixes_are_unknown_collections(people: httpx.AsyncClient) -> None:
    answer = await people.get("/rest/people.xml")
    assert (answer.status_code, answer.json()["message"][:38]) == (
        404,
        "There is no collection 'people.xml'. D",
    )
    for path in ("nothing.csv", ".csv", "_meta.csv", "_meta.json", "people/1/notes.csv"):
        assert (await people.get(f"/rest/{path}")).status_code == 404, path
    assert (await people.get("/rest/people/1/notes.xml")).status_code == 404


async def test_a_collection_with_such_a_name_wins(people: httpx.AsyncClient) -> None:
    for name in ("people.csv", "prices.json"):
        meta = {"name": name, "fields": [{"name": "a", "type": "text"}]}
        assert (await people.put(f"/rest/{name}/_meta", json=meta)).status_code == 200
        made = await insert(people, name, {"a": "b"})
        assert (await people.get(f"/rest/{name}")).json() == [{"_id": made["_id"], "a": "b"}]
    assert (await people.get("/rest/people.csv.csv")).text.splitlines()[0] == "_id,a"


@pytest.mark.parametrize(
    ("suffix", "accept", "status"),
    [
        ("html", "text/html", 200),
        ("csv", "text/csv", 200),
        ("csv", "text/*", 200),
        ("csv", "application/json", 200),
        ("ndjson", "application/x-ndjson", 200),
        ("js", "text/javascript", 200),
        ("html", "image/png, */*;q=0.1", 200),
        ("html", "text/csv", 406),
        ("csv", "image/png", 406),
        ("ndjson", "text/csv;q=1, application/x-ndjson;q=0", 406),
    ],
)
async def test_accept(people: httpx.AsyncClient, suffix: str, accept: str, status: int) -> None:
    answer = await people.get(f"/rest/people.{suffix}", headers={"accept": accept})
    assert answer.status_code == status
    if status == 406:
        assert answer.json()["message"].endswith(" only.")


async def test_html_is_a_table_of_all_fields(people: httpx.AsyncClient) -> None:
    page = Reader((await people.get("/rest/people.html?sort=name")).text)
    first = (await people.get("/rest/people?sort=name")).json()[0]
    assert page.rows[0] == [*first, "born", "nick"]
    cells = [dict(zip(page.rows[0], row, strict=True)) for row in page.rows[1:]]
    assert (cells[0]["name"], cells[0]["age"], cells[0]["salary"]) == ("Ann", "30", "12.5")
    assert (cells[0]["active"], cells[0]["tags"], cells[0]["born"]) == ("true", "ab", "")
    assert (cells[0]["address"], cells[0]["company"]) == (
        "cityOslo",
        f"_id{first['company'][0]['_id']}nameAcme",
    )
    assert cells[1]["born"] == "2001-02-03T00:00:00.000Z"


async def test_html_follows_the_parameters(people: httpx.AsyncClient) -> None:
    query = 'h={"$fields":{"name":1,"_id":0}}&sort=name&dir=-1&max=1&totals=true'
    answer = await people.get(f"/rest/people.html?{query}")
    assert Reader(answer.text).rows[:2] == [["name"], ["Bob"]]
    pagination = {"count": 1, "skip": 0, "max": 1, "total": 2}
    assert json.loads(answer.headers["x-pagination"]) == pagination
    assert "<tr><th>total</th><td>2</td></tr>" in answer.text
    empty = await people.get('/rest/people.html?q={"name":"none"}')
    assert "<p>Nothing.</p>" in empty.text
    assert (await people.get("/rest/people.html?max=10001")).status_code == 400
    assert (await people.get("/rest/people.html?q={")).json()["status"] == 400


async def test_html_escapes_everything(people: httpx.AsyncClient) -> None:
    """Names and values, inside and outside; nothing in the page is a link or loads anything."""
    body = {"name": EVIL, EVIL.replace(".", ""): {EVIL.replace(".", ""): [EVIL]}}
    made = await insert(people, "people", body)
    answer = await people.get(f'/rest/people.html?q={{"_id":"{made["_id"]}"}}')
    page = Reader(answer.text)
    tags = "html head meta title style body h1 table thead tbody tr th td ul li"
    assert page.tags == set(tags.split())
    assert page.attributes == {"lang", "charset"}
    assert dict(zip(*page.rows[:2], strict=True))["name"] == EVIL
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_the_name_of_a_collection_is_escaped(people: httpx.AsyncClient) -> None:
    name = "<b>'\"&<b>"
    meta = {"name": name, "fields": [{"name": "a", "type": "text"}]}
    assert (await people.put(f"/rest/{quoted(name)}/_meta", json=meta)).status_code == 200
    await insert(people, quoted(name), {"a": "1"})
    for suffix in ("html", "js", "csv", "ndjson"):
        answer = await people.get(f"/rest/{quoted(name)}.{suffix}")
        assert answer.status_code == 200
        assert "<b>" not in answer.text
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"_b_____b_.ndjson\"; filename*=UTF-8''%3Cb%3E%27%22%26%3Cb%3E.ndjson"
    )


def quoted(name: str) -> str:
    return "".join(f"%{each:02X}" for each in name.encode())


async def test_a_wide_table_is_bounded(people: httpx.AsyncClient) -> None:
    """Beyond 100 columns, properties stand in the last one with their names."""
    await insert(people, "people", {"name": "Cid", **{f"p{n}": n for n in range(200)}})
    page = Reader((await people.get('/rest/people.html?q={"name":"Cid"}')).text)
    assert [len(row) for row in page.rows[:2]] == [101, 101]
    assert page.rows[0][-1] == "..."
    assert page.rows[1][-1].endswith("p198198p199199")


async def test_js_writes_the_same_table(people: httpx.AsyncClient) -> None:
    await insert(people, "people", {"name": EVIL})
    page = (await people.get("/rest/people.html")).text
    answer = await people.get("/rest/people.js")
    markup = written_by(answer.text)
    assert markup in page
    assert Reader(markup).rows == Reader(page).rows
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_js_cannot_be_broken_out_of(people: httpx.AsyncClient) -> None:
    await insert(people, "people", {"name": EVIL, "x\u2029": "\u2028"})
    script = (await people.get("/rest/people.js")).text
    assert not any(sign in script for sign in "<>&\u2028\u2029")


async def test_markup_of_groups_and_values(people: httpx.AsyncClient) -> None:
    answer = await people.get('/rest/people.html?h={"$aggregate":["COUNT:"]}')
    assert "<table><tr><th>COUNT </th><td>2</td></tr></table>" in answer.text
    answer = await people.get('/rest/people.js?q={"$distinct":"name"}')
    assert written_by(answer.text) == "<ul><li>Ann</li><li>Bob</li></ul>"


@pytest.mark.parametrize("path", ["people.html", "people.js", "people.csv", "people.ndjson"])
async def test_an_error_is_an_ordinary_one(people: httpx.AsyncClient, path: str) -> None:
    answer = await people.get(f"/rest/{path}?sort=$where")
    assert (answer.status_code, answer.json()["status"]) == (400, 400)
    assert answer.headers["content-type"] == TYPES["json"]
    assert (await people.get(f"/rest/{path}", headers={"x-apikey": ""})).status_code == 401


@pytest.mark.parametrize("suffix", SUFFIXES)
async def test_any_format_is_explained(people: httpx.AsyncClient, suffix: str) -> None:
    answer = await people.get(f"/rest/people.{suffix}?explain=true")
    assert answer.status_code == 200
    assert "documentsExamined" in answer.text


def columns(answer: httpx.Response) -> dict[str, list[str]]:
    """Each column's cells under its name."""
    head, *body = rows(answer.text)
    return {name: [row[place] for row in body] for place, name in enumerate(head)}


async def test_csv_has_a_column_for_each_declared_field(people: httpx.AsyncClient) -> None:
    answer = await people.get("/rest/people.csv?sort=name")
    found = columns(answer)
    assert list(found) == [
        *("_id", "name", "email", "age", "salary", "active", "born", "level", "tags"),
        *("address.city", "address.landlord", "company", "friends", "extra", "place", "bonus"),
    ]
    ids = [each["_id"] for each in (await people.get("/rest/companies")).json()]
    assert [found[name][0] for name in ("name", "salary", "active", "tags", "address.city")] == [
        *("Ann", "12.5", "true", '["a", "b"]', "Oslo"),
    ]
    assert (found["company"], found["born"]) == ([*ids, ""], ["", "2001-02-03T00:00:00.000Z"])
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"people.csv\"; filename*=UTF-8''people.csv"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text.endswith("\r\n")


@pytest.mark.parametrize(
    ("query", "head"),
    [
        ('h={"$fields":{"age":1,"name":1}}', "_id,age,name"),
        ('h={"$fields":{"name":1,"_id":0}}', "name"),
        ('h={"$fields":{"_id":1}}', "_id"),
        ('h={"$fields":{"address":1,"nick":1}}', "_id,address.city,address.landlord,nick"),
        ('h={"$fields":{"address.city":1,"address":1}}', "_id,address.city,address.landlord"),
        ('h={"$fields":{"company.name":1}}', "_id,company"),
        ('h={"$fields":{"extra.a":1}}', "_id,extra.a"),
        ('h={"$fields":{"tags.0":1}}', "_id,tags"),
        ('h={"$fields":{"_version":1,"name":1}}', "_id,_version,name"),
        (
            'h={"$fields":{"name":1},"$metafields":true}',
            "_id,_created,_changed,_createdby,_changedby,_version,_keywords,_tags,_mock,"
            "_parent_id,_parent_def,_parent_field,name",
        ),
        (
            'h={"$fields":{"address":0,"_id":0,"company":0,"extra":0,"place":0,"email":0}}',
            "name,age,salary,active,born,level,tags,friends,bonus",
        ),
    ],
)
async def test_csv_columns_follow_the_fields(
    people: httpx.AsyncClient, query: str, head: str
) -> None:
    answer = await people.get(f"/rest/people.csv?{query}")
    assert answer.text.splitlines()[0] == head


async def test_csv_shows_metafields_and_parents(people: httpx.AsyncClient) -> None:
    found = columns(await people.get("/rest/people.csv?metafields=true&sort=name"))
    assert (found["_version"], found["_createdby"]) == (["1", "1"], ["api", "api"])
    found = columns(await people.get("/rest/notes.csv"))
    assert list(found) == ["_id", "_parent_id", "_parent_def", "_parent_field", "text"]
    assert found["_parent_def"] == ["people", "people"]


async def test_csv_of_children_and_links(people: httpx.AsyncClient) -> None:
    notes = [each["_id"] for each in (await people.get("/rest/notes")).json()]
    found = columns(await people.get("/rest/people.csv?fetchchildren=true&sort=name"))
    assert found["notes"] == ["", ",".join(notes)]
    query = "fetchchildren=true&idtolink=true&sort=name"
    found = columns(await people.get(f"/rest/people.csv?{query}"))
    assert found["notes"] == ["", ",".join(f"http://duetdb/rest/notes/{each}" for each in notes)]
    assert found["company"][0].startswith("http://duetdb/rest/companies/")


async def test_csv_is_safe_in_a_spreadsheet(people: httpx.AsyncClient) -> None:
    for name in ("=1+1", "+1", "-1", "@x", "\tx", "'=1"):
        await insert(people, "people", {"name": name, "age": -1, "tags": [name]})
    found = columns(await people.get('/rest/people.csv?q={"age":-1}'))
    assert found["name"] == ["'=1+1", "'+1", "'-1", "'@x", "'\tx", "''=1"]
    assert set(found["age"]) == {"-1"}
    assert all(each.startswith("[") for each in found["tags"])


async def test_csv_is_read_back(people: httpx.AsyncClient) -> None:
    """What an import makes of the file is what was there."""
    before = (await people.get("/rest/people?sort=name")).json()
    file = io.BytesIO((await people.get("/rest/people.csv?sort=name")).content)
    documents = [row.document for row in read_csv(file, parse(PEOPLE))]
    assert (await people.delete("/rest/people/*?q={}")).status_code == 200
    await insert(people, "people", documents)
    after = (await people.get("/rest/people?sort=name")).json()
    lost = ("_id", "nick")  # a new insert, and a property that is not declared
    assert [{k: v for k, v in each.items() if k not in lost} for each in after] == [
        {k: v for k, v in each.items() if k not in lost} for each in before
    ]


async def test_ndjson_is_the_list_line_by_line(people: httpx.AsyncClient) -> None:
    for query in ("sort=name&dir=-1", "skip=1", "max=1", 'q={"age":30}', "metafields=true", "h=[]"):
        listed = (await people.get(f"/rest/people?{query}")).json()
        answer = await people.get(f"/rest/people.ndjson?{query}")
        assert [json.loads(line) for line in answer.text.splitlines()] == listed
    assert (await people.get('/rest/people.ndjson?q={"age":1}')).content == b""
    assert (await people.get("/rest/people.ndjson?max=10001")).text.count("\n") == 2


@pytest.mark.parametrize(
    "query",
    [
        "totals=true",
        "count=true",
        "groupby=age",
        "aggregate=COUNT:",
        'h={"$groupby":["age"]}',
        'q={"$distinct":"age"}',
    ],
)
async def test_streams_are_lists_of_documents(people: httpx.AsyncClient, query: str) -> None:
    for suffix in ("csv", "ndjson"):
        answer = await people.get(f"/rest/people.{suffix}?{query}")
        assert (answer.status_code, answer.json()["hint"]) == (400, "Ask for them as .json.")
