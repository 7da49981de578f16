"""Requests to the simulated Exchange, written by hand: faults that tests set, and its manners."""
from ews_raw import NAME, item_count

# Faults and manners --------------------------------------------------------------------------

def test_server_busy_in_three_shapes(sim, raw):
    sim.fault("GetItem", "ews", code="ErrorServerBusy", shape="fault", backoff_ms=1500)
    sim.fault("GetItem", "ews", code="ErrorServerBusy", shape="message", backoff_ms=2500, index=1)
    sim.fault("GetItem", "status", status=503)
    item, _ = raw.create()
    shapes = [raw.get(item, item) for _ in range(3)]
    by_status = {answer.status: answer for answer in shapes}
    assert sorted(by_status) == [200, 500, 503]
    assert by_status[500].fault == "ErrorServerBusy"
    value = by_status[500].all("t:MessageXml/t:Value")[0]
    assert (value.get("Name"), value.text) == ("BackOffMilliseconds", "1500")
    assert by_status[200].codes == ["NoError", "ErrorServerBusy"]
    assert by_status[200].text_of("m:MessageXml/t:Value") == "2500"
    assert raw.get(item, item).codes == ["NoError", "NoError"]


def test_a_fault_keeps_the_change_from_happening(sim, raw):
    sim.fault("CreateItem", "ews", code="ErrorInternalServerError", shape="message")
    answer = raw.call(f"<m:CreateItem><m:Items><t:Contact>{NAME}</t:Contact></m:Items>"
                      "</m:CreateItem>")
    assert answer.codes == ["ErrorInternalServerError"]
    assert item_count(sim) == 0


def test_untidy_answers(sim, raw):
    ids = [raw.create()[0] for _ in range(3)]
    sim.call("POST", "/sim/ews/untidy", {"on": True})
    sim.clock(freeze=True)
    answer = raw.get(*ids)
    assert answer.headers["Content-Type"] == "text/xml"
    assert all("." in date for date in answer.texts("t:Contact/t:LastModifiedTime"))


def test_mail_is_logged(sim, raw):
    raw.call('<m:CreateItem MessageDisposition="SaveOnly"><m:Items><t:Message><t:Subject>x'
             "</t:Subject></t:Message></m:Items></m:CreateItem>")
    assert sim.state()["mail"] == []
    raw.call('<m:CreateItem SendMeetingInvitations="SendToAllAndSaveCopy"><m:Items>'
             "<t:CalendarItem><t:Subject>x</t:Subject><t:RequiredAttendees><t:Attendee><t:Mailbox>"
             "<t:EmailAddress>eve@x.example</t:EmailAddress></t:Mailbox></t:Attendee>"
             "</t:RequiredAttendees></t:CalendarItem></m:Items></m:CreateItem>")
    (mail,) = sim.state()["mail"]
    assert (mail["server"], mail["to"]) == ("exchange", "eve@x.example")
