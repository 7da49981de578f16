"use strict";
// Sets, replaces and removes a contact's picture; reads a distribution list's members.
const { ews, run } = require("./ews_connect");

const WITH_ATTACHMENTS = new ews.PropertySet(
	ews.BasePropertySet.IdOnly, [ews.ItemSchema.Attachments]);
const WITH_MEMBERS = new ews.PropertySet(
	ews.BasePropertySet.FirstClassProperties, [ews.ContactGroupSchema.Members]);

const base64 = (text) => Buffer.from(text).toString("base64");

// [[name, content]] of the contact's pictures.
async function pictures(service, id) {
	const contact = await ews.Contact.Bind(service, id, WITH_ATTACHMENTS);
	const found = [];

	for (let i = 0; i < contact.Attachments.Count; i++) {
		const one = contact.Attachments._getItem(i);

		if (!one.IsContactPhoto)
			continue;
		await one.Load();
		found.push([one.Name, Buffer.from(one.Base64Content, "base64").toString()]);
	}
	return found;
}

run(async (service) => {
	const result = {};
	const made = new ews.Contact(service);

	made.DisplayName = "Anna";
	await made.Save(ews.WellKnownFolderName.Contacts);
	for (const [step, content] of [["photos", "one"], ["replaced", "two"], ["removed", null]]) {
		const contact = await ews.Contact.Bind(service, made.Id, WITH_ATTACHMENTS);

		if (content)
			contact.SetContactPicture(base64(content), "ContactPicture.jpg");
		else
			contact.RemoveContactPicture();
		await contact.Update(ews.ConflictResolutionMode.AlwaysOverwrite);
		result[step] = await pictures(service, made.Id);
	}

	const group = new ews.ContactGroup(service);

	group.DisplayName = "Friends";
	group.Members.AddOneOff("Bob", "bob@x.example");
	await group.Save(ews.WellKnownFolderName.Contacts);
	const read = await ews.ContactGroup.Bind(service, group.Id, WITH_MEMBERS);

	result.members = [];
	for (let i = 0; i < read.Members.Count; i++) {
		const member = read.Members._getItem(i).AddressInformation;

		result.members.push([member.Name, member.Address]);
	}
	return result;
});
