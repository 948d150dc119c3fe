"""Letters and readers made at random: filled in they are what rendering them whole gives, and no data ends a tag."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from newsletter.errors import ChecksFailed
from newsletter.render.composition import TRIAL, content_of
from newsletter.render.deferral.compare import difference

VALUES = (
    "{{ subscriber.first_name }}",
    "{{ subscriber.first_name or 'du' }}",
    "{{ subscriber.city | upper }}",
    "{{ (subscriber.city ~ '!') if subscriber.city else 'ingen ort' }}",
    "{{ campaign.language ~ subscriber.first_name }}",
    "{{ subscriber.tags | join(', ') }}",
    "{{ subscriber.tags | length }}",
)
TESTS = (
    "subscriber.city",
    "not subscriber.first_name",
    "'a' in subscriber.tags",
    "subscriber.city == 'Visby'",
    "campaign.language == 'sv'",
)
WORDS = st.text(alphabet="abcåäö <>&\"'{}%#|*_`[]()!-:/\\é👩\u202e\u00a0", max_size=12)
SIMPLE = st.sampled_from([*VALUES, "ord", "**fet**", "a & b"])


def _around(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{} {}".format, inner, inner),
        st.builds("{{% if {} %}}{}{{% endif %}}".format, st.sampled_from(TESTS), inner),
        st.builds("{{% if {} %}}{}{{% else %}}{}{{% endif %}}".format, st.sampled_from(TESTS), inner, inner),
        st.builds("{{% for tag in subscriber.tags %}}{{{{ tag }}}} {}{{% endfor %}}".format, inner),
    )


TEXTS = st.recursive(SIMPLE, _around, max_leaves=6)
BLOCKS = st.one_of(
    TEXTS,
    st.builds("- {}\n- {}".format, TEXTS, TEXTS),
    st.builds("> {}".format, TEXTS),
    st.builds("[här](https://example.org/?n={{{{ subscriber.first_name | urlencode }}}}) {}".format, TEXTS),
    st.builds("{{% if {} %}}\n{}\n{{% endif %}}".format, st.sampled_from(TESTS), TEXTS),
    st.builds("::: only i-visby\n{}\n:::".format, TEXTS),
    st.builds("## Del {}\n\n{}".format, SIMPLE, TEXTS),
)
READERS = st.fixed_dictionaries(
    {"first_name": WORDS, "city": WORDS, "tags": st.lists(WORDS, max_size=3).map(tuple)}
)


@settings(
    max_examples=40,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    blocks=st.lists(BLOCKS, min_size=1, max_size=4),
    subject=SIMPLE,
    readers=st.lists(READERS, min_size=1, max_size=3),
)
def test_slots_joined_are_the_whole_letter(
    workshop: Any, make_person: Any, blocks: list[str], subject: str, readers: list[dict[str, Any]]
) -> None:
    workshop.body("\n\n".join(blocks), subject=subject.replace('"', "'"))
    try:
        composition = workshop.compose()
    except ChecksFailed:
        return  # refused with its reason; the next test keeps this from being all of them
    for fields in readers:
        person = make_person(**fields)
        try:
            whole = composition.whole(person, TRIAL)
        except ChecksFailed:
            with pytest.raises(ChecksFailed):
                composition.slots(person, TRIAL)
            continue
        content = composition.fill(composition.slots(person, TRIAL))
        assert difference(content_of(whole), content) == ""
        assert "\n" not in content.subject
        assert content.html.count("<script") == 0
        assert content.html.count("</html>") == 1


def test_the_sample_is_not_all_refused(workshop: Any, tmp_path: Path) -> None:
    """The property above says something only while most of what it makes compiles."""
    del tmp_path
    composed = 0
    for value in VALUES:
        for test in TESTS:
            workshop.body(f"Hej {{% if {test} %}}{value}{{% endif %}}\n\n::: only i-visby\n{value}\n:::")
            workshop.compose()
            composed += 1
    assert composed == len(VALUES) * len(TESTS)
