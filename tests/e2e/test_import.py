"""tandemctl import and export: exports of many items into a folder, one file of all out of it.

What went in and what came out is read by vobject, what Exchange got by the simulator's own state."""
import io
import json

import pytest
import vobject
from scene import card, exchange_contact, person, seed
from simulator import BUILD
from tools import run

BOOK = "".join([card("Anna Lind", "EMAIL:anna@client.example", uid="anna-1"),
                card("Bert Ek", "TEL;TYPE=cell:+46 70 1", uid="bert-2"),
                "BEGIN:VCARD\r\nVERSION:2.1\r\nN:Öst;Åsa\r\nFN:Åsa Öst\r\nEND:VCARD\r\n"])
ZONE = """BEGIN:VTIMEZONE
TZID:Europe/Stockholm
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
"""
CALENDAR = f"""BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//Calendar//EN
METHOD:PUBLISH
X-WR-CALNAME:Team
{ZONE}BEGIN:VEVENT
UID:series@client.example
DTSTAMP:20261101T000000Z
DTSTART;TZID=Europe/Stockholm:20261123T090000
DTEND;TZID=Europe/Stockholm:20261123T093000
RRULE:FREQ=WEEKLY;COUNT=4
SUMMARY:Stand-up
END:VEVENT
BEGIN:VEVENT
UID:series@client.example
DTSTAMP:20261101T000000Z
RECURRENCE-ID;TZID=Europe/Stockholm:20261130T090000
DTSTART;TZID=Europe/Stockholm:20261130T100000
DTEND;TZID=Europe/Stockholm:20261130T103000
SUMMARY:Stand-up\\, later
END:VEVENT
BEGIN:VEVENT
UID:single@client.example
DTSTAMP:20261101T000000Z
DTSTART:20261201T120000Z
DTEND:20261201T130000Z
SUMMARY:Lunch
END:VEVENT
BEGIN:VTODO
UID:todo@client.example
DTSTAMP:20261101T000000Z
SUMMARY:Call Anna
END:VTODO
BEGIN:VJOURNAL
UID:journal@client.example
DTSTAMP:20261101T000000Z
SUMMARY:Diary
END:VJOURNAL
END:VCALENDAR
""".replace("\n", "\r\n")


def tandemctl(*args, status=0):
    """tandemctl without a mount."""
    done = run(BUILD / "tandemctl", *args, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout


def report(text):
    return json.loads(text)


def names(directory):
    """Sorted names of what is no draft."""
    return sorted(path.name for path in directory.iterdir()
                  if path.is_file() and not path.name.startswith("."))


def results(answer):
    return {item["uid"]: item["result"] for item in answer["items"]}


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.vcf"
    path.write_bytes(BOOK.encode())
    return path


@pytest.fixture
def calendar(tmp_path):
    path = tmp_path / "team.ics"
    path.write_bytes(CALENDAR.encode())
    return path


@pytest.mark.sim(seed=seed(alice=[person("Cara", "Dahl")]))
def test_an_address_book_becomes_contacts(sim, mount, book):
    contacts = mount.mailbox("alice") / "Contacts"
    answer = mount.ctl_json("import", book, contacts)
    assert (answer["taken"], answer["skipped"], answer["refused"]) == (3, 0, 0)
    assert names(contacts) == ["Anna Lind.vcf", "Bert Ek.vcf", "Cara Dahl.vcf", "Åsa Öst.vcf"]
    assert [item["from"] for item in answer["items"]] == [
        f"{book}:1", f"{book}:8", f"{book}:15"]
    assert (contacts / "Anna Lind.vcf").read_bytes() in BOOK.encode()
    mount.sync()
    assert "anna@client.example" in json.dumps(exchange_contact(sim, "Anna Lind"))
    # Once more: everything is there, the card that has no UID in the export too.
    again = mount.ctl_json("import", book, contacts)
    assert (again["taken"], again["skipped"]) == (0, 3)
    assert len(names(contacts)) == 4


@pytest.mark.sim(seed=seed(alice=[]))
def test_what_is_refused_says_why_and_the_rest_is_taken(mount, tmp_path, calendar):
    contacts = mount.mailbox("alice") / "Contacts"
    bad = tmp_path / "bad.vcf"
    bad.write_text(card("Anna Lind", uid="anna-1")
                   + "BEGIN:VCARD\r\nVERSION:9.0\r\nUID:b\r\nFN:Bert\r\nEND:VCARD\r\n")
    broken = tmp_path / "broken.vcf"
    broken.write_text(card("Cara Dahl") + "BEGIN:VCARD\r\nFN:Dora\r\n")
    done = mount.ctl("--json", "import", bad, broken, calendar, contacts, check=False)
    assert done.returncode == 1
    answer = report(done.stdout)
    by_source = {item["from"]: item for item in answer["items"]}
    assert by_source[f"{bad}:1"]["result"] == "taken"
    assert by_source[f"{bad}:7"]["result"] == "refused"
    assert "VERSION" in by_source[f"{bad}:7"]["reason"]
    assert by_source[str(broken)]["reason"] == "line 6: BEGIN:VCARD has no end"
    assert {item["reason"] for item in answer["items"] if str(calendar) in item["from"]} == {
        "an event, which belongs into Calendar", "a task, which belongs into Tasks"}
    assert names(contacts) == ["Anna Lind.vcf"]
    text = mount.ctl("import", bad, contacts, check=False).stdout
    assert "0 taken, 1 skipped, 1 refused" in text and "Bert" not in text


@pytest.mark.sim(seed=seed(alice=[]))
def test_a_calendar_becomes_events(mount, calendar):
    folder = mount.mailbox("alice") / "Calendar"
    done = mount.ctl("--json", "import", calendar, folder, check=False)
    assert results(report(done.stdout)) == {
        "series@client.example": "taken", "single@client.example": "taken",
        "todo@client.example": "refused"}
    assert names(folder) == ["2026-11-23 Stand-up.ics", "2026-12-01 Lunch.ics"]
    # What lies below, in the view, is there as well.
    (folder / "2026-12-01 Lunch.ics").rename(folder / "Salesforce_Sync" / "lunch.ics")
    again = report(mount.ctl("--json", "import", calendar, folder, check=False).stdout)
    assert (again["taken"], again["skipped"], again["refused"]) == (0, 2, 1)


def test_a_calendar_is_split_with_its_zones(tmp_path, calendar):
    folder = tmp_path / "plain"
    folder.mkdir()
    answer = report(tandemctl("--json", "import", calendar, folder))
    assert results(answer) == {"series@client.example": "taken", "single@client.example": "taken",
                               "todo@client.example": "taken"}
    journal = CALENDAR.split("\r\n").index("BEGIN:VJOURNAL") + 1
    assert answer["notes"] == [f"{calendar}: line 4: METHOD:PUBLISH is left out",
                               f"{calendar}: line 5: X-WR-CALNAME:Team is left out",
                               f"{calendar}: line {journal}: VJOURNAL is left out"]
    files = {item["uid"]: folder / item["file"] for item in answer["items"]}
    series = vobject.readOne(files["series@client.example"].read_text())
    assert len(series.vevent_list) == 2 and len(series.vtimezone_list) == 1
    single = vobject.readOne(files["single@client.example"].read_text())
    assert single.vevent.summary.value == "Lunch" and "vtimezone" not in single.contents
    assert vobject.readOne(files["todo@client.example"].read_text()).vtodo.uid.value == \
        "todo@client.example"
    again = report(tandemctl("--json", "import", calendar, folder))
    assert (again["taken"], again["skipped"]) == (0, 3)


def test_export_is_one_file_of_all_that_imports_again(tmp_path, calendar, book):
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir(), second.mkdir()
    tandemctl("import", calendar, book, first)
    (first / ".draft.ics").write_text("no item")
    text = tandemctl("export", first)
    calendars = [part for part in vobject.readComponents(io.StringIO(text))]
    assert [part.name for part in calendars] == ["VCARD", "VCARD", "VCARD", "VCALENDAR"]
    assert len(calendars[-1].vevent_list) == 3 and len(calendars[-1].vtodo_list) == 1
    assert len(calendars[-1].vtimezone_list) == 1
    whole = tmp_path / "whole.ics"
    whole.write_bytes(text.encode())
    tandemctl("import", whole, second)
    assert names(second) == names(first)
    for name in names(second):
        parts = [part.serialize() for part in vobject.readComponents(
            (second / name).read_text())]
        wanted = [part.serialize() for part in vobject.readComponents((first / name).read_text())]
        assert [line for line in "".join(parts).splitlines() if "PRODID" not in line] == \
            [line for line in "".join(wanted).splitlines() if "PRODID" not in line]


def test_usage_and_errors(tmp_path, book):
    tandemctl("import", book, status=2)
    tandemctl("import", book, tmp_path / "nowhere", status=1)
    missing = report(tandemctl("--json", "import", tmp_path / "missing.vcf", tmp_path, status=1))
    assert "No such file" in missing["items"][0]["reason"]
    tandemctl("export", status=2)
    tandemctl("export", tmp_path / "nowhere", status=1)
