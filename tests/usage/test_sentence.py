"""What a row may store of a message: the gateway's own sentences, their arguments cut, and little of a provider's."""

from __future__ import annotations

import msgspec
import pytest

from usage.sentence import Sentence, first_line, joined, own_words


def test_arguments_are_cut_and_cleaned_and_sentences_are_not() -> None:
    inner = Sentence("{a} and {b}", a="x" * 70, b="y" * 70)
    made = Sentence("There is no model {asked!r} here ({inner}, {number}).", asked="m\n\0" * 100, inner=inner, number=5)
    assert made == f"There is no model {('m ' * 40)[:79] + '…'!r} here ({inner}, 5)."
    assert joined("; ", [inner, inner]) == f"{inner}; {inner}"


def test_a_template_without_arguments_is_taken_as_it_is() -> None:
    assert Sentence("Use {braces}.") == "Use {braces}."


def test_only_a_sentence_is_stored() -> None:
    sentence = Sentence("It is {what}.", what="so")
    assert own_words(sentence) is sentence
    assert type(str(sentence)) is str
    # Whatever is done with it makes a plain string of it, which is no longer the gateway's own.
    for text in (f"{sentence}", sentence + "x", sentence[:3], sentence.upper(), "plain"):
        assert own_words(text) == ""
    assert msgspec.json.encode(str(sentence)) == b'"It is so."'


def test_a_sentence_has_its_own_code_or_that_of_the_first_part_with_one() -> None:
    inner, other = Sentence("is {how}", code="first", how="so"), Sentence("is not", code="second")
    assert (inner.code, Sentence("It is.", code="plain").code, Sentence("It is.").code) == ("first", "plain", "")
    assert Sentence("{what} {a} {b}", what=Sentence("It"), a=inner, b=other).code == "first"
    assert Sentence("{a}", code="whole", a=inner).code == "whole"
    assert (joined("; ", [other, inner]).code, joined("; ", []).code, own_words("plain").code) == ("second", "", "")


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("Rate limit reached for model gpt in organization org-AbC123xyz0 on tokens.", None),
        ("First line\nsecond line with a secret", "First line"),
        ("\n\n  The words \t of\x00 it \n", "The words of it"),
        ("Invalid value: 'my secret' in \"another\" and `third` and “fourth”.", "Invalid value: … in … and … and …."),
        ("Incorrect API key provided: sk-abcdef123456. See https://x.example/y?z for help", None),
        ('{"error": {"message": "all of it"}}', "…"),
        ("It's not the user's fault", "It's not the user's fault"),
        ("Unclosed 'quotation of the prompt", "Unclosed …"),
        ("<b>page</b> of words", "…page… of words"),
        ("Write to someone@example.com", "Write to …"),
        ("x " * 300, ("x " * 100)[:200]),
        ("", ""),
    ],
)
def test_the_first_line_of_a_providers_message_without_what_it_quotes(message: str, line: str | None) -> None:
    found = first_line(message)
    assert len(found) <= 200
    if line is not None:
        assert found == line
    for secret in ("AbC123", "abcdef", "secret", "x.example", "someone", "all of it"):
        assert secret not in found
