"""Records that leave our view: merged, transferred, hidden by sharing.  The link follows a merge or ends;
nothing is ever deleted, and nothing is made anew over further cycles and an edit of what survives.  And
records that one mailbox deletes while another comes to know them."""
import os

import pytest

from cycles import assert_little_asked, assert_nothing_written
from later import a_day_later
from scene import (
    ALICE,
    BOB,
    card,
    crm_contact,
    edit,
    exchange_contact,
    exchange_names,
    link,
    names,
    person,
    seed,
    state,
)
from simulator import wait_for

ANNA = person("Anna", "Lind", folder="Salesforce_Sync", JobTitle="Buyer")
BEN = person("Ben", "Ohlsen", folder="Salesforce_Sync")
WINNER = {"FirstName": "Annalena", "LastName": "Lindner", "Email": "annalena@client.example",
          "Title": "Head", "Owner": ALICE}
# The ways in which a mailbox may take part; none of them makes more of what is gone.
POLICIES = {
    "designated": {},
    "all": {"contacts-mode": "all"},
    "all, import all": {"contacts-mode": "all", "contacts-import": "visible"},
    "removals": {"contacts-mode": "all", "contacts-import": "owned", "contacts-remove": "both"},
}


@pytest.fixture(params=POLICIES)
def config(request):
    return {'policy "default"': {"users": "*", **POLICIES[request.param]}}


def sync_folder(mount, who="alice"):
    return mount.mailbox(who) / "Contacts" / "Salesforce_Sync"


def counts(sim, mount):
    """What there is: by name in Exchange, by id in Salesforce, by name in the files."""
    boxes = [box["address"] for box in sim.clients["mailboxes"]]
    return ([exchange_names(sim, box) for box in boxes],
            sorted((row["Id"], row["IsDeleted"]) for row in sim.records("Contact", deleted=True)),
            [names(mount.mailbox(box) / "Contacts") + names(sync_folder(mount, box))
             for box in boxes])


def assert_nothing_more(sim, mount, surviving=None, path=None):
    """Three cycles, and an edit of the survivor on each side; nothing comes, nothing goes."""
    before = counts(sim, mount)
    if surviving:
        sim.act("update", id=surviving, fields={"Department": "Afterwards"})
    if path:
        edit(path, "END:VCARD", "NOTE:edited afterwards\r\nEND:VCARD")
    for _ in range(3):
        mount.sync()
    assert counts(sim, mount) == before
    assert sim.mails() == []


# Merged ------------------------------------------------------------------------------------------

@pytest.mark.sim(seed=seed([ANNA], records=[WINNER]))
def test_the_link_follows_a_merge(sim, start_mount):
    mount = start_mount(sim)
    loser, winner = crm_contact(sim, "Lind")["Id"], crm_contact(sim, "Lindner")["Id"]
    path = sync_folder(mount) / "Anna Lind.vcf"
    assert link(path) == loser
    sim.act("merge", master=winner, loser=loser)
    mount.sync()
    assert link(path) == winner
    # What the survivor holds is what the users of the CRM decided for.
    assert exchange_contact(sim, "Anna Lind")["JobTitle"] == "Head"
    edit(path, "TITLE:Head", "TITLE:Dean")
    mount.sync()
    assert crm_contact(sim, "Lindner")["Title"] == "Dean"
    assert_nothing_more(sim, mount, winner, path)
    assert_little_asked(sim, mount, folders=2)


@pytest.mark.sim(seed=seed([ANNA], records=[WINNER]))
def test_the_link_follows_merges_of_merged_records(sim, start_mount, config):
    mount = start_mount(sim, config=config)
    loser, middle = crm_contact(sim, "Lind")["Id"], crm_contact(sim, "Lindner")["Id"]
    if (sync_folder(mount) / "Annalena Lindner.vcf").exists():
        return assert_second_ends(sim, mount, loser, middle)
    last = sim.act("create", object="Contact", fields={"LastName": "Lindnerova"})["id"]
    sim.act("merge", master=middle, loser=loser)
    sim.act("merge", master=last, loser=middle)
    mount.sync()
    assert link(sync_folder(mount) / "Anna Lind.vcf") == last
    assert_nothing_more(sim, mount, last)
    return None


def assert_second_ends(sim, mount, loser, winner):
    """Both are contacts of one mailbox: one record cannot be two items of it."""
    sim.act("merge", master=winner, loser=loser)
    mount.sync()
    one, other = sync_folder(mount) / "Anna Lind.vcf", sync_folder(mount) / "Annalena Lindner.vcf"
    assert (link(one), link(other)) == (None, winner)
    assert_nothing_more(sim, mount, winner, one)
    assert_little_asked(sim, mount, folders=2)


@pytest.mark.sim(seed=seed([ANNA, BEN]))
def test_the_winner_is_another_item_of_the_mailbox(sim, start_mount, config):
    mount = start_mount(sim, config=config)
    loser, winner = crm_contact(sim, "Lind")["Id"], crm_contact(sim, "Ohlsen")["Id"]
    sim.act("merge", master=winner, loser=loser)
    mount.sync()
    anna, ben = sync_folder(mount) / "Anna Lind.vcf", sync_folder(mount) / "Ben Ohlsen.vcf"
    assert (link(anna), link(ben)) == (None, winner)
    assert state(anna) == "synced"
    assert_nothing_more(sim, mount, winner, anna)
    assert_nothing_more(sim, mount, None, ben)
    assert crm_contact(sim, "Ohlsen")["Department"] == "Afterwards"
    assert_little_asked(sim, mount, folders=2)
    # Designated anew it has a record of its own: the other's address is not its.
    os.setxattr(anna, "user.tandem.categories", b"DoNotSync")
    mount.sync()
    os.setxattr(anna, "user.tandem.categories", b"")
    mount.sync()
    assert link(ben) == winner
    assert link(anna) not in (None, loser, winner)
    assert link(anna) == crm_contact(sim, "Lind")["Id"]
    mount.sync()
    assert_little_asked(sim, mount, folders=2)


@pytest.mark.sim(seed=seed([ANNA], [BEN]))
def test_the_winner_is_linked_from_another_mailbox(sim, start_mount):
    mount = start_mount(sim)
    loser, winner = crm_contact(sim, "Lind")["Id"], crm_contact(sim, "Ohlsen")["Id"]
    sim.act("merge", master=winner, loser=loser)
    mount.sync()
    anna = sync_folder(mount) / "Anna Lind.vcf"
    ben = sync_folder(mount, "bob") / "Ben Ohlsen.vcf"
    assert link(anna) == link(ben) == winner
    sim.act("update", id=winner, fields={"Title": "Dean"})
    mount.sync()
    for name, box in (("Anna Lind", ALICE), ("Ben Ohlsen", BOB)):  # names shown are each user's
        assert exchange_contact(sim, name, box)["JobTitle"] == "Dean"
    assert_nothing_more(sim, mount, winner)


@pytest.mark.sim(seed=seed([ANNA], records=[{**WINNER, "Owner": BOB}], bob=[]))
def test_what_was_unlinked_stays_so_when_it_is_merged(sim, start_mount):
    """The survivor of a partner that was let go is not imported, though its address is another."""
    mount = start_mount(sim, config={'policy "default"': {
        "users": "*", "contacts-import": "owned"}})
    loser, winner = crm_contact(sim, "Lind")["Id"], crm_contact(sim, "Lindner")["Id"]
    path = mount.mailbox("alice") / "Contacts" / "Anna Lind.vcf"
    os.rename(sync_folder(mount) / "Anna Lind.vcf", path)
    mount.sync()
    assert link(path) is None
    alice = sim.mailbox("alice")["crm_user_id"]
    sim.act("merge", master=winner, loser=loser, fields={"OwnerId": alice})
    assert_nothing_more(sim, mount, winner, path)
    # Designated anew it is the survivor.
    os.rename(path, sync_folder(mount) / "Anna Lind.vcf")
    mount.sync()
    assert link(sync_folder(mount) / "Anna Lind.vcf") == winner


# Transferred -------------------------------------------------------------------------------------

@pytest.mark.sim(seed=seed([ANNA], []))
def test_a_new_owner_does_not_end_the_link(sim, start_mount, config):
    """Our user sees it as before.  The new owner's mailbox gets it where it imports what he owns."""
    mount = start_mount(sim, config=config)
    record = crm_contact(sim, "Lind")["Id"]
    before = exchange_names(sim)
    sim.act("update", id=record, fields={"OwnerId": sim.mailbox("bob")["crm_user_id"]})
    mount.sync()
    path = sync_folder(mount) / "Anna Lind.vcf"
    assert link(path) == record
    imports = config['policy "default"'].get("contacts-mode") == "all"
    assert exchange_names(sim, BOB) == (["Anna Lind"] if imports else [])
    assert_nothing_more(sim, mount, record, path)
    assert exchange_names(sim) == before
    assert exchange_contact(sim, "Anna Lind")["Department"] == "Afterwards"


# Deleted by one mailbox and wanted by another -----------------------------------------------------

GOES = {"sync": {"remove-quiet": "0"},
        'policy "default"': {"users": "*", "contacts-remove": "both"}}


def remove_and_know(sim, mount, kind, **more):
    """Alice removes Anna, whose record is to go too, which takes its time; Bob comes to know her."""
    os.unlink(sync_folder(mount) / "Anna Lind.vcf")
    fault = sim.fault("sf:collections-delete", kind, **more)
    mount.ctl("sync", "--no-wait", ALICE)
    wait_for(lambda: any(one["id"] == fault and one["fired"] for one in sim.faults()), 60,
             "the delete")
    path = sync_folder(mount, "bob") / "anna.vcf"
    path.write_text(card("Anna Lind", "EMAIL:anna.lind@client.example"))
    mount.sync(BOB)
    return path


@pytest.mark.sim(seed=seed([ANNA], []))
def test_nothing_is_linked_with_a_record_that_is_about_to_go(sim, start_mount):
    mount = start_mount(sim, config=GOES)
    record = crm_contact(sim, "Lind")["Id"]
    path = remove_and_know(sim, mount, "delay", ms=2000)
    assert link(path) is None
    mount.sync()
    mount.sync()
    assert crm_contact(sim, "Lind")["Id"] == link(path) != record
    assert exchange_names(sim) == [] and exchange_names(sim, BOB) == ["Anna Lind"]
    assert_nothing_written(sim, mount)


@pytest.mark.sim(seed=seed([ANNA], []))
def test_a_record_that_got_another_user_before_it_went_stays(sim, start_mount):
    mount = start_mount(sim, config=GOES)
    record = crm_contact(sim, "Lind")["Id"]
    path = remove_and_know(sim, mount, "sf-record", code="UNABLE_TO_LOCK_ROW", count=1000)
    assert link(path) == record
    sim.clear_faults()
    mount.sync()
    mount.sync()
    assert crm_contact(sim, "Lind")["Id"] == link(path) == record
    assert exchange_names(sim) == [] and exchange_names(sim, BOB) == ["Anna Lind"]
    assert_nothing_written(sim, mount)


# Hidden ------------------------------------------------------------------------------------------

def by_a_daily_look(sim, mount, path):
    a_day_later(mount)


def by_a_refused_write(sim, mount, path):
    edit(path, "TITLE:Buyer", "TITLE:Dean")
    mount.sync()


@pytest.mark.parametrize("noticed", [by_a_daily_look, by_a_refused_write],
                         ids=lambda way: way.__name__)
@pytest.mark.parametrize("transferred", [False, True], ids=["hidden", "transferred and hidden"])
@pytest.mark.sim(seed=seed([ANNA, BEN]))
def test_a_hidden_record_is_unlinked(sim, start_mount, config, noticed, transferred):
    mount = start_mount(sim, config=config)
    record = crm_contact(sim, "Lind")["Id"]
    path = sync_folder(mount) / "Anna Lind.vcf"
    before = counts(sim, mount)
    if transferred:
        sim.act("update", id=record, fields={"OwnerId": sim.records("User")[1]["Id"]})
    sim.act("hide", id=record)
    noticed(sim, mount, path)
    assert link(path) is None
    assert link(sync_folder(mount) / "Ben Ohlsen.vcf") == crm_contact(sim, "Ohlsen")["Id"]
    assert counts(sim, mount) == before
    assert crm_contact(sim, "Lind")["Title"] == "Buyer"
    assert_nothing_more(sim, mount, record, path)

    # Seen again it stays unlinked, until somebody designates the contact anew.
    sim.act("hide", id=record, hidden=False)
    assert_nothing_more(sim, mount, record)
    assert link(path) is None
    outside = mount.mailbox("alice") / "Contacts" / "Press"
    os.mkdir(outside)
    os.rename(path, outside / path.name)
    mount.sync()
    os.rename(outside / path.name, path)
    mount.sync()
    assert link(path) == record
    assert counts(sim, mount) == before
    assert_little_asked(sim, mount, folders=3)


@pytest.mark.sim(seed=seed([ANNA, BEN]))
def test_relink_after_it_was_hidden(sim, mount):
    record = crm_contact(sim, "Lind")["Id"]
    path = sync_folder(mount) / "Anna Lind.vcf"
    sim.act("hide", id=record)
    by_a_refused_write(sim, mount, path)
    sim.act("hide", id=record, hidden=False)
    mount.ctl("relink", path)
    mount.sync()
    assert link(path) == record
    assert_nothing_more(sim, mount, record, path)


MANY = [person(f"P{i:02d}", "Berg", folder="Salesforce_Sync") for i in range(30)]


@pytest.mark.sim(seed=seed(MANY))
def test_a_view_that_shrinks_at_once_unlinks_nothing(sim, start_mount):
    """All of it gone is another view of our user, not thirty decisions."""
    mount = start_mount(sim)
    before = counts(sim, mount)
    for row in sim.records("Contact"):
        sim.act("hide", id=row["Id"])
    with pytest.raises(Exception, match="30 of 30 linked records do not show any more"):
        a_day_later(mount)
    for row in sim.records("Contact"):
        sim.act("hide", id=row["Id"], hidden=False)
    mount.sync()
    assert counts(sim, mount) == before
    for path in sync_folder(mount).glob("*.vcf"):
        assert link(path)
