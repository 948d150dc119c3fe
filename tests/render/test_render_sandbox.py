"""The sandbox holds: the escapes that Jinja had to mend, and data that looks like code or like a method."""

import email
import email.policy
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from newsletter.errors import ChecksFailed
from newsletter.mail.message import Envelope, message
from newsletter.render.composition import Composition, Links, content_of
from newsletter.render.deferral.readers import HOSTILE

LINKS = Links("https://example.org/u/token")

# Each of them once led out of Jinja's sandbox, or into a tag.
ESCAPES = {
    "CVE-2016-10745 format": ["{{ '{0.__class__.__mro__}'.format(subscriber) }}"],
    "CVE-2019-10906 format_map": ["{{ '{a.__class__}'.format_map({'a': subscriber}) }}"],
    "CVE-2019-8341 templates in values": ["{{ '{{ 7 * 7 }}' }}", "{{ subscriber.first_name }}"],
    "CVE-2020-28493 urlize": ["{{ ('a.' * 9000) | urlize }}"],
    "CVE-2024-22195 xmlattr": ["<p {{ {'a onload=alert(1)': 'x'} | xmlattr }}>"],
    "CVE-2024-34064 xmlattr": ["<p {{ {'a/onload=alert(1)': 'x'} | xmlattr }}>"],
    "CVE-2024-56326 kept format": [
        "{% set f = '{0.__class__}'.format %}{{ f(subscriber) }}",
        "{{ ['{0.__class__}'] | map('format', subscriber) | join }}",
        "{% for f in ['{0.__class__}'.format] %}{{ f(subscriber) }}{% endfor %}",
        "{% macro call(f) %}{{ f(subscriber) }}{% endmacro %}{{ call('{0.__class__}'.format) }}",
    ],
    "CVE-2025-27516 attr and map": [
        "{{ ('{0.__class__}' | attr('format'))(subscriber) }}",
        "{{ ['{0.__class__}'] | map(attribute='format') | list }}",
        "{{ ['{0.__class__}'] | groupby('format') | list }}",
        "{{ ['{0.__class__}'] | map('attr', 'format') | list }}",
    ],
    "dunders": [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''['__class__'] }}",
        "{{ subscriber['__class__'] }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ joiner.__init__.__globals__.os }}",
        "{{ namespace.__init__.__globals__ }}",
        "{{ range.__self__ }}",
        "{{ self.__init__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ (1).__add__.__self__ }}",
        "{{ subscriber | map(attribute='__class__') | list }}",
        "{{ [subscriber] | sum(attribute='__class__') }}",
    ],
    "data made a part of safe text": [
        "{{ ('a' | e).translate({97: '<b onload=x>'}) }}",
        "{{ ('a' | e).translate({97: subscriber.last_name}) }}",
    ],
    "what no limit counts": [
        "{{ (1).to_bytes(999999999, 'big') | length }}",
        "{{ ('a'.encode() * 999999999) | length }}",
        "{{ 'a'.encode().ljust(999999999) | length }}",
        "{{ ('a' * 100000).translate({97: 'b' * 100000}) | length }}",
    ],
    "changing what others read": [
        "{{ data.update({'a': 1}) }}",
        "{{ subscriber.clear() }}",
        "{{ [].append(1) }}",
        "{% set subscriber.email = 'x' %}",
    ],
}
_INSIDES = re.compile(r"&lt;(?:class|function|bound|module|built-in)|__mro__|builtin|NewsletterError")


@pytest.mark.parametrize(
    "code",
    [pytest.param(code, id=f"{name} {n}") for name, codes in ESCAPES.items() for n, code in enumerate(codes)],
)
@pytest.mark.parametrize("where", ["body", "template", "block"])
def test_no_known_escape_leads_out_of_the_sandbox(
    workshop: Any, make_person: Any, code: str, where: str
) -> None:
    if where == "body":
        workshop.body(f"Hej {code}")
    elif where == "template":
        workshop.write(
            "templates/brev.mjml",
            "<mjml><mj-body><mj-section><mj-column><mj-text>Hej " + code + " {{ intro.body }}</mj-text>"
            "</mj-column></mj-section>{{ intro.body }}</mj-body></mjml>",
        )
    else:
        workshop.write("templates/blocks/ruta.mjml", f"<mj-text>Hej {code}</mj-text>")
        workshop.body("::: ruta\n:::")
    told = ""
    try:
        composition = workshop.compose()
        content = composition.fill(composition.slots(make_person("{{ 7 * 7 }}"), LINKS))
        printed = content.html + content.text
    except ChecksFailed as failed:
        printed = ""
        told = " ".join(f"{problem.message} {problem.place}" for problem in failed.problems)
    assert bool(told) is not bool(printed)
    assert not _INSIDES.search(told + printed)
    assert "onload" not in printed
    assert "999999999" not in printed
    assert not re.search(r"\b49\b", printed)
    assert "None" not in told  # each refusal has its place


def test_a_template_is_not_found_by_a_name_that_is_code(workshop: Any) -> None:
    """CVE-2024-56201: the compiler wrote a template's name into the code that it made."""
    workshop.write("templates/blocks/a{__import__('os')}.mjml", "<mj-text>{% set a = ('b' %}</mj-text>")
    workshop.body("::: a{__import__('os')}\n:::")
    with pytest.raises(ChecksFailed):
        workshop.compose()


METHODS = ("items", "keys", "values", "get", "copy", "label", "pop", "__class__", "__init__", "update")


@pytest.mark.parametrize("name", METHODS)
def test_an_attribute_named_like_a_method_is_the_attribute(
    workshop: Any, make_person: Any, name: str
) -> None:
    workshop.columns = (*workshop.columns, name)
    workshop.body(
        f"Hej {{{{ subscriber.{name} }}}}, [se](https://example.org/?v={{{{ subscriber.{name} | urlencode }}}})\n\n"
        f"{{% if subscriber.{name} %}}Har {{{{ subscriber['{name}'] }}}}{{% else %}}Saknar{{% endif %}}",
        subject=f"Till {{{{ subscriber.{name} }}}}",
    )
    composition = workshop.compose()
    for value in ("<b>värde</b>", ""):
        reader = make_person(attributes={name: value})
        content = composition.fill(composition.slots(reader, LINKS))
        whole = content_of(composition.whole(reader, LINKS))
        assert content.subject == whole.subject == f"Till {value}".strip()
        assert (f"Har {value}" if value else "Saknar") in content.text
        assert ("Har &lt;b&gt;värde&lt;/b&gt;" if value else "Saknar") in content.html
        assert "<built-in" not in content.html + content.text + content.subject


EVERYWHERE = """\
Hej {{ subscriber.first_name }}, text med {{ "{{ 7 * 7 }}" }} och {% raw %}{{ 7 * 7 }}{% endraw %}

[Se {{ subscriber.first_name }}](https://example.org/?namn={{ subscriber.first_name | urlencode }}&x=1)

Märken: {% for tag in subscriber.tags %}{{ tag }}, {% endfor %} slut

{% if subscriber.city %}Du bor i {{ subscriber.city }}.{% endif %}
"""


class Outline(HTMLParser):
    """The tags of a letter with the names of their attributes: what no data may change."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))


@pytest.fixture
def everywhere(workshop: Any) -> Composition:
    """A campaign that prints its reader in text, attribute, address, subject and preheader."""
    template = workshop.folder / "templates/brev.mjml"
    written = template.read_text(encoding="utf-8")
    picture = (
        '<mj-text><img src="https://example.org/a.png" alt="Bild för {{ subscriber.first_name }}"></mj-text>'
    )
    template.write_text(written.replace("{{ intro.body }}", picture + "{{ intro.body }}"), encoding="utf-8")
    workshop.body(
        EVERYWHERE,
        subject="{{ subscriber.first_name }}: nytt",
        head='preheader = "Till {{ subscriber.first_name }}"',
    )
    composition: Composition = workshop.compose()
    return composition


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_data_stays_text_everywhere(everywhere: Composition, make_person: Any, value: str) -> None:
    plain = everywhere.fill(everywhere.slots(make_person("Ada", city="Ort", tags=("a", "b")), LINKS))
    reader = make_person(value, city=value, tags=(value, value))
    content = everywhere.fill(everywhere.slots(reader, LINKS))
    assert Outline(content.html).tags == Outline(plain.html).tags
    assert "text med {{ 7 * 7 }} och {{ 7 * 7 }}" in content.text
    assert not set("\r\n") & set(content.subject + content.preheader)
    assert "49" not in re.sub(r"#\w{6}|\d+px", "", content.subject + content.text)
    raw = message(
        everywhere,
        everywhere.slots(reader, LINKS),
        Envelope(
            "sid",
            "Hej <hej@example.org>",
            "",
            "ada@example.org",
            "kunder",
            datetime(2015, 7, 3, tzinfo=UTC),
            LINKS.unsubscribe,
        ),
    )
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert parsed["Bcc"] is None
    assert [part.get_content_type() for part in parsed.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert parsed["Subject"] == content.subject
