"""Every vCard of the corpus is taken or refused with a reason, and taken ones are stable.

The corpus stands outside the project (TANDEM_SHARED, or ../shared beside the checkout); without it
this is an extra check that says that it was not run, and the cards written here are checked alone.
"""
import collections
import logging

import pytest
import vobject
from corpora import CORPUS, helper

VCF = CORPUS / "vcf"

Reading = collections.namedtuple("Reading", "path eol verdict reason")

OWN = {
    "good.vcf": (b"BEGIN:VCARD\nVERSION:3.0\nFN:Anna Berg\nN:Berg;Anna;;;\n"
                 b"item1.TEL:+49 30 1\nitem1.X-ABLabel:Boat\nX-KEPT;A=b:c\\,d\nEND:VCARD\n", "taken"),
    "outlook.vcf": (b"BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=Windows-1252;QUOTED-PRINTABLE:"
                    b"M=FCller;J=F6rg\nTEL;WORK;VOICE:1\nEND:VCARD\n", "taken"),
    "broken.vcf": (b"BEGIN:VCARD\nVERSION:4.0\nFN:Anna\nTEL +49\nEND:VCARD\n", "refused"),
    "two.vcf": (b"BEGIN:VCARD\nVERSION:4.0\nFN:A\nEND:VCARD\n" * 2, "refused"),
}


def read(paths):
    """What the gateway made of each file, in each of the three line ends."""
    readings = [Reading(*fields) for fields in helper("vcard_corpus", *paths)]
    assert len(readings) == 3 * len(paths)
    return readings


def bugs(readings):
    return [r for r in readings if r.verdict not in ("taken", "refused")]


def is_taken_by_vobject(path):
    try:
        return vobject.readOne(path.read_bytes().decode("utf-8")) is not None
    except Exception:  # it raises whatever the file provokes
        return False


@pytest.fixture(scope="module")
def corpus():
    """The readings of all good files, of all bad files, and the good files' paths."""
    good = sorted(VCF.glob("*.vcf"))
    bad = sorted((VCF / "bad").glob("*.vcf"))
    if not good:
        return [], [], []
    return read(good), read(bad), good


@pytest.mark.parametrize("name", OWN)
def test_own_cards(tmp_path, name):
    content, verdict = OWN[name]
    path = tmp_path / name
    path.write_bytes(content)
    for reading in read([path]):
        assert reading.verdict == verdict, reading
        assert bool(reading.reason) == (verdict == "refused")


def test_every_file_is_taken_or_refused_with_a_reason(corpus):
    good, bad, _ = corpus
    assert bugs(good + bad) == []
    for reading in good + bad:
        if reading.verdict == "refused":
            assert reading.reason.startswith(("line ", "the file is larger")), reading


def test_line_ends_make_no_difference(corpus):
    verdicts = collections.defaultdict(set)
    for reading in corpus[0]:
        verdicts[reading.path].add(reading.verdict)
    assert [path for path, found in verdicts.items() if len(found) != 1] == []


def test_as_many_good_files_as_vobject(corpus, record_property):
    good, bad, paths = corpus
    if not good:
        record_property("count", f"not run: no vcf corpus at {VCF}")
        return
    logging.disable(logging.CRITICAL)
    theirs = sum(is_taken_by_vobject(path) for path in paths)
    logging.disable(logging.NOTSET)
    for eol in ("asis", "lf", "crlf"):
        ours = sum(r.eol == eol and r.verdict == "taken" for r in good)
        count = f"{ours} of {len(paths)} good files taken ({eol}; vobject: {theirs})"
        record_property("count", f"vcf corpus: {count}")
        assert ours >= theirs
    taken = sum(r.eol == "asis" and r.verdict == "taken" for r in bad)
    record_property("count", f"vcf corpus: {taken} of {len(bad) // 3} bad files taken")
