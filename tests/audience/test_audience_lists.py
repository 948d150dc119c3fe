"""Lists as files: what a row says, and what is told of a file that is wrong."""

import contextlib
import csv
import io
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.audience.models import TEXT_COLUMNS, Standing
from newsletter.audience.table import Unreadable, read_table
from newsletter.audience.waterfall import Rules, waterfall
from newsletter.settings.values import STANDARD_COLUMNS

HEAD = "email,first_name,city,tags,consent_at,status\n"


def test_a_row_is_a_person(load):
    loaded = load({"a": HEAD + 'Anna@Example.org, Anna ,Visby,"press; vip,Press",2015-06-30,active\n'})
    assert loaded.findings == []
    (anna,) = loaded.audience.people
    assert (anna.key, anna.email, anna.first_name, anna.city) == (
        "anna@example.org",
        "Anna@Example.org",
        "Anna",
        "Visby",
    )
    assert anna.tags == ("press", "vip")
    assert anna.consent_at == datetime(2015, 6, 29, 22, 0, tzinfo=UTC)  # midnight in Stockholm
    (row,) = anna.memberships
    assert (row.list, str(row.place), row.standing, row.consent_at) == (
        "a",
        "subscribers/a.csv:2",
        Standing.SUBSCRIBED,
        anna.consent_at,
    )
    assert loaded.audience.lists["a"].rows == 1
    assert loaded.audience.columns == {"email", "first_name", "city", "tags", "consent_at", "status"}


@pytest.mark.parametrize(
    ("written", "utc"),
    [
        ("2015-06-30 08:00", "2015-06-30T06:00:00+00:00"),
        ("2015-06-30T08:00:00Z", "2015-06-30T08:00:00+00:00"),
        ("2015-06-30T08:00:00.5+02:00", "2015-06-30T06:00:00.500000+00:00"),
        ("2015-06-30 08:00:00 +0200", "2015-06-30T06:00:00+00:00"),
        ("2015-01-30", "2015-01-29T23:00:00+00:00"),
    ],
)
def test_consent_at_is_a_day_or_an_instant(load, written, utc):
    (anna,) = load({"a": f"email,consent_at\nanna@example.org,{written}\n"}).audience.people
    assert anna.consent_at is not None
    assert anna.consent_at.isoformat() == utc


@pytest.mark.parametrize(
    ("written", "readable"),
    [
        ("0001-01-01T00:00Z", False), ("0001-01-01T15:59Z", False), ("0001-01-02", True),
        ("9999-12-31", True), ("9999-12-31T09:59:59.999999Z", True), ("9999-12-31T10:00Z", False),
        ("9999-12-31T23:59:59-12:00", False),
    ],
)  # fmt: skip
def test_an_instant_that_has_no_date_somewhere_counts_as_missing(load, written, readable):
    """Whoever shows it, in whichever zone, would fall over it."""
    loaded = load({"a": f"email,consent_at\nanna@example.org,{written}\n"})
    (anna,) = loaded.audience.people
    assert (anna.consent_at is not None) == readable
    assert any("A116" in found for found in loaded.findings) != readable
    if readable:
        # The farthest from UTC there are, and there were: local mean time on both sides of the date line.
        for zone in ("Etc/GMT-14", "Etc/GMT+12", "Asia/Manila", "America/Juneau"):
            anna.consent_at.astimezone(ZoneInfo(zone))


def test_header_names_are_folded_and_blanks_become_underscores(load):
    loaded = load(
        {"a": "E\u006dail , First  Name,ORGANISATION,Född år\nanna@example.org,Anna,Test AB,1970\n"}
    )
    assert loaded.findings == []
    (anna,) = loaded.audience.people
    assert (anna.first_name, anna.organisation, anna.attributes) == ("Anna", "Test AB", {"född_år": "1970"})


def test_further_columns_have_the_declared_type(load):
    loaded = load(
        {
            "a": "email,points,since,seen,vip,note\nanna@example.org,12,2015-06-30,2015-06-30 08:00,ja,x\nbo@example.org,-3.5,,,no,\n"
        },
        settings='timezone = "Europe/Stockholm"\n[attributes]\npoints = "number"\nsince = "date"\nseen = "instant"\nvip = "bool"\n',
    )
    anna, bo = loaded.audience.people
    assert anna.attributes == {
        "points": 12,
        "since": date(2015, 6, 30),
        "seen": datetime(2015, 6, 30, 6, tzinfo=UTC),
        "vip": True,
        "note": "x",
    }
    assert bo.attributes == {"points": -3.5, "vip": False}


def test_the_standard_columns_are_the_settings_too():
    assert set(STANDARD_COLUMNS) == {*TEXT_COLUMNS, "consent_at", "tags", "status"}


def test_the_first_non_empty_value_holds_and_lists_are_taken_by_file_name(load):
    loaded = load(
        {
            "b": HEAD + "anna@example.org,Annika,Lund,vip,2014-01-01,\n",
            "a": HEAD + "bo@example.org,,,,,\nANNA@example.org,Anna,,press,2015-01-01,pending\n",
        }
    )
    anna = loaded.audience.find("anna@example.org")
    assert anna is not None
    assert (anna.email, anna.first_name, anna.city) == ("ANNA@example.org", "Anna", "Lund")
    assert anna.tags == ("press", "vip")
    assert [(row.list, row.standing.value) for row in anna.memberships] == [
        ("a", "pending"),
        ("b", "subscribed"),
    ]
    assert loaded.findings == [
        (
            "warning A118 subscribers/b.csv:2:18: `first_name` is `Annika` here and `Anna` in subscribers/a.csv:3, which holds"
            " | write the same in both rows"
        )
    ]


def test_spellings_of_one_address_are_one_person_and_case_is_no_contradiction(load):
    loaded = load(
        {
            "a": HEAD + "a@räksmörgås.test,Åsa,Visby,,,\n",
            "b": HEAD + "A@XN--RKSMRGS-5WAO1O.test,A\u030asa,VISBY,,,unsubscribed\n",
        }
    )
    (asa,) = loaded.audience.people
    assert (asa.email, asa.address) == ("a@räksmörgås.test", "a@xn--rksmrgs-5wao1o.test")
    assert asa.unsubscribed
    assert loaded.findings == []


@pytest.mark.parametrize(
    ("column", "no", "nothing"),
    [
        ("unsubscribed", "yes", "No"),
        ("Opt-out", "2015-02-03", ""),
        ("avregistrerad", "x", "nej"),
        ("nyhetsbrev", "NEJ", "Månadsbrevet"),
        ("consent_source", "nej", "Mässan"),
    ],
)
def test_a_column_of_another_program_that_says_no_is_not_passed_over(load, column, no, nothing):
    """A list that was laid there by hand: its status says nothing, and the column would be one attribute more."""
    rows = f"a@example.org,,{no}\nb@example.org,subscribed,{no}\nc@example.org,unsubscribed,{no}\nd@example.org,,{nothing}\n"
    loaded = load({"a": f"email,status,{column}\n{rows}"})
    standings = [who.memberships[0].standing.value for who in loaded.audience.people]
    assert standings == ["unclear", "unclear", "unsubscribed", "subscribed"]
    told = [one for one in loaded.audience.problems["a"] if one.code == "A150"]
    assert [str(one.place) for one in told] == ["subscribers/a.csv:2:16", "subscribers/a.csv:3:26"]


def test_the_same_address_twice_in_a_list_is_a_hint(load):
    loaded = load({"a": "email\nanna@example.org\nbo@example.org\nAnna@example.org\n"})
    assert len(loaded.audience.people) == 2
    assert loaded.audience.people[0].lists == ("a",)
    assert loaded.findings == [
        "hint A119 subscribers/a.csv:4:1: the same address as in line 2: one person, one mail | delete one of the two rows"
    ]


def test_lines_are_counted_through_quoted_cells_and_their_breaks_are_kept(load):
    loaded = load(
        {
            "a": 'email,note,status\r\nanna@example.org,"one, ""two""\r\nthree",\r\n\r\n\r\nbo@example.org,x,odd\r\n'
        }
    )
    anna, bo = loaded.audience.people
    assert anna.attributes["note"] == 'one, "two"\nthree'
    assert [str(who.memberships[0].place) for who in (anna, bo)] == [
        "subscribers/a.csv:2",
        "subscribers/a.csv:6",
    ]
    assert [str(p.place) for p in loaded.audience.problems["a"]] == ["subscribers/a.csv:6:18"]


def test_a_cell_behind_a_quoted_cell_with_breaks_has_its_place(load):
    loaded = load({"a": 'email,note,status\nanna@example.org,"one\ntwo, ""x""",odd\n'})
    assert [str(p.place) for p in loaded.audience.problems["a"]] == ["subscribers/a.csv:3:13"]


def test_a_very_long_cell_is_fine(load):
    note = "å" * 300_000
    (anna,) = load({"a": f"email,note\nanna@example.org,{note}\n"}).audience.people
    assert anna.attributes["note"] == note


def test_other_line_separators_do_not_end_a_row(load):
    loaded = load({"a": "email,note\nanna@example.org,one\u2028two\x0bthree\x85four\nbo@example.org,\n"})
    assert [str(who.memberships[0].place) for who in loaded.audience.people] == [
        "subscribers/a.csv:2",
        "subscribers/a.csv:3",
    ]


def test_controls_are_cleaned_and_a_name_is_one_line(load):
    loaded = load({"a": 'email,first_name,note\nanna@example.org,"An\x07na\r\nBcc: x",a\x1bb\n'})
    (anna,) = loaded.audience.people
    assert (anna.first_name, anna.attributes["note"]) == ("Anna Bcc: x", "ab")
    assert loaded.findings == [
        "warning A117 subscribers/a.csv:2:18: a line break or a control character in `first_name` is left out | delete it in the file",
        "warning A117 subscribers/a.csv:3:9: a control character in `note` is left out | delete it in the file",
    ]


def test_a_byte_order_mark_and_trailing_rows_of_commas_are_nothing(load):
    loaded = load({"a": b"\xef\xbb\xbfemail,city\r\nanna@example.org,Visby\r\n,\r\n , \r\n"})
    assert (len(loaded.audience.people), loaded.findings) == (1, [])


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("email,first_name\nanna@,Anna\n",
         ("warning A112 subscribers/a.csv:2:1: the address is not valid: there must be something after the @-sign"
         " | write one address, as anna@example.org; till then it is excluded")),
        ("first_name,email\nAnna, \n",
         "warning A113 subscribers/a.csv:2:6: a row without address: it is excluded | write the address, or delete the row"),
        ("email\nåsa@example.org\n",
         ("warning A114 subscribers/a.csv:2:1: the address has other letters than a to z before the @, which few servers take"
         " | ask the reader for another address; this one is excluded")),
        ("email,points\nanna@example.org,1 200,5\n",
         ("warning A110 subscribers/a.csv:2:24: the row has 3 cells, the header 2: it is left out"
         ' | put a cell that holds a comma in quotes: "Berg, Åsa"')),
        ("email,points,status\nanna@example.org,1\n",
         "warning A110 subscribers/a.csv:2:18: the row has 2 cells, the header 3: it is left out | write a comma for each empty cell, too"),
        ('email,points\nanna@example.org,"3,5"\n',
         "warning A115 subscribers/a.csv:2:18: `3,5` in `points` is no number: it counts as missing | write 3.5"),
        ("email,points\nanna@example.org,många\n",
         "warning A115 subscribers/a.csv:2:18: `många` in `points` is no number: it counts as missing | write digits, as 12 or 3.5"),
        ("email,points\nanna@example.org,1e400\n",
         "warning A115 subscribers/a.csv:2:18: `1e400` in `points` is no number: it counts as missing | write digits, as 12 or 3.5"),
        ("email,since\nanna@example.org,30/6 2015\n",
         "warning A115 subscribers/a.csv:2:18: `30/6 2015` in `since` is no day: it counts as missing | write year-month-day, as 2015-06-30"),
        ("email,vip\nanna@example.org,kanske\n",
         ("warning A115 subscribers/a.csv:2:18: `kanske` in `vip` is neither true nor false: it counts as missing"
         " | write true or false (yes and no, ja and nej will do)")),
        ("email,consent_at\nanna@example.org,2015-02-30\n",
         ("warning A116 subscribers/a.csv:2:18: `2015-02-30` in `consent_at` is no date: it counts as missing"
         " | write 2015-06-30, 2015-06-30 08:00, or with an offset 2015-06-30T08:00:00+02:00")),
        ("email,consent_at\nanna@example.org,0001-01-01\n",
         ("warning A116 subscribers/a.csv:2:18: `0001-01-01` in `consent_at` is no date: it counts as missing"
         " | write 2015-06-30, 2015-06-30 08:00, or with an offset 2015-06-30T08:00:00+02:00")),
        ("email,status\nanna@example.org,unsubscribd\n",
         "warning A111 subscribers/a.csv:2:18: unknown status `unsubscribd`: nobody can tell whether to mail, so nothing goes there | did you mean `unsubscribed`?"),
        ("email,status\nanna@example.org,?\n",
         ("warning A111 subscribers/a.csv:2:18: unknown status `?`: nobody can tell whether to mail, so nothing goes there"
         " | write subscribed, unsubscribed, cleaned or pending")),
        ("email,antal-barn\nanna@example.org,2\n",
         "warning A121 subscribers/a.csv:1:7: no letter and no segment can use the column `antal-barn` | call it `antal_barn`"),
        ("email,List\nanna@example.org,2\n",
         "warning A121 subscribers/a.csv:1:7: no letter and no segment can use the column `list` | call it `list_name`"),
        ("email,first_name\n",
         "error A109 subscribers/a.csv:1:1: nobody is on the list: it has a header only | add a row for each reader, or delete the file"),
    ],
)  # fmt: skip
def test_a_finding_leaves_the_list_in_use(load, text, finding):
    loaded = load(
        {"a": text},
        settings='timezone = "Europe/Stockholm"\n[attributes]\npoints = "number"\nsince = "date"\nvip = "bool"\n',
    )
    assert loaded.findings == [finding]
    assert "a" in loaded.audience.lists


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        ("", "error A102 subscribers/a.csv:1: the list is empty | begin it with a header line: email,first_name,last_name"),
        (" \n\n", "error A102 subscribers/a.csv:1: the list is empty | begin it with a header line: email,first_name,last_name"),
        ("anna@example.org,Anna\nbo@example.org,Bo\n",
         "error A103 subscribers/a.csv:1:1: the list has no header line | put one above it: email,first_name,last_name"),
        ("first_name,city\nAnna,Visby\n",
         "error A103 subscribers/a.csv:1:1: the list has no column `email` | call the column with the addresses `email`"),
        ("Förnamn,E-post\nAnna,anna@example.org\n",
         "error A103 subscribers/a.csv:1:9: the list has no column `email`, but one called `E-post` | call `E-post` `email`"),
        ("mejl\nanna@example.org\n",
         "error A103 subscribers/a.csv:1:1: the list has no column `email`, but one called `mejl` | call `mejl` `email`"),
        ("email,city,Email\na@example.org,,\n",
         ("error A104 subscribers/a.csv:1:12: two address columns: `email` and `Email`"
         " | keep one, called `email`, and delete the other or give it another name")),
        ("email,E-mail address\na@example.org,\n",
         ("error A104 subscribers/a.csv:1:7: two address columns: `email` and `E-mail address`"
         " | keep one, called `email`, and delete the other or give it another name")),
        ("email,First Name,first_name\na@example.org,,\n",
         "error A105 subscribers/a.csv:1:18: the column `first_name` stands twice | give one of the two another name"),
        ("email,city,\na@example.org,,\n", "error A106 subscribers/a.csv:1:12: column 3 has no name | name it, or delete it with all its cells"),
        ("email;city\na@example.org;Visby\n",
         ("error A107 subscribers/a.csv:1:6: the cells are separated by semicolons, not by commas"
         " | save it as CSV with commas, or turn each semicolon into a comma")),
        ("email\tcity\na@example.org\tVisby\n",
         "error A107 subscribers/a.csv:1:6: the cells are separated by tabs, not by commas | save it as CSV with commas, or turn each tab into a comma"),
        ("sep=;\nemail;city\n",
         "error A107 subscribers/a.csv:1:1: `sep=` is a word for Excel only | delete the line `sep=;` and separate the cells by commas"),
        ('email,city\na@example.org,Lund\nanna@example.org,"Visby\nbo@example.org,Lund\n',
         'error A101 subscribers/a.csv:3:18: a quoted cell is not closed | close the cell with "; a quote inside it is written twice: ""'),
        ('email,city\nanna@example.org,"Visby"s\n',
         ("error A101 subscribers/a.csv:2: text follows a closed quote, in the row that begins here"
         ' | quote the whole cell and write quotes inside it twice: "Åsa ""Ås"" Berg"')),
    ],
)  # fmt: skip
def test_a_list_is_refused(load, content, finding):
    loaded = load({"a": content, "b": "email\nbo@example.org\n"})
    assert loaded.findings == [finding]
    assert list(loaded.audience.lists) == ["b"]
    assert [who.key for who in loaded.audience.people] == ["bo@example.org"]


def test_a_list_in_windows_1252_is_told_where(load):
    loaded = load({"a": "email,city\nanna@example.org,Malmö\n".encode("cp1252")})
    (problem,) = loaded.audience.problems["a"]
    assert (problem.code, str(problem.place), problem.is_error) == ("F112", "subscribers/a.csv:2:22", True)
    assert "cp1252" in problem.message
    assert loaded.audience.lists == {}


@pytest.mark.parametrize(
    "content", [b"email\nan\0na@example.org\n", "email\nanna@example.org\n".encode("utf-16-le")]
)
def test_a_list_with_nul_is_no_text(load, content):
    loaded = load({"a": content})
    assert [problem.is_error for problem in loaded.audience.problems["a"]] == [True]
    assert loaded.audience.lists == {}


def test_two_lists_of_one_name_but_for_case(load):
    loaded = load({"Lista": "email\na@example.org\n", "lista": "email\nb@example.org\n"})
    assert loaded.findings == [
        "error A120 subscribers/lista.csv: the list has the name of subscribers/Lista.csv but for case | rename one of the two files"
    ]


def test_a_row_without_address_is_counted_for_itself(load):
    loaded = load({"a": "email,city\n,Visby\n,Lund\nanna@example.org,\n"})
    assert [(who.key, who.address) for who in loaded.audience.people] == [
        ("anna@example.org", "anna@example.org"), ("subscribers/a.csv:2", ""), ("subscribers/a.csv:3", "")
    ]  # fmt: skip


def test_a_wrong_column_does_not_fill_the_screen(load):
    rows = "".join(f"a{n}@example.org,x\n" for n in range(500))
    loaded = load({"a": "email,points\n" + rows}, settings='[attributes]\npoints = "number"\n')
    assert len(loaded.findings) == 21
    assert (
        loaded.findings[-1]
        == "warning A115 subscribers/a.csv: and 480 more rows like these in the column `points`"
    )
    assert len(loaded.audience.people) == 500


def test_nobody_and_nothing(load):
    loaded = load({})
    assert (loaded.audience.people, loaded.audience.lists, loaded.findings) == ((), {}, [])


def test_errors_are_those_that_may_hide_an_opt_out(load):
    loaded = load({"a": "email,status\nanna@example.org,?\nbo@,\n", "b": ""})
    assert [problem.code for problem in loaded.audience.errors] == ["A102"]


@pytest.mark.parametrize(
    "row", ["anna@example.org,Anna,unsubscribd", "anna@example.org,Anna", "anna@example.org,Anna,,x"]
)
def test_a_row_that_might_say_no_holds_the_person_whatever_other_lists_say(load, row):
    loaded = load(
        {"a": f"email,first_name,status\n{row}\nbo@example.org,Bo,\n", "b": "email\nAnna@example.org\n"}
    )
    flow = waterfall(loaded.audience.people, Rules(None), is_excluded=lambda _: False, left=lambda _: ())
    assert [who.email for who in flow.recipients] == ["bo@example.org"]
    assert len(flow.excluded["pending"]) == 1


cell = st.text(st.sampled_from('ab å",;\n|\t'), max_size=8)


@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=5)
    ),
    st.booleans(),
)
def test_any_table_is_read_as_it_was_written_and_each_cell_has_its_place(rows, quoted):
    written = io.StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL, lineterminator="\n")
    writer.writerow(["email", *(f"c{n}" for n in range(len(rows[0])))])
    writer.writerows(["a@example.org", *row] for row in rows)
    text = written.getvalue()
    table, problems = read_table(lambda: io.StringIO(text, newline="\n"), "f.csv")
    assert problems == []
    assert table is not None
    lines, found = text.split("\n"), []
    for _, cells in table.rows():
        found.append(cells[1:])
        for number, content in enumerate(cells):
            place = table.place(number)
            rest = "\n".join(lines[(place.line or 0) - 1 :])[(place.column or 0) - 1 :]
            as_written = '"' + content.replace('"', '""') + '"'
            assert rest.startswith(as_written if quoted or rest.startswith('"') else content)
    assert found == rows


@given(st.text(max_size=60))
def test_any_text_is_a_table_or_has_an_error(text):
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    table, problems = read_table(lambda: io.StringIO(plain, newline="\n"), "f.csv")
    assert (table is not None) or any(problem.is_error for problem in problems)
    if table is not None:
        with contextlib.suppress(Unreadable):
            list(table.rows())
