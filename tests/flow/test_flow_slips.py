"""Slips of the hand that must not turn into a send, nor into an internal error."""

import pytest


@pytest.mark.parametrize("wrong", ["{{ brand.name | uppper }}", "{% if brand.name is foo %}x{% endif %}"])
def test_an_unknown_filter_or_test_in_a_template_has_its_place(wrong, small, newsletter):
    file = small / "templates" / "plain.mjml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("<mj-title>{{ brand.name }}", f"<mj-title>{wrong}"), encoding="utf-8")
    called = newsletter("-C", small, "check")
    assert called.code == 3
    assert "M104" in called.out
    assert "templates/plain.mjml:6:" in called.out


@pytest.mark.parametrize("option", [("--out", "x"), ("--samples", "2")])
def test_an_option_of_the_rehearsal_does_not_start_a_send(option, small, newsletter):
    called = newsletter("-C", small, "send", "hej", *option, "--confirm", "3")
    assert (called.code, list(small.rglob("*.eml"))) == (2, [])
