"""Each mistake in a campaign's or a sequence's files: the exact text, with file, line, column and the way out."""

from collections.abc import Callable, Mapping

import pytest

from newsletter.campaigns.models import Catalogue

Load = Callable[[Mapping[str, str]], Catalogue]

HEAD = 'subject = "Hej"\ntemplate = "plain"\nsegment = "alla"\n'  # lines 2 to 4


def letter(more: str = "", head: str = HEAD) -> str:
    return f"+++\n{head}{more}+++\nHej!\n"


def told(catalogue: Catalogue, name: str) -> str:
    return "\n".join(problem.as_text() for problem in catalogue.problems.get(name, ()))


def error(text: str, hint: str = "") -> str:
    return f"error    {text}" + (f"\n   try:  {hint}" if hint else "")


IN_A_CAMPAIGN = {  # the line below the head, and what is said of it
    'subjekt = "x"': ("F102  unknown key `subjekt`   {}:5:1", "did you mean `subject`?"),
    'utm = { source = "x" }': (
        "F104  the key `hosts` is missing in [utm]   {}:5:7",
        'hosts = ["…"]',
    ),
    "utm = { hosts = [] }": (
        "F103  `utm.hosts` is empty   {}:5:17",
        'name your own sites: hosts = ["example.org"]',
    ),
    'utm = { hosts = ["https://example.org/x"] }': (
        'F103  `utm.hosts[1]` is "https://example.org/x", which is no host name   {}:5:18',
        '"example.org"',
    ),
    'utm = { hosts = ["example.org"], content = "x" }': (
        "F102  unknown key `content` in [utm]   {}:5:34",
        "known: hosts, medium, source",
    ),
    'utm = "example.org"': (
        "F103  `utm` must be a table of hosts and names   {}:5:7",
        'utm = {{ hosts = ["example.org"], source = "newsletter" }}',
    ),
    'attachments = [""]': (
        'F103  `attachments[1]` is "", which names no file   {}:5:16',
        'attachments = ["program.pdf"]',
    ),
    'wait = "2 days"': (
        "F105  `wait` belongs under [[step]] in sequence.toml   {}:5:1",
        "move the line `wait = …` there",
    ),
    'window = "08:00"': (
        "F105  `window` belongs in a sequence's sequence.toml   {}:5:1",
        "move the line `window = …` there",
    ),
    '[data]\nstatus = "ready"': (
        "F105  `status` belongs above [data]   {}:6:1",
        "move the line `status = …` there",
    ),
    '[data]\nalbum = "x"\n  subject = "x"': (
        "F105  `subject` belongs above [data]   {}:7:3",
        "move the line `subject = …` there",
    ),
    "[data]\nutm = true": (
        "F105  `utm` belongs above [data]   {}:6:1",
        "move the line `utm = …` there",
    ),
    'data = "x"': ("F103  `data` is text; it must be a table   {}:5:8", "data = {{ … }}"),
    'status = "redy"': (
        'F103  `status` is "redy"; it must be "draft" or "ready"   {}:5:10',
        "did you mean `ready`?",
    ),
    'status = "paused"': (
        'F103  `status` is "paused"; it must be "draft" or "ready"   {}:5:10',
        "known: draft, ready",
    ),
    "status = true": ('F103  `status` must be "draft" or "ready"   {}:5:10', 'status = "draft"'),
    "send_at = 2015-07-03": (
        "F103  `send_at` is a date without a time   {}:5:11",
        'send_at = "2015-07-03 09:00"',
    ),
    "send_at = 17:30:00": (
        "F103  `send_at` is a time without a date   {}:5:11",
        'send_at = "2015-07-03 17:30"',
    ),
    'send_at = "2015-06-29"': (
        'F103  `send_at` is "2015-06-29"; a date and a time are needed   {}:5:11',
        'send_at = "2015-06-29 09:00"',
    ),
    'send_at = "17:30"': (
        'F103  `send_at` is "17:30"; a date and a time are needed   {}:5:11',
        'send_at = "2015-07-03 17:30"',
    ),
    'send_at = "3 juli 2015 kl. 9"': (
        'F103  `send_at` is "3 juli 2015 kl. 9"; a date and a time are needed   {}:5:11',
        'send_at = "2015-07-03 09:00"',
    ),
    'send_at = "2015-02-30 09:00"': (
        'F103  `send_at` is "2015-02-30 09:00", which is on no calendar or no clock   {}:5:11',
        'send_at = "2015-07-03 09:00"',
    ),
    'send_at = "0215-07-03 09:00"': (
        "F103  `send_at` is in the year 215   {}:5:11",
        'send_at = "2015-07-03 09:00"',
    ),
    "send_at = 12": ("F103  `send_at` must be a date and a time   {}:5:11", 'send_at = "2015-07-03 09:00"'),
    "send_at = 2015-07-03 09:00": (
        "F101  a date with a time needs seconds, or quotes   {}:5:11",
        'send_at = "2015-07-03 09:00"',
    ),
    'timezone = "Europe/Stokholm"': (
        'F103  `timezone` is "Europe/Stokholm", which is no time zone   {}:5:12',
        "did you mean `Europe/Stockholm`?",
    ),
    'language = "svenska"': (
        'F103  `language` is "svenska", which is no language tag   {}:5:12',
        'language = "sv" (BCP 47, as in "sv" or "sv-SE")',
    ),
    'language = "sv_SE"': (
        'F103  `language` is "sv_SE", which is no language tag   {}:5:12',
        'language = "sv-SE" (BCP 47, as in "sv" or "sv-SE")',
    ),
    'from = "HejDigitalt"': (
        'F103  `from` is "HejDigitalt", which is not one address   {}:5:8',
        '"HejDigitalt <hej@example.org>"',
    ),
    'from = "Hej <hej@example.org>\\r\\nBcc: x@example.org"': (
        "F103  `from` holds a line break or a control character, which no header takes   {}:5:8",
        "",
    ),
    'reply_to = "a@example.org\\nTo: b@example.org"': (
        "F103  `reply_to` holds a line break or a control character, which no header takes   {}:5:12",
        "",
    ),
    'allow = ["C101", "c102"]': (
        'F103  `allow[2]` is "c102"; the code of a finding is a letter and three digits   {}:5:18',
        'write "C102"',
    ),
    'allow = "C101"': ("F103  `allow` is text; it must be a list   {}:5:9", 'allow = ["C101"]'),
    'late_after = "6 parsecs"': (
        "F103  `late_after` has an unknown unit `parsecs`   {}:5:14",
        "known: days, hours, minutes, seconds, weeks",
    ),
    "late_after = 6": (
        "F103  `late_after` must be a number and a unit, as text   {}:5:14",
        'late_after = "6 hours"',
    ),
    'exclude = "press"': ("F103  `exclude` is text; it must be a list   {}:5:11", 'exclude = ["press"]'),
    'exclude = ["press", ""]': ("F103  `exclude[2]` is empty   {}:5:21", "write a name, or take it out"),
    'tags = ["a\\nb"]': (
        "F103  `tags[1]` holds a line break or a control character   {}:5:9",
        "write the name on one line",
    ),
}


@pytest.mark.parametrize("line", IN_A_CAMPAIGN)
def test_one_wrong_line_is_one_problem(load: Load, line: str) -> None:
    catalogue = load({"hej.md": letter(line + "\n")})
    text, hint = (part.format("campaigns/hej.md") for part in IN_A_CAMPAIGN[line])
    assert told(catalogue, "hej") == error(text, hint)
    assert not catalogue.campaigns


@pytest.mark.parametrize(
    ("head", "text", "hint"),
    [
        (
            'subject = ""\ntemplate = "plain"\nsegment = "alla"\n',
            "F103  `subject` is empty   campaigns/hej.md:2:11",
            'every mail has a subject: subject = "…"',
        ),
        (
            'subject = """Hej\ndär"""\ntemplate = "plain"\nsegment = "alla"\n',
            "F103  `subject` holds a line break, a tab or a control character   campaigns/hej.md:2:11",
            "write the subject on one line",
        ),
        (
            'subject = 2015-06-30\ntemplate = "plain"\nsegment = "alla"\n',
            "F103  `subject` is a date; it must be text   campaigns/hej.md:2:11",
            'subject = "2015-06-30"',
        ),
        (
            'subject = "Hej\ntemplate = "plain"\nsegment = "alla"\n',
            None,
            "",
        ),
        (
            'subject = "Hej"\ntemplate = "plain"\n',
            "F104  the key `segment` is missing   campaigns/hej.md:1:1",
            'segment = "…"',
        ),
        (
            'subject = "Hej"\ntemplate = "plain"\nsegment = ["alla"]\n',
            "F103  `segment` is a list; it must be text   campaigns/hej.md:4:11",
            'segment = "…"',
        ),
        *(
            (f'subject = "Hej"\ntemplate = "{name}"\nsegment = "alla"\n', f"F103  `template` {text}   campaigns/hej.md:3:12", hint)
            for name, text, hint in [
                ("recap.mjml", 'is "recap.mjml"; a template is named without folder and suffix', 'template = "recap"'),
                ("templates/recap.mjml", 'is "templates/recap.mjml"; a template is named without folder and suffix', 'template = "recap"'),
                ("./letter", 'is "./letter", which is no .mjml file', 'template = "./letter.mjml"'),
                ("../recap", 'is "../recap", which is no place for a template', 'name one of templates/, as in "recap", or a file right beside this one, as in "./letter.mjml"'),
                ("./a/letter.mjml", 'is "./a/letter.mjml", which is no place for a template', 'name one of templates/, as in "recap", or a file right beside this one, as in "./letter.mjml"'),
                ("/etc/passwd", 'is "/etc/passwd", which is no place for a template', 'name one of templates/, as in "recap", or a file right beside this one, as in "./letter.mjml"'),
                ("", 'is "", which is no name of a template', 'template = "recap"'),
            ]
        ),
    ],
)  # fmt: skip
def test_a_wrong_head(load: Load, head: str, text: str | None, hint: str) -> None:
    found = told(load({"hej.md": letter(head=head)}), "hej")
    if text is None:  # the quote that is missing: the words are those of the TOML reader
        assert found.startswith("error    F101  ")
        assert "campaigns/hej.md:2:" in found
    else:
        assert found == error(text, hint)


def test_all_mistakes_of_a_file_at_once_in_their_order(load: Load) -> None:
    text = '+++\nsubject = ""\nutm = {}\ntemplate = 5\nstatsu = "ready"\n[data]\nsend_at = "x"\n+++\n'
    catalogue = load({"hej.md": text})
    assert [(problem.code, str(problem.place)) for problem in catalogue.problems["hej"]] == [
        ("F104", "campaigns/hej.md:1:1"),
        ("F103", "campaigns/hej.md:2:11"),
        ("F104", "campaigns/hej.md:3:7"),
        ("F103", "campaigns/hej.md:4:12"),
        ("F102", "campaigns/hej.md:5:1"),
        ("F105", "campaigns/hej.md:7:1"),
    ]


class TestFiles:
    def test_no_front_matter(self, load: Load) -> None:
        assert told(load({"hej.md": "Hej!\n"}), "hej") == error(
            "F301  the file does not begin with its keys   campaigns/hej.md:1:1",
            "begin it with TOML between two lines `+++`; a file that is no campaign gets a name with `_`",
        )

    def test_yaml(self, load: Load) -> None:
        assert told(load({"hej.md": "---\nsubject: Hej\n---\n"}), "hej") == error(
            "F106  the file begins with `---`, the fence of YAML   campaigns/hej.md:1:1",
            'TOML stands between two lines `+++`, and a key is written `subject = "…"`',
        )

    def test_a_name_that_can_be_no_id(self, load: Load) -> None:
        assert told(load({"2015/Välkommen hit.md": letter()}), "2015/Välkommen hit") == error(
            "F310  `2015/Välkommen hit` can't be an id: a name has letters a-z, digits, hyphens, dots and "
            "underscores only   campaigns/2015/Välkommen hit.md:1:1",
            "rename `Välkommen hit` to `valkommen-hit` (the subject may be written as you like)",
        )

    def test_two_files_for_one_id(self, load: Load) -> None:
        catalogue = load({"hej.md": letter(), "hej/campaign.md": letter(), "andra.md": letter()})
        assert told(catalogue, "hej") == error(
            "F311  `campaigns/hej.md` and `campaigns/hej/campaign.md` would both be `hej`"
            "   campaigns/hej/campaign.md:1:1",
            "rename one, or begin its name with `_` (names that begin with `_`, and README.md, are no campaigns)",
        )
        assert list(catalogue.campaigns) == ["andra"]

    def test_a_campaign_and_a_sequence_of_one_name(self, load: Load) -> None:
        catalogue = load({"tips.md": letter(), **tips(TWO)})
        assert [problem.code for problem in catalogue.problems["tips"]] == ["F311"]
        assert not catalogue.campaigns
        assert not catalogue.sequences


class TestDefaults:
    def test_what_they_must_not_say(self, load: Load) -> None:
        keys = 'subject = "x"\nsegment = "x"\nstatus = "ready"\nsend_at = "2015-07-03 09:00"\n'
        catalogue = load({"_defaults.toml": keys, "hej.md": letter()})
        assert told(catalogue, "hej") == "\n".join(
            error(
                f"F302  _defaults.toml takes no `{key}`   campaigns/_defaults.toml:{line}:1",
                "write it in each campaign, where a reader of the file sees it",
            )
            for line, key in enumerate(("subject", "segment", "status", "send_at"), start=1)
        )

    def test_an_unknown_key_breaks_all_below_and_nothing_beside(self, load: Load) -> None:
        catalogue = load(
            {
                "2015/_defaults.toml": 'tagz = ["a"]\n',
                "2015/a.md": letter(),
                "2015/sommar/b.md": letter(),
                "c.md": letter(),
            }
        )
        expected = error(
            "F102  unknown key `tagz`   campaigns/2015/_defaults.toml:1:1", "did you mean `tags`?"
        )
        assert told(catalogue, "2015/a") == told(catalogue, "2015/sommar/b") == expected
        assert list(catalogue.campaigns) == ["c"]

    def test_a_wrong_value_is_named_where_it_stands_and_once(self, load: Load) -> None:
        catalogue = load({"_defaults.toml": 'language = "svenska"\n', "hej.md": letter()})
        assert told(catalogue, "hej") == error(
            'F103  `language` is "svenska", which is no language tag   campaigns/_defaults.toml:1:12',
            'language = "sv" (BCP 47, as in "sv" or "sv-SE")',
        )

    def test_a_template_beside_a_file_is_no_default(self, load: Load) -> None:
        catalogue = load({"_defaults.toml": 'template = "./letter.mjml"\n', "hej.md": letter()})
        assert told(catalogue, "hej") == error(
            'F103  `template` is "./letter.mjml", which stands beside one campaign   campaigns/_defaults.toml:1:12',
            "name it in that campaign, or put the template into templates/",
        )

    def test_what_is_missing_may_stand_in_the_file_that_is_no_toml(self, load: Load) -> None:
        catalogue = load(
            {"_defaults.toml": "template =\n", "hej.md": letter(head='subject = "Hej"\nsegment = "alla"\n')}
        )
        assert told(catalogue, "hej") == error(
            "F101  `template` has no value   campaigns/_defaults.toml:1:11",
            'template = "…", or take the line out',
        )


# --- sequences

STEP = '+++\nsubject = "Tips"\n+++\nHej!\n'
TOP = 'segment = "alla"\ntemplate = "tip"\n'  # lines 1 and 2
STEPS = '[[step]]\nid = "ett"\nwait = "0 days"\n[[step]]\nid = "tva"\nwait = "2 days"\n'
TWO = TOP + STEPS


def tips(toml: str, **files: str | None) -> dict[str, str]:
    """A folder tips/ with the steps `ett` and `tva`; further files by keyword, None takes one away."""
    whole: dict[str, str | None] = {"sequence": toml, "ett": STEP, "tva": STEP, **files}
    return {
        f"tips/{name}.{'toml' if name == 'sequence' else 'md'}": text
        for name, text in whole.items()
        if text is not None
    }


IN_A_SEQUENCE = {  # the line below the top, and what is said of it
    'status = "redy"': (
        'F103  `status` is "redy"; it must be "draft" or "ready" or "paused"   {}:3:10',
        "did you mean `ready`?",
    ),
    'foo = "x"': (
        "F102  unknown key `foo`   {}:3:1",
        (
            "known: allow, attachments, data, exit, from, language, min_gap, per_day, per_second, preheader, reply_to, segment, status, step, tags, "
            "template, timezone, utm, window"
        ),
    ),
    'subject = "x"': ("F302  a sequence takes no `subject`   {}:3:1", "each step's file has its own subject"),
    'exclude = ["x"]': (
        "F302  a sequence takes no `exclude`   {}:3:1",
        "`exit` names the segments that end it early",
    ),
    'send_at = "2015-07-03 09:00"': (
        "F302  a sequence takes no `send_at`   {}:3:1",
        "`wait` under [[step]] says when a step goes",
    ),
    'late_after = "2 days"': (
        "F302  a sequence takes no `late_after`   {}:3:1",
        "a late step goes at the next tick inside the window",
    ),
    'wait = "2 days"': (
        "F105  `wait` belongs under [[step]]   {}:3:1",
        "move the line `wait = …` there",
    ),
    'window = "08:00-10:00"': (
        "F103  `window` must be a table of days and times   {}:3:10",
        'window = {{ days = "mon-fri", from = "08:00", to = "10:00" }}',
    ),
    'window = { days = "mon-fry", from = "08:00", to = "10:00" }': (
        'F103  `window.days` is "mon-fry"; "fry" is no day of the week   {}:3:19',
        "did you mean `fri`?",
    ),
    'window = { days = "mon-fri", from = "8", to = "10:00" }': (
        'F103  `window.from` is "8", which is no time of day   {}:3:37',
        'write it as "08:00"',
    ),
    'window = { days = "mon-fri", from = "08:00", to = "25:00" }': (
        'F103  `window.to` is "25:00", which is no time of day   {}:3:51',
        'write it as "10:00"; the end of the day is "24:00"',
    ),
    'window = { days = "mon-fri", from = "10:00", to = "08:00" }': (
        "F103  `window` is none: it ends (08:00) before it begins (10:00)   {}:3:10",
        'it lies within one day, whose end is "24:00"',
    ),
    'window = { days = "mon-fri", from = "10:00" }': (
        "F104  the key `to` is missing in [window]   {}:3:10",
        'to = "…"',
    ),
    'window = { days = "mon-fri", from = "08:00", to = "10:00", zone = "reader" }': (
        "F102  unknown key `zone` in [window]   {}:3:60",
        "known: days, from, to",
    ),
    'min_gap = "20 parsecs"': (
        'F103  `min_gap` is "20 parsecs", which is no time to wait   {}:3:11',
        'write a number and minutes, hours, days, weeks or months, as in "2 days"',
    ),
    'exit = "avslutade"': ("F103  `exit` is text; it must be a list   {}:3:8", 'exit = ["avslutade"]'),
}


@pytest.mark.parametrize("line", IN_A_SEQUENCE)
def test_one_wrong_line_of_a_sequence_is_one_problem(load: Load, line: str) -> None:
    catalogue = load(tips(f"{TOP}{line}\n{STEPS}"))
    text, hint = (part.format("campaigns/tips/sequence.toml") for part in IN_A_SEQUENCE[line])
    assert told(catalogue, "tips") == error(text, hint)
    assert not catalogue.sequences


IN_THE_STEPS = {  # what stands below the two steps
    'status = "ready"\n': (
        "F105  `status` belongs above the first [[step]]   {}:9:1",
        "move the line `status = …` there",
    ),
    'subject = "x"\n': (
        "F105  `subject` belongs in the step's own file   {}:9:1",
        "move the line `subject = …` there",
    ),
    '[[step]]\nid = "ett"\nwait = "1 day"\nfile = "x.md"\n': (
        "S103  two steps have the id `ett`: the first stands in line 4   {}:12:8",
        "an id names one step for ever: give the new one another",
    ),
    '[[step]]\nid = "igen"\nwait = "1 day"\nfile = "tva.md"\n': (
        "S109  `tva.md` is already the file of the step `tva`   {}:12:8",
        "each step has a file of its own",
    ),
    '[[step]]\nid = "tre"\nwait = "1 day"\n': (
        "S102  the step `tre` has no file tre.md   {}:10:6",
        "write campaigns/tips/tre.md",
    ),
    '[[step]]\nid = "fyra"\nwait = "1 day"\nfile = "../hej.md"\n': (
        'F103  `step[3].file` is "../hej.md"; it names a .md file in this folder   {}:12:8',
        'file = "budskapet.md"',
    ),
    '[[step]]\nid = "Tredje rådet"\nwait = "1 day"\n': (
        'F103  `step[3].id` is "Tredje rådet"; an id has letters a-z, digits, hyphens, dots and underscores only   {}:10:6',
        'id = "tredje-radet"',
    ),
    '[[step]]\nid = "x"\n': ("F104  the key `wait` is missing in [[step]]   {}:9:1", 'wait = "…"'),
    '[[step]]\nid = "x"\nwait = 2\n': (
        "F103  `step[3].wait` must be a number and a unit, as text   {}:11:8",
        'write it as "2 days"',
    ),
}


@pytest.mark.parametrize("below", IN_THE_STEPS)
def test_one_wrong_step_is_one_problem(load: Load, below: str) -> None:
    catalogue = load(tips(TWO + below, x=STEP if '"x' in below else None))
    text, hint = (part.format("campaigns/tips/sequence.toml") for part in IN_THE_STEPS[below])
    assert told(catalogue, "tips") == error(text, hint)
    assert not catalogue.sequences


class TestSequenceFolder:
    @pytest.mark.parametrize(
        ("toml", "text", "hint"),
        [
            (
                TOP,
                "S101  a sequence without steps   campaigns/tips/sequence.toml:1:1",
                '[[step]], then id = "…" and wait = "0 days" below it',
            ),
            (
                TOP + '[step]\nid = "ett"\nwait = "0 days"\n',
                "S101  `[step]` is one table, and steps are a list   campaigns/tips/sequence.toml:3:2",
                "write [[step]] with two brackets",
            ),
        ],
    )
    def test_no_steps(self, load: Load, toml: str, text: str, hint: str) -> None:
        assert told(load(tips(toml)), "tips") == error(text, hint)

    def test_a_step_file_misspelt_is_one_problem(self, load: Load) -> None:
        assert told(load(tips(TWO, tva=None, tvaa=STEP)), "tips") == error(
            "S102  the step `tva` has no file tva.md   campaigns/tips/sequence.toml:7:6",
            "did you mean `tvaa.md`?",
        )

    def test_a_stray_file_is_a_finding_and_no_step(self, load: Load) -> None:
        catalogue = load(tips(TWO, extra=STEP, _notes="x", README="x"))
        assert told(catalogue, "tips") == (
            "warning  S104  the file is no step of its sequence, and is never sent   campaigns/tips/extra.md:1:1\n"
            '   try:  name it in sequence.toml ([[step]] id = "extra"), or begin its name with `_`'
        )
        assert [step.id for step in catalogue.sequences["tips"].steps] == ["ett", "tva"]

    def test_what_a_step_must_not_say(self, load: Load) -> None:
        keys = 'segment = "x"\nexclude = ["x"]\nstatus = "ready"\nsend_at = "2015-07-03 09:00"\n'
        catalogue = load(tips(TWO, ett=f'+++\nsubject = "Tips"\n{keys}+++\n'))
        assert told(catalogue, "tips") == "\n".join(
            [
                error(
                    "F302  a step takes no `segment`   campaigns/tips/ett.md:3:1",
                    "`segment` in sequence.toml says who is enrolled",
                ),
                error(
                    "F302  a step takes no `exclude`   campaigns/tips/ett.md:4:1",
                    "`exit` in sequence.toml names the segments that end it early",
                ),
                error(
                    "F302  a step takes no `status`   campaigns/tips/ett.md:5:1",
                    "`status` in sequence.toml holds for all steps",
                ),
                error(
                    "F302  a step takes no `send_at`   campaigns/tips/ett.md:6:1",
                    "`wait` under [[step]] in sequence.toml says when it goes",
                ),
            ]
        )

    def test_a_template_that_nobody_names(self, load: Load) -> None:
        catalogue = load(
            tips('segment = "alla"\n' + STEPS, tva='+++\nsubject = "x"\ntemplate = "tip"\n+++\n')
        )
        assert told(catalogue, "tips") == error(
            "F104  the key `template` is missing   campaigns/tips/ett.md:1:1",
            'template = "…" in sequence.toml, for all steps',
        )

    def test_mistakes_of_the_sequence_and_its_steps_come_together(self, load: Load) -> None:
        catalogue = load(tips('status = "redy"\n' + TWO, ett="Hej!\n", tva='+++\nsubject = ""\n+++\n'))
        assert [(problem.code, str(problem.place)) for problem in catalogue.problems["tips"]] == [
            ("F103", "campaigns/tips/sequence.toml:1:10"),
            ("F301", "campaigns/tips/ett.md:1:1"),
            ("F103", "campaigns/tips/tva.md:2:11"),
        ]

    def test_a_sequence_inside_a_sequence(self, load: Load) -> None:
        catalogue = load({**tips(TWO), "tips/inre/sequence.toml": TWO})
        assert told(catalogue, "tips/inre") == error(
            "S108  a sequence lies inside the sequence `tips`   campaigns/tips/inre/sequence.toml:1:1",
            "give it a folder of its own below campaigns/",
        )
        assert list(catalogue.sequences) == ["tips"]

    def test_a_sequence_without_a_folder(self, load: Load) -> None:
        assert told(load({"sequence.toml": TWO}), "sequence") == error(
            "S108  a sequence lies in campaigns/ itself   campaigns/sequence.toml:1:1",
            "give it a folder of its own below campaigns/",
        )


def test_a_broken_file_breaks_only_itself(load: Load) -> None:
    catalogue = load(
        {
            "bra.md": letter(),
            "trasig.md": letter("status ="),
            **tips(TWO),
            "serie/sequence.toml": TOP,
        }
    )
    assert list(catalogue.campaigns) == ["bra"]
    assert list(catalogue.sequences) == ["tips"]
    assert sorted(catalogue.problems) == ["serie", "trasig"]
    assert catalogue.names() == ("bra", "serie", "tips", "trasig")
