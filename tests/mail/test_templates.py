"""Templates: documents of the collection ``templates``, filled in without any harm."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from duetdb.app.service.mail.plain_text import plain_text
from duetdb.app.service.mail.sandbox import BadTemplate
from duetdb.app.service.mail.templates import Template

SHOP = {
    "name": "order",
    "subject": "Order {{ number }}",
    "html": "<h1>{{ company }}</h1>{{ body }}<ul>{% for each in items %}"
    "<li>{{ loop.index }}. {{ each.name | upper }}{% if each.gift %} (gift){% endif %}</li>"
    "{% endfor %}</ul>",
}
DATA: dict[str, Any] = {
    "body": "<p>Thanks</p>",
    "number": 7,
    "items": [{"name": "<tea>", "gift": True}, {"name": "cup", "gift": False}],
}
MAIL: dict[str, Any] = {"to": "a@example.com", "template": "order", "html": DATA, "company": "A&B"}


async def sent(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    """The copy of a mail that is taken."""
    answer = await client.post("/mail", json=body)
    assert answer.status_code == 201, answer.text
    id_ = answer.json()["result"][0]["email_outbound_id"]
    found: dict[str, Any] = (await client.get(f"/rest/email_outbound/{id_}")).json()
    return found


async def test_a_template_is_filled_in(app_client: httpx.AsyncClient) -> None:
    assert (await app_client.put("/rest/templates/_meta", json={"name": "templates"})).is_success
    assert (await app_client.post("/rest/templates", json=SHOP)).status_code == 201
    copy = await sent(app_client, MAIL)
    assert copy["subject"] == "Order 7"
    assert copy["body"] == (
        "<h1>A&amp;B</h1><p>Thanks</p><ul><li>1. &lt;TEA&gt; (gift)</li><li>2. CUP</li></ul>"
    )
    answer = await app_client.post("/mail", json={**MAIL, "html": {"body": "x"}})
    assert answer.status_code == 400
    assert answer.json()["list"] == [
        {
            "field": "html",
            "message": ["The template cannot be filled in: 'number' is undefined.", "TYPE"],
        }
    ]


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__ }}",
        "{{ body.__class__.__mro__ }}",
        "{{ items['__class__'] }}",
        "{{ self }}",
        "{{ range(10) }}",
        "{{ 'a' * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ 'a' | center(1000000000) }}",
        "{{ items | map(attribute='x') }}",
        "{% set a = 1 %}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{% macro f() %}{% endmacro %}",
        "{% block x %}{% endblock %}",
        "{% call x() %}{% endcall %}",
        "{% for a in items recursive %}{% endfor %}",
        "{{ _meter }}",
        "{{ body.upper }}",
        "{{ items.append }}",
        "{{ items }}",
        "{% for a in items %}{{ loop }}{% endfor %}",
        "{% for a in items %}{{ loop.cycle }}{% endfor %}",
        "{{ body ~ body }}",
        "{{ body + body }}",
        "{{ items + items }}",
        "{{ [body, body] }}",
        "{{ 5 | round(-999999999) }}",
        "{{ 5 | round(999999999) }}",
        "{{ 'x' | attr('__class__') }}",
        "{% if " + "not " * 500 + "1 %}{% endif %}",
        "{{ " + "+".join("1" * 300) + " }}",
        "{% if body" + "|upper" * 300 + " %}{% endif %}",
        "{{a}}" * 40_000,
        "{% for a in items %}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "x" * 200_001,
        "{{ " + "9" * 5000 + " }}",
        "{{ 0x" + "f" * 5000 + " }}",
        "{{ 1e999 - 1 }}",
        "{{ '1e999' | float }}",
        "{{ '\\ud800' }}",
    ],
)
def test_what_a_template_may_not_do(text: str) -> None:
    with pytest.raises(BadTemplate):
        Template(text, "", 1000).fill({"items": [1], "body": "x"})


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in x %}{% for b in x %}{% for c in x %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in x %}{% for b in x %}{{ b }}{% endfor %}{% endfor %}",
        "{% for a in x %}{{ big }}{% endfor %}",
        "{% for a in x %}{% if -1 in wide %}{% endif %}{% endfor %}",
        "{% for a in x %}{% if comments|striptags == big %}{% endif %}{% endfor %}",
        "{{ huge }}",
        "{% if huge %}{% endif %}",
    ],
)
def test_what_it_costs_is_bounded(text: str) -> None:
    began = time.monotonic()
    with pytest.raises(BadTemplate):
        Template(text, "", 1_000_000).fill(
            {
                "x": [*range(9000)],
                "wide": [*range(300_000)],
                "big": "b" * 10_000,
                "comments": "<!---->" * 140_000,
                "huge": "h" * 1_000_001,
            }
        )
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("{{ order.items[0].keys }}", "5"),
        ("{{ order.total | round(1) }} {{ 7 | round }} {{ 1 + 2 }}", "9.9 7.0 3"),
        ("{{ '<b>x</b> &amp; y' | striptags }}", "x &amp; y"),
        ("{{ missing | default('-') }}{{ order.a.b | default('-') }}{{ order.none }}", "--"),
        ("{% for k, v in pairs %}{{ loop.revindex }}{{ k }}={{ v }} {% endfor %}", "2a=1 1b=2 "),
        ("{% if 'x' in ['x', 'y'] and name is defined %}{{ name[0] }}{% endif %}", "A"),
    ],
)
def test_what_a_template_can_do(text: str, html: str) -> None:
    order = {"items": [{"keys": 5}], "total": 9.87, "none": None}
    data = {"order": order, "pairs": [["a", 1], ["b", 2]], "name": "Ann"}
    assert Template(text, "", 1000).fill(data).html == html


def test_a_subject_is_one_line_of_text() -> None:
    filled = Template("x", "{{ name }}", 1000).fill({"name": "a & <b>\r\nBcc: c@example.com"})
    assert filled.subject == "a & <b> Bcc: c@example.com"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo\n"),
        ("a<br>b  c\n d", "a\nb c d\n"),
        ("<ul><li>x</li><li>y</li></ul>", "- x\n- y\n"),
        ('<a href="https://x.example">here</a>', "here (https://x.example)\n"),
        ('<a href="https://x.example">https://x.example</a>', "https://x.example\n"),
        ("<style>p{}</style><script>x</script>&lt;b&gt;", "<b>\n"),
        ('<img alt="A cat"><table><tr><td>1</td><td>2</td></tr></table>', "A cat\n\n1 2\n"),
        ("<p>open <a href=x>", "open\n"),
        ("1 < 2 &amp;amp; 3 > 2", "1 < 2 &amp; 3 > 2\n"),
        ('<a title="a > b" href=x>y</a>', "y (x)\n"),
        ("<p title='>open<b>x</b>", "openx\n"),
        ("a<!-- <b> -->c<!doctype html>d<!-- e", "acd\n"),
    ],
)
def test_the_plain_text_of_html(html: str, text: str) -> None:
    assert plain_text(html) == text


@pytest.mark.parametrize(
    "piece",
    [
        "<!--",
        "<a ",
        "<![",
        "<?",
        "</",
        "<a href='",
        "&",
        "<!",
        "<a><b",
        "<script>",
        " <b> ",
        "'<p ",
    ],
)
def test_the_plain_text_of_anything_takes_a_moment(piece: str) -> None:
    began = time.monotonic()
    plain_text(piece * (500_000 // len(piece)))
    assert time.monotonic() - began < 3
