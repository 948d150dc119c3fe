"""The segment language: who is in, and what is told of an expression that is wrong, at which place."""

import json
from datetime import UTC, datetime

import pytest

from newsletter.errors import ChecksFailed, Place

SETTINGS = """timezone = "Europe/Stockholm"
[attributes]
points = "number"
limit = "number"
since = "date"
seen = "instant"
vip = "bool"
"""
PEOPLE = """email,first_name,city,organisation,language,tags,consent_at,points,limit,since,seen,vip,note
anna@example.org,Anna,Visby,Norrby kommun,sv,press;vip,2015-06-30,5,5,2015-06-30,2015-07-03 10:59,true,1
bo@example.org,Bo,stockholm,Visby,en,,2013-07-03,-2.5,3,,,false,
cecilia@example.org,Cecilia,,,sv,Press,2013-07-02 23:59,,,2014-02-28,2015-07-03 11:00,,
david@example.org,,STRASSE,Straße,,kommun,,9,,,,,x_%
"""
OTHERS = """email,city
anna@example.org,
eva@example.org,Malmö
"""
ALL = ["anna", "bo", "cecilia", "david", "eva"]


def one(where, name="x"):
    return f"[{name}]\nwhere = {json.dumps(where, ensure_ascii=False)}\n"


@pytest.fixture
def members(load):
    def of(where, **more):
        loaded = load({"readers": PEOPLE, "others": OTHERS}, segments=one(where), settings=SETTINGS)
        assert [problem for problem in loaded.segments.problems if problem.is_error] == []
        return " ".join(loaded.members("x", **more))

    return of


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        # text: NFC and case folding
        ("city == 'Visby'", "anna"),
        ("city == 'VISBY'", "anna"),
        ("city == 'Stockholm'", "bo"),
        ("organisation == 'STRASSE'", "david"),
        ("city == 'Malmo\u0308'", "eva"),
        ("'Visby' == city", "anna"),
        ("city in ['Visby', 'malmö']", "anna eva"),
        ("city == organisation", "david"),
        # missing values: a comparison is false, its negation true
        ("city != 'Visby'", "bo cecilia david eva"),
        ("not city == 'Visby'", "bo cecilia david eva"),
        ("city not in ['Visby', 'Stockholm']", "cecilia david eva"),
        ("is_set(city) and city != 'Visby'", "bo david eva"),
        ("not is_set(city)", "cecilia"),
        ("is_set(points)", "anna bo david"),
        ("is_set(tag)", "anna cecilia david"),
        ("points < 6", "anna bo"),
        ("not points < 6", "cecilia david eva"),
        ("points != limit", "bo cecilia david eva"),
        # lists and tags are sets
        ("list == 'others'", "anna eva"),
        ("list == 'OTHERS'", "anna eva"),
        ("list != 'readers'", "eva"),
        ("list in ['readers', 'others']", " ".join(ALL)),
        ("list not in ['readers']", "eva"),
        ("list == 'readers' and list == 'others'", "anna"),
        ("tag == 'PRESS'", "anna cecilia"),
        ("'press' != tag", "bo david eva"),
        ("tag in ['vip', 'kommun']", "anna david"),
        ("not tag in ['vip', 'kommun']", "bo cecilia eva"),
        # numbers
        ("points >= 5", "anna david"),
        ("5 < points", "david"),
        ("points == 5.0", "anna"),
        ("points == -2.5", "bo"),
        ("points in [5, 9]", "anna david"),
        ("points == limit", "anna"),
        ("points > -3 and points < 6", "anna bo"),
        # yes and no
        ("vip", "anna"),
        ("vip == true", "anna"),
        ("vip == false", "bo"),
        ("not vip", "bo cecilia david eva"),
        # days are those of the project's zone: 2013-07-02 23:59 in Stockholm is 21:59 UTC
        ("consent_at > 2013-07-02", "anna bo"),
        ("consent_at >= 2013-07-02", "anna bo cecilia"),
        ("consent_at == 2013-07-02", "cecilia"),
        ("consent_at < 2013-07-03", "cecilia"),
        ("consent_at in [2013-07-02, 2013-07-03]", "bo cecilia"),
        ("consent_at >= today - 24 months", "anna bo"),
        ("consent_at >= today - 2 years", "anna bo"),
        ("consent_at > today - 24 months", "anna"),
        ("consent_at == today - 3 days", "anna"),
        ("consent_at == today - 1 week + 4 days", "anna"),
        ("since == 2014-03-31 - 1 month", "cecilia"),
        ("since == 2015-05-31 + 1 month", "anna"),
        ("since == 2016-02-29 - 2 years", "cecilia"),
        ("2015-06-30 == since", "anna"),
        ("since == consent_at", "anna"),
        ("seen == today", "anna cecilia"),
        ("seen < now", "anna"),
        ("seen <= now", "anna cecilia"),
        ("seen > now - 1 day", "anna cecilia"),
        ("since < now", "anna cecilia"),
        ("consent_at < seen", "anna cecilia"),
        # parts of texts
        ("contains(organisation, 'KOMMUN')", "anna"),
        ("starts(city, 'st')", "bo david"),
        ("contains(note, '_%')", "david"),
        ("not contains(city, 's')", "cecilia eva"),
        ("contains(email, '@EXAMPLE')", " ".join(ALL)),
        # words and brackets
        ("city == 'Visby' or city == 'Malmö' and tag == 'press'", "anna"),
        ("(city == 'Visby' or city == 'Malmö') and not tag == 'press'", "eva"),
        ("not (city == 'Visby' or tag == 'press')", "bo david eva"),
        ("not not city == 'Visby'", "anna"),
        ("not not not city == 'Visby'", "bo cecilia david eva"),
        ("city == 'Visby'or city=='Malmö'", "anna eva"),
        ("\n  city ==\n\t'Visby'\n", "anna"),
        ("note == '1'", "anna"),
        ('city == "Visby"', "anna"),
        (r"city == 'Vi\'sby' or city == 'Visby'", "anna"),
        ("list == 'readers' and city in ['Visby', 'Stockholm',] and not tag == 'press' and consent_at >= today - 24 months", "bo"),
        ("sample(100%, 'a')", " ".join(ALL)),
    ],
)  # fmt: skip
def test_who_is_in(members, where, expected):
    assert members(where, now=datetime(2015, 7, 3, 9, 0, tzinfo=UTC)) == expected


def test_today_is_the_running_day_of_the_projects_zone(members):
    assert members("seen == today", now=datetime(2015, 7, 2, 22, 30, tzinfo=UTC)) == "anna cecilia"
    assert members("seen == today", now=datetime(2015, 7, 3, 22, 30, tzinfo=UTC)) == ""


@pytest.mark.parametrize("where", ["since > today - 9999999 years", "since < 9999-12-31 + 99 months", "seen > now - 9007199254740992 days"])  # fmt: skip
def test_what_lies_outside_the_calendar_is_its_end(members, where):
    assert members(where) == "anna cecilia"


def test_received_asks_for_address_keys(members):
    sent = {"hej": {"anna@example.org", "eva@example.org"}, "sju-tips/budskapet": {"bo@example.org"}}
    assert members("received('hej')", received=sent) == "anna eva"
    assert members("not received('hej') and received('sju-tips/budskapet')", received=sent) == "bo"


def test_segments_speak_of_segments_in_any_order(load):
    segments = (
        "[a]\nwhere = \"segment('B') and not segment('c')\"\n[b]\nwhere = \"segment('c') or tag == 'press'\"\n"
        "[c]\nwhere = \"city == 'Visby'\"\n"
    )
    loaded = load({"readers": PEOPLE, "others": OTHERS}, segments=segments, settings=SETTINGS)
    assert loaded.segments.problems == ()
    assert {name: loaded.members(name) for name in loaded.segments.names} == {
        "a": ["cecilia"],
        "b": ["anna", "cecilia"],
        "c": ["anna"],
    }


def test_a_long_chain_of_segments_is_no_trouble(load):
    links = [one(f"segment('s{n - 1}') or segment('s{n - 1}')", f"s{n}") for n in range(1, 1500)]
    loaded = load({"readers": PEOPLE}, segments=one("city == 'Visby'", "s0") + "".join(reversed(links)))
    assert loaded.segments.problems == ()
    assert loaded.members("s1499") == ["anna"]


def test_a_list_is_asked_for_by_its_name(load):
    loaded = load({"readers": PEOPLE, "others": OTHERS}, segments=one("city == 'Visby'"), settings=SETTINGS)
    assert loaded.members("Others") == ["anna", "eva"]
    assert loaded.members("X") == ["anna"]
    assert (loaded.segments.names, loaded.segments.known("readers"), loaded.segments.known("nobody")) == (
        ("x",),
        True,
        False,
    )


def test_descriptions(load):
    loaded = load(
        {"readers": PEOPLE}, segments="[x]\ndescription = 'De på ön'\nwhere = \"city == 'Visby'\"\n"
    )
    assert loaded.segments.descriptions == {"x": "De på ön"}


@pytest.mark.parametrize(
    ("where", "code", "column", "message", "hint"),
    [
        # the column is that of the file: `where = "` is nine characters
        ("", "A214", 10, "the expression is empty", "where = \"list == 'NAME'\""),
        ("city = 'Visby'", "A201", 15, "`=` is no comparison", "did you mean `==`?"),
        ("city == 'Visby' && vip", "A201", 26, "`&&` is unknown", "write `and`"),
        ("city === 'Visby'", "A201", 15, "`===` is unknown", "write `==`"),
        ("city <> 'Visby'", "A201", 15, "`<>` is unknown", "write `!=`"),
        ("!vip", "A201", 10, "`!` is unknown", "write `not`"),
        ("city == ’Visby’", "A201", 18, "a curly quote", "write texts in straight quotes: 'Visby'"),
        ("city == 'Visby", "A201", 18, "the text is not closed", "put ' at its end"),
        ("city == 'Vi\\sby'", "A201", 21, "`\\s` is no escape", r"\\ \' \" \n and \t are; a backslash is \\"),
        ("city == Visby", "A204", 18, "unknown attribute `Visby`", None),
        ("city == 'Visby' AND vip", "A201", 26, "unexpected `AND`", "write `and` in small letters"),
        ("city 'Visby'", "A201", 15, "expected `and`, `or` or the end, found `'Visby'`", "did you mean `city == …`?"),
        ("city like 'Visby'", "A201", 15, "expected `and`, `or` or the end, found `like`", "compare with `==`, or contains(city, 'text')"),
        ("(city == 'Visby'", "A201", 26, "expected `)`, found the end", "`(city == 'Visby'` is not closed"),
        ("city == 'Visby')", "A201", 25, "`)` without `(`", "take it away, or open it before"),
        ("city in ['Visby'", "A201", 26, "expected `]`, found the end", "`['Visby'` is not closed"),
        ("city in ['Visby' 'Lund']", "A201", 27, "expected `]`, found `'Lund'`", "`['Visby' 'Lund']` is not closed"),
        ("city in []", "A210", 18, "the list is empty: nobody is in it", "in ['Visby', 'Lund']"),
        ("city in 'Visby'", "A203", 18, "`in` needs a list in square brackets", "city in ['Visby']"),
        ("city not in ('Visby')", "A203", 23, "`not in` needs a list in square brackets", None),
        ("'press' in tag", "A203", 21, "`in` needs a list in square brackets", "tag == 'press'"),
        ("city in [city]", "A203", 19, "`city` is no fixed value", "in ['Visby', 'Lund']"),
        ("points in [1, 'two']", "A203", 24, "`points` is a number, `'two'` is text", "points == 5"),
        ("city ==", "A201", 17, "the expression ends too early", "a condition is missing here"),
        ("city == 'Visby' and", "A201", 29, "the expression ends too early", "a condition is missing here"),
        ("and vip", "A201", 10, "unexpected `and`", "a condition or a value is missing before it"),
        ("1 < points < 5", "A201", 21, "comparisons do not chain", "join two of them with `and`"),
        ("city == not vip", "A201", 18, "`not` stands before a whole comparison", "not city == 'Visby'"),
        ("consent_at > 2014-02-30", "A201", 23, "there is no day 2014-02-30", "write year-month-day, as 2015-06-30"),
        ("consent_at > 2014-2-1", "A201", 23, "`2014-2-1` is no date", "write 2014-02-01"),
        ("consent_at > 2014-02-01T10:00", "A201", 23, "only whole days are written here, without a time", "write 2014-02-01"),
        ("consent_at > '2014-02-01'", "A203", 21, "`consent_at` is an instant, `'2014-02-01'` is text", "without quotes: 2014-02-01"),
        ("consent_at > today - 24", "A203", 31, "`-` needs days, weeks, months or years", "24 days"),
        ("consent_at > today - 24 monts", "A201", 34, "`monts` is no unit of time", "did you mean `months`?"),
        ("consent_at > today - 36 hours", "A201", 34, "`hours` is no unit of time", "known: days, weeks, months or years"),
        ("consent_at > today - 1.5 months", "A201", 31, "only whole days, weeks, months and years count", "write a whole number, as 18 months"),
        ("consent_at > 24 months", "A203", 23, "`24 months` is a span of time, no day", "today - 24 months"),
        ("consent_at + 24 months > today", "A203", 10, "only days take `+` and `-`, `consent_at` is none", "move the span to the other side, as in consent_at > today - 24 months"),
        ("consent_at > 24months", "A201", 25, "`24` runs into `m`", "put a blank between them"),
        ("points > '5'", "A203", 17, "`points` is a number, `'5'` is text", "without quotes: 5"),
        ("note > 5", "A203", 15, "`note` is text, `5` is a number", '[attributes] note = "number", in newsletter.toml'),
        ("note == 5", "A203", 15, "`note` is text, `5` is a number", '[attributes] note = "number", in newsletter.toml'),
        ("5 < note", "A203", 12, "`note` is text, `5` is a number", '[attributes] note = "number", in newsletter.toml'),
        ("note in [5]", "A203", 19, "`note` is text, `5` is a number", '[attributes] note = "number", in newsletter.toml'),
        ("note > today", "A203", 15, "`note` is text, `today` is a day", '[attributes] note = "date", in newsletter.toml'),
        ("note == true", "A203", 15, "`note` is text, `true` is true or false", '[attributes] note = "bool", in newsletter.toml'),
        ("note > '5'", "A203", 15, "texts have no order: `note` is text", '[attributes] note = "number", in newsletter.toml'),
        ("city > 'M'", "A203", 15, "texts have no order: `city` is text", "city == 'M'"),
        ("city == 5", "A203", 15, "`city` is text, `5` is a number", "city == '5'"),
        ("vip > true", "A203", 14, "`vip` is true or false and has no order", "vip == true"),
        ("points == city", "A203", 17, "`points` is a number, `city` is text", "points == 5"),
        ("city == ''", "A203", 18, "no value is the empty text", "an empty cell is a missing value: is_set(city), not is_set(city)"),
        ("'a' == 'b'", "A203", 10, "`'a' == 'b'` is the same for everybody", "a column is missing, as in city == 'Visby'"),
        ("city", "A203", 10, "`city` is text, no condition", "is_set(city)"),
        ("'Visby'", "A203", 10, "`'Visby'` is no condition", "compare it with a column, as in city == 'Visby'"),
        ("tag and vip", "A203", 10, "`tag` alone is no condition", "tag == 'NAME'"),
        ("true", "A203", 10, "`true` is no condition", "compare it with a column, as in city == 'Visby'"),
        ("(city == 'a') == vip", "A203", 11, "`city == 'a'` is a condition, no value", "join conditions with `and` or `or`"),
        ("list == 'reader'", "A205", 18, "unknown list `reader`", "did you mean `readers`?"),
        ("list in ['readers', 'nyheter']", "A205", 30, "unknown list `nyheter`", "a list is a file subscribers/NAME.csv"),
        ("list == 'x'", "A205", 18, "unknown list `x`", "it is a segment: segment('x')"),
        ("list == city", "A203", 18, "`list` is compared with a name in quotes", "list == 'NAME'"),
        ("list > 'readers'", "A203", 15, "`list` has no order", "list == 'NAME'"),
        ("cty == 'Visby'", "A204", 10, "unknown attribute `cty`", "did you mean `city`?"),
        ("tags == 'press'", "A204", 10, "unknown attribute `tags`", "did you mean `tag`?"),
        ("status == 'active'", "A204", 10, "`status` can't be asked for", "leave it out: whoever may not be mailed is excluded anyway"),
        ("received('hei')", "A206", 19, "unknown campaign `hei`", "did you mean `hej`?"),
        ("received(hej)", "A203", 19, "`received` needs a text in quotes here", "received('campaign')"),
        ("segment('y')", "A207", 18, "unknown segment `y`", "known: x"),
        ("segment('readers')", "A207", 18, "unknown segment `readers`", "it is a list: list == 'readers'"),
        ("segment('x')", "A208", 10, "segments run in a circle: x → x", "let one of them do without"),
        ("recieved('hej')", "A204", 10, "unknown function `recieved`", "did you mean `received`?"),
        ("contains(city)", "A203", 10, "`contains` takes two values", "contains(city, 'text')"),
        ("contains(points, '5')", "A203", 19, "`contains` looks into a text, `points` is a number", "compare it: points == …"),
        ("contains(tag, 'p')", "A203", 19, "`contains` looks into a text, `tag` is none", "tag == 'NAME'"),
        ("contains('a', 'p')", "A203", 19, "`contains` begins with a column", "contains(city, 'text')"),
        ("is_set('city')", "A203", 17, "`is_set` asks for a column", "is_set(city)"),
        ("sample(10, 'a')", "A203", 17, "the share of a sample is a percentage", "sample(10%, 'seed')"),
        ("sample(0%, 'a')", "A203", 17, "the share of a sample lies above 0% and at most at 100%", "sample(10%, 'seed')"),
        ("sample(100.5%, 'a')", "A203", 17, "the share of a sample lies above 0% and at most at 100%", "sample(10%, 'seed')"),
        ("points > 10%", "A203", 19, "`10%` stands only in a sample", "sample(10%, 'seed')"),
        ("points > 9007199254740993", "A202", 19, "the number is larger than 9007199254740992", "write a smaller one"),
        ("city == 'Visby' # the island", "A201", 26, "`#` is unknown: there are no comments inside an expression", "say it in `description`"),
        ("city @ 'x'", "A201", 15, "unexpected `@`", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(load, where, code, column, message, hint):
    # A literal string: no escapes, so that the columns can be counted here.
    quote = "'''" if "'" in where and '"' not in where else '"'
    text = f"[x]\nwhere = {quote}{where}{quote}\n"
    loaded = load({"readers": PEOPLE}, segments=text, settings=SETTINGS)
    (problem,) = loaded.segments.problems
    shift = len(quote) - 1
    assert (problem.code, problem.message, str(problem.place)) == (
        code,
        message,
        f"subscribers/segments.toml:2:{column + shift}",
    )
    if hint is not None:
        assert problem.hint == hint
    with pytest.raises(ChecksFailed):
        loaded.members("x")


def test_all_that_is_wrong_is_told_at_once(load):
    where = "cty == 'a' and points == 'b' and list == 'c'"
    loaded = load({"readers": PEOPLE}, segments=one(where) + one("cit == 'a'", "y"), settings=SETTINGS)
    assert [(problem.code, str(problem.place)) for problem in loaded.segments.problems] == [
        ("A204", "subscribers/segments.toml:2:10"),
        ("A203", "subscribers/segments.toml:2:32"),
        ("A205", "subscribers/segments.toml:2:51"),
        ("A204", "subscribers/segments.toml:4:10"),
    ]


@pytest.mark.parametrize(
    ("toml", "place"),
    [
        ("""[x]\nwhere = "tag == \\"a\\" and cty == \\u0027b\\U00000027 or x"\n""", ["2:27", "2:55"]),
        ('[x]\nwhere = """\ntag == \'a\'\n  and cty == \'b\'\n  or x"""\n', ["4:7", "5:6"]),
        ('[x]\nwhere = """tag == \'a\' and \\\n   \n\n   cty == \'b\' or x"""\n', ["5:4", "5:18"]),
        ("[x]\nwhere = '''\ntag == \"a\"\n  and cty == \"b\" or x'''\n", ["4:7", "4:21"]),
        ('[x]\nwhere = \'tag == "a" and cty == "b" or x\'\n', ["2:25", "2:39"]),
        ('x.where = \'tag == "a" and cty == "b" or x\'\n', ["1:27", "1:41"]),
        ('x = { where = \'tag == "a" and cty == "b" or x\' }\n', ["1:31", "1:45"]),
        ('[x]\r\nwhere = """\r\ntag == \'a\'\r\n  and cty == \'b\'\r\n  or x"""\r\n', ["4:7", "5:6"]),
        ('\ufeff[x]\nwhere = \'tag == "å" and cty == "b" or x\'\n', ["2:25", "2:39"]),
    ],
)
def test_places_count_in_the_file_however_the_text_is_written(load, toml, place):
    loaded = load({"readers": PEOPLE}, segments=toml, settings=SETTINGS)
    errors = [problem for problem in loaded.segments.problems if problem.is_error]
    assert [str(problem.place) for problem in errors] == [f"subscribers/segments.toml:{at}" for at in place]


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("[x]\nwher = \"city == 'Visby'\"\n", ["F104 1:1", "F102 2:1"]),
        ("[x]\ndescription = 'De'\n", ["F104 1:1"]),
        ("[x]\nwhere = 5\n", ["F103 2:9"]),
        ("[x]\nwhere = ['a']\n", ["F103 2:9"]),
        ("where = \"city == 'Visby'\"\n", ["A216 1:1"]),
        ("[[x]]\nwhere = \"city == 'Visby'\"\n", ["A216 1:3"]),
        ("[readers]\nwhere = \"city == 'Visby'\"\n", ["A209 1:2"]),
        ("[READERS]\nwhere = \"city == 'Visby'\"\n", ["A209 1:2"]),
        ("[x]\nwhere = \"city == 'Visby'\"\n[X]\nwhere = \"city == 'Visby'\"\n", ["A215 3:2"]),
        ("['']\nwhere = \"city == 'Visby'\"\n", ["A215 1:2"]),
    ],
)
def test_the_file_itself_is_wrong(load, toml, expected):
    loaded = load({"readers": PEOPLE}, segments=toml, settings=SETTINGS)
    found = loaded.segments.problems
    assert [f"{p.code} {p.place}".replace("subscribers/segments.toml:", "") for p in found] == expected


@pytest.mark.parametrize(
    "toml", ["[x]\nwhere = \"city == 'Visby'\n", "[x]\nwhere = 'a'\nwhere = 'a'\n", "x: y\n"]
)
def test_what_is_no_toml_is_a_problem_too(load, toml):
    (problem,) = load({"readers": PEOPLE}, segments=toml).segments.problems
    assert (problem.code, problem.place and problem.place.file) == ("F101", "subscribers/segments.toml")


def test_a_circle_is_told_once_with_its_way(load):
    segments = (
        one("segment('b') or city == 'Visby'", "a") + one("not segment('c')", "b") + one("segment('a')", "c")
        + one("segment('b')", "d") + one("city == 'Visby'", "e")
    )  # fmt: skip
    loaded = load({"readers": PEOPLE}, segments=segments)
    (problem,) = loaded.segments.problems
    assert (problem.message, str(problem.place)) == (
        "segments run in a circle: a → b → c → a",
        "subscribers/segments.toml:2:10",
    )
    for name in "abcd":
        with pytest.raises(ChecksFailed, match="circle"):
            loaded.members(name)
    assert loaded.members("e") == ["anna"]


def test_an_unknown_name_is_told_where_it_was_written(load):
    segments = load({"readers": PEOPLE}, segments=one("city == 'Visby'", "i-visby")).segments
    with pytest.raises(ChecksFailed) as refused:
        segments.require("visby", Place("campaigns/hej.md", 4, 11))
    (problem,) = refused.value.problems
    assert (problem.code, str(problem.place), problem.hint) == (
        "A207",
        "campaigns/hej.md:4:11",
        "did you mean `i-visby`?",
    )
    segments.require("I-Visby", Place("campaigns/hej.md", 4, 11))


def test_an_unreadable_segments_file_is_the_reason_that_a_segment_is_unknown(load):
    segments = load({"readers": PEOPLE}, segments="[x\n").segments
    with pytest.raises(ChecksFailed) as refused:
        segments.require("x", Place("campaigns/hej.md", 4, 11))
    assert [problem.code for problem in refused.value.problems] == ["F101"]
    segments.require("readers", Place("campaigns/hej.md", 4, 11))


@pytest.mark.parametrize("where", ["list == 'broken'", "segment('z')"])
def test_an_unreadable_list_is_not_an_empty_one(load, where):
    loaded = load(
        {"readers": PEOPLE, "broken": ""}, segments=one(where) + one("tag == 'x' or list == 'broken'", "z")
    )
    assert [problem for problem in loaded.segments.problems if problem.is_error] == []
    for name in ("x", "broken"):
        with pytest.raises(ChecksFailed, match="A102"):
            loaded.members(name)


def test_limits(load):
    deep = "not (" * 25 + "vip" + ")" * 25
    deeper = "not (" * 25 + "(vip)" + ")" * 25
    wide = " or ".join(["vip"] * 500)
    longer = "city in [" + ", ".join(["'x'"] * 1000) + "]"
    for where in (deep, wide, longer):
        assert load({"readers": PEOPLE}, segments=one(where), settings=SETTINGS).segments.problems == ()
    for where, message in [
        (deeper, "nested too deeply: more than 50 levels"),
        (wide + " or vip", "more than 500 terms"),
        (longer[:-1] + ", 'x']", "more than 1000 items"),
        ("vip" + " " * 9998, "the expression has 10001 characters, more than 10000"),
        ("today" + " + 1 day" * 499 + " + 1 day == since", "more than 500 terms"),
        ("(" * 9000, "nested too deeply: more than 50 levels"),
    ]:
        (problem,) = load({"readers": PEOPLE}, segments=one(where), settings=SETTINGS).segments.problems
        assert (problem.code, problem.message) == ("A202", message)


def test_a_negation_that_takes_in_people_without_the_value_is_told(load):
    def findings(where, more=""):
        loaded = load({"readers": PEOPLE, "others": OTHERS}, segments=one(where) + more, settings=SETTINGS)
        found = loaded.warned("x")
        return [
            f"{p.severity} {p.code} {p.place.line}:{p.place.column} {p.message} | {p.hint}"
            for p in found
            if p.place
        ]

    assert findings("city != 'Visby' and list == 'readers'") == [
        "warning A211 2:10 the negation also takes in one person without `city` | only those who have one: is_set(city) and …"
    ]
    assert findings("list == 'readers' and not (points > 3 or city in ['Visby'])") == [
        "warning A211 2:37 the negation also takes in one person without `points` | only those who have one: is_set(points) and …",
        "warning A211 2:51 the negation also takes in one person without `city` | only those who have one: is_set(city) and …",
    ]
    assert findings("is_set(city) and city != 'Visby'") == []
    assert findings("list == 'others' and city != 'Visby'") == []  # Cecilia is not among them
    assert findings("not tag == 'press'") == []
    assert findings("not not city == 'Visby'") == []
    assert findings("not segment('y')", one("is_set(vip) and city == 'Visby'", "y")) == [
        "warning A211 2:14 the negation also takes in one person without `city` | only those who have one: is_set(city) and …"
    ]


def test_a_tag_that_nobody_has_and_a_column_that_no_list_has_are_told_and_harm_nobody(load):
    loaded = load(
        {"readers": "email,tags\nanna@example.org,press\n"}, segments=one("tag == 'pres' or city == 'Visby'")
    )
    assert [f"{p.severity} {p.code} {p.place}: {p.message} | {p.hint}" for p in loaded.segments.problems] == [
        "hint A212 subscribers/segments.toml:2:17: nobody has the tag `pres` | did you mean `press`?",
        "warning A213 subscribers/segments.toml:2:27: no list has a column `city`: it is missing for everybody | ",
    ]
    assert loaded.members("x") == []
