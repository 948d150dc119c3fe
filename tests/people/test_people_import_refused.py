"""Bad files are told, cost no memory and leave nothing half, as a kill does."""

import io
import os
import random
import sqlite3
import subprocess
import sys
import time
import zipfile
from contextlib import closing

import pytest

from tests.forks import called
from tests.people.lists import rows


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "I102"),
        (b"\n \n", "I102"),
        (b"name,city\nx,y\n", "I103"),
        (b"email,e-post\na@example.org,b@example.org\n", "I104"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00", "I105"),
        (b"email\na\x00b@example.org\n", "I105"),
        (b"email\n" + b"a" * 2_000_000, "I106"),
        (b'email\n"' + b"a@example.org\n" * 200_000, "I106"),
        (b",".join([b"email", *[b"c%d" % n for n in range(100_000)]]) + b"\n", "I107"),
        (b"email,city,Ort\na@example.org,x,y\n", "I107"),
        (b'email,name\na@example.org,"x\n', "I109"),
        (b'email,name\na@example.org,"x" y\n', "I109"),
        (b"PK\x03\x04 no zip", "I115"),
    ],
    ids=[
        "empty",
        "blank",
        "no-address",
        "two-addresses",
        "binary",
        "nul",
        "long-line",
        "endless-cell",
        "columns",
        "twice",
        "open",
        "text",
        "zip",
    ],
)
def test_bad_files_are_told_and_nothing_comes_in(small, bring, content, code):
    called = bring(content)
    assert called.code == 3
    assert [one["code"] for one in called.envelope["problems"]] == [code]
    assert not (small / "subscribers" / "ny.csv").exists()
    assert "Traceback" not in called.err


def test_rejected_rows_run_no_formulas(small, bring):
    called = bring("email,note\ntrasig,=HYPERLINK(1)\na@example.org,\n")
    written = (small / called.data["rejects_file"]).read_text("utf-8")
    assert ",'=HYPERLINK(1)" in written


def damaged(how: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(
        held, "w", zipfile.ZIP_DEFLATED if how in ("stream", "blank") else zipfile.ZIP_STORED
    ) as packed:
        if how in ("xlsx", "ods"):
            packed.writestr("xl/workbook.xml" if how == "xlsx" else "content.xml", "<x/>")
        rows = "\n" * 2**25 if how == "blank" else "asa@example.org\n" * 99
        packed.writestr("subscribed_members_export_1.csv", f"Email Address\n{rows}")
    data = bytearray(held.getvalue())
    if how == "checksum":
        data[data.index(b"asa@")] ^= 1
    elif how == "stream":
        at = data.index(b".csv") + 4
        data[at : at + 8] = b"\xff" * 8
    elif how == "locked":
        for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            data[data.index(mark) + flags] |= 1
    elif how == "method":
        for mark, method in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
            data[data.index(mark) + method] = 99
    return bytes(data)


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (damaged("checksum"), "I115", "damaged"),
        (damaged("stream"), "I115", "damaged"),
        (damaged("method"), "I115", "damaged"),
        (damaged("locked"), "I115", "password"),
        (damaged("blank"), "I115", "more than 200 times its size"),
        (damaged("xlsx"), "I105", "spreadsheet"),
        (damaged("ods"), "I105", "spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(999), "I105", "spreadsheet"),
    ],
    ids=["checksum", "stream", "method", "locked", "blank", "xlsx", "ods", "xls"],
)
def test_what_is_no_csv_and_no_whole_zip(small, bring, content, code, says):
    called = bring(content, name="in.zip")
    assert (called.code, [one["code"] for one in called.envelope["problems"]]) == (3, [code])
    assert says in called.envelope["problems"][0]["message"]
    assert not (small / "subscribers" / "ny.csv").exists()


def test_a_line_of_200_mb_costs_no_memory(small):
    path = small.parent / "long.csv"
    with path.open("wb") as file:
        file.write(b"email\n")
        for _ in range(200):
            file.write(b"a" * 1_000_000)
    code = (
        "import re; from pathlib import Path; from newsletter.cli.app import run; "
        f"code = run(['-C', {str(small)!r}, 'import', {str(path)!r}, '--list', 'ny', '--quiet']); "
        "status = Path('/proc/self/status').read_text('ascii'); "  # the kernel's maxrss remembers the forking parent's
        r"print(code, int(re.search(r'VmHWM:\s+(\d+)', status)[1]) // 1024)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    exit_code, megabytes = map(int, told.stdout.split())
    assert (exit_code, "I106" in told.stderr) == (3, True)
    assert megabytes < 150


def test_killed_in_the_middle_the_list_is_as_before_or_whole(small, bring, call, forks):
    """Never a list with people in it whose no was lost on the way."""
    many = "email,status\n" + "".join(
        f"p{n}@example.org,{'unsubscribed' if n % 10 == 0 else ''}\n" for n in range(6000)
    )
    path = small.parent / "many.csv"
    path.write_text(many, encoding="utf-8")
    bring("email,status\nold@example.org,\n")
    target = small / "subscribers" / "ny.csv"
    before = target.read_bytes()
    command = ("-C", str(small), "import", str(path), "--list", "ny", "--consent-source", "x", "-q")
    dice, seen = random.Random(7), set()

    def opted_out() -> int:
        with closing(sqlite3.connect(small / ".newsletter" / "state.db")) as raw:
            return int(raw.execute("SELECT count(*) FROM suppression").fetchone()[0])

    for number in range(8):
        process = forks.Process(target=called, args=command)
        process.start()
        if number == 1:  # in the middle for certain: the opt-outs are in, the list may be
            while not opted_out() and process.is_alive():
                time.sleep(0.002)
        else:
            time.sleep(dice.uniform(0.05, 0.8))  # the moment of the kill
        process.kill()
        process.join()
        opted = opted_out()
        whole = target.read_bytes() != before
        assert opted in (0, 600)
        assert not (whole and opted == 0)
        if whole:
            assert len(rows(small)) == 6001
        seen.add((whole, opted))
    assert 600 in {opted for _, opted in seen}, "no kill came behind the opt-outs"
    assert call("import", path, "--list", "ny", "--consent-source", "x").code == 0
    assert len(rows(small)) == 6001
    assert not [name for name in os.listdir(target.parent) if name.endswith(".tmp")]


def test_columns_that_are_no_addresses_are_told_shortly(small, call):
    content = ("x" * 5_000 + ",") * 20 + "y\n1\n"
    path = small.parent / "left.csv"
    path.write_text(content, "utf-8")
    for one in (call("import", path, "--list", "ny"), call("suppress", "import", path)):
        assert (one.code, "I103" in one.err) == (3, True)
        assert len(one.err) < 1_000
