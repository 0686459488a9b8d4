"""No form of a secret survives, whatever wrote it down."""

import base64
import html
import json
import random
import re
import shlex
import time
from urllib.parse import quote, quote_plus

import pytest
import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from installkit.engine.redaction import MASK, SHORTEST, Redactor

PRINTABLE = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])
SECRETS = st.text(PRINTABLE, min_size=12, max_size=40).filter(lambda text: text == text.strip() and "*" not in text)
AROUND = st.binary(max_size=7)
WRITERS = {
    "plain": str,
    "json": json.dumps,
    "json utf-8": lambda text: json.dumps(text, ensure_ascii=False),
    "json in json": lambda text: json.dumps(json.dumps({"a": text})),
    "url": quote,
    "url path": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "shell": shlex.quote,
    "yaml": lambda text: "'" + text.replace("'", "''") + "'",
    "python": repr,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
}


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
@given(secret=SECRETS, before=st.text(PRINTABLE, max_size=5), after=st.text(PRINTABLE, max_size=5))
@example(secret="s3cr3t-Canary'\"x\\", before="", after="")
@example(secret="pässwörd €uro 漢字", before="a", after="b")
def test_a_secret_is_taken_out_however_it_is_written(writer, secret, before, after):
    written = writer(secret)
    redacted = Redactor([secret]).text(before + written + after)

    assert MASK in redacted
    assert written not in redacted
    left = redacted.replace("\\", "")
    assert len(left) <= len(before) + len(after) + len(MASK) + 16  # quotes, and the braces around


@given(secret=SECRETS, before=AROUND, after=AROUND)
@example(secret="abcdefghijkl", before=b"x", after=b"")
@example(secret="abcdefghijkl", before=b"xy", after=b"z")
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_inside_a_longer_base64_text_is_taken_out(encode, secret, before, after):
    """At each of its three alignments; at most the characters that it shares with its neighbours stay."""
    written = encode(before + secret.encode() + after).decode()
    redacted = Redactor([secret]).text(written)

    assert MASK in redacted
    own = len(secret.encode()) * 8 // 6
    assert len(redacted) - len(MASK) <= len(written) - own + 2


@pytest.mark.long
@given(st.lists(SECRETS, min_size=2, max_size=4, unique=True))
def test_a_multi_line_secret_is_taken_out_line_by_line(lines):
    redactor = Redactor(["\n".join(lines)])

    for line in lines:
        assert line not in redactor.text(f"got   {line}  !")
    assert MASK in redactor.text("\r\n".join(lines))


def test_the_longest_secret_goes_first():
    assert f"{MASK} {MASK}" == Redactor(["secret", "secret-longer"]).text("secret-longer secret")


def test_what_is_shorter_than_a_word_stays():
    short = "x" * (SHORTEST - 1)

    assert f"a {short} b" == Redactor([short, "", "   \n  "]).text(f"a {short} b")


def test_a_secret_is_known_without_the_blanks_around_it():
    assert f"[{MASK}]" == Redactor(["  canary\n"]).text("[canary]")


def test_data_is_redacted_at_any_depth_keys_and_numbers_too():
    redactor = Redactor(["canary", "123456", "2.7182818"])
    data = {"canary": [1, ("x canary y", None)], "number": 123456, "pi": 2.7182818, "kept": True}

    assert {MASK: [1, [f"x {MASK} y", None]], "number": MASK, "pi": MASK, "kept": True} == redactor.data(data)


WRITTEN_BY_ANSIBLE = {
    "JSON": json.dumps,
    "JSON utf-8": lambda text: json.dumps(text, ensure_ascii=False),
    "text of Python": repr,
    "bytes of Python": lambda text: repr(text.encode()),
    "ASCII of Python": ascii,
    "shell": shlex.quote,
    "YAML": lambda text: yaml.safe_dump(text, width=1_000_000),
    "YAML double-quoted": lambda text: yaml.safe_dump(text, default_style='"', width=40),
    "URL": lambda text: quote(text, safe=""),
    "URL lower case": lambda text: re.sub("%..", lambda code: code[0].lower(), quote(text, safe="")),
    "form": quote_plus,
    "HTML": html.escape,
}
TYPED = st.text(st.sampled_from("aB3xyz \\'\"\\$%&+/<>#{}!;`\ték漢😀"), min_size=8, max_size=20).filter(
    lambda text: text == text.strip()
)


@settings(max_examples=200)
@given(
    secret=TYPED,
    inner=st.sampled_from(["none", "JSON", "text of Python", "shell", "URL"]),
    in_base64=st.sampled_from(["no", "alone", "wrapped", "within a longer text"]),
    outer=st.lists(st.sampled_from(sorted(WRITTEN_BY_ANSIBLE)), max_size=4),
)
@example("q'u\"o\\t $%é x", "none", "no", ["shell", "shell", "shell", "JSON"])
@example("q'u\"o\\t $%é x", "none", "no", ["shell", "JSON", "bytes of Python", "JSON"])
@example("q'u\"o\\t $%é x", "JSON", "wrapped", ["JSON", "text of Python"])
@example("333333333\\\téé漢\t3", "none", "no", ["ASCII of Python", "YAML double-quoted"])
@example("333333333\\\t\téé漢😀;", "none", "no", ["YAML double-quoted", "JSON"])
@example("3333;;;;;;;;;é漢😀", "URL", "wrapped", ["URL"])
@example("333333333333\\é漢", "none", "no", ["bytes of Python", "YAML double-quoted"])
@example("3333;;;;;;;;éé漢漢", "URL", "wrapped", ["YAML"])
@example("3333;;;;;;;;éé漢漢", "URL", "wrapped", ["text of Python", "URL"])
@example("3333;;;;;;;;éé漢漢", "URL", "wrapped", ["YAML double-quoted"])
def test_a_secret_is_found_behind_quotes_within_quotes(secret, inner, in_base64, outer):
    """A shell's quotes within JSON within Python's, and so on: the secret is known all the same."""
    text = WRITTEN_BY_ANSIBLE[inner](secret) if inner != "none" and in_base64 != "no" else secret
    if in_base64 != "no":
        before = b"https://user:" if in_base64 == "within a longer text" else b""
        encode = base64.encodebytes if in_base64 == "wrapped" else base64.b64encode
        text = encode(before + text.encode() + b"@" * len(before)).decode()
    for name in outer:
        text = WRITTEN_BY_ANSIBLE[name](text)

    assert MASK in Redactor([secret]).text(f"fatal: {text} => done")


@pytest.mark.parametrize("quoting", [str, json.dumps, lambda text: repr(json.dumps(text).encode())])
def test_a_secret_of_thousands_of_lines_costs_little(quoting):
    """Ten megabytes of log take seconds, and each line of the secret is found in it."""
    chance = random.Random(1)  # noqa: S311 - it is not a secret
    lines = [base64.b64encode(chance.randbytes(48)).decode() for _ in range(4000)]
    log = "\n".join(f"ok: [web{number % 7}] => {number * 7919:0120}" for number in range(70_000))
    redactor = Redactor(["\n".join(lines)])
    start = time.process_time()
    redacted = redactor.text(log + quoting("\n".join(lines)))

    assert 4000 == redacted.count(MASK)
    assert redacted.startswith(log)
    assert 30 > time.process_time() - start


@given(st.text(max_size=200), st.lists(SECRETS, max_size=3))
def test_text_without_a_secret_is_left_alone(text, secrets):
    assume(not any(secret in text for secret in secrets))

    assert text == Redactor([]).text(text)
    assert len(text.replace(MASK, "")) == len(Redactor(secrets).text(text).replace(MASK, ""))


def test_it_stays_fast_on_a_line_of_ten_megabytes():
    """A pattern that tries again and again at each place would not end here."""
    line = "ab" * 5_000_000

    assert line == Redactor(["abababababac", "x\ny" * 20, "a'b\"c\\d"]).text(line)


def test_a_secret_that_a_shell_quoted_is_found_in_json():
    """Ansible prints a command's arguments as JSON, after the shell's quoting."""
    secret = "pa'ssword1"
    printed = json.dumps({"cmd": f"true -p{shlex.quote(secret)}"})

    assert "ssword" not in Redactor([secret]).text(printed)
