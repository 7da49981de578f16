"use strict";
// Makes one contact, reads it back, changes it, makes a conflict, moves, copies and deletes it.
const { ews, failure, run } = require("./ews_connect");

const TOKEN = new ews.ExtendedPropertyDefinition(
	ews.DefaultExtendedPropertySet.PublicStrings, "tandem-token", ews.MapiPropertyType.String);
const SEARCH_KEY = new ews.ExtendedPropertyDefinition(0x300b, ews.MapiPropertyType.Binary);
const EVERYTHING = new ews.PropertySet(ews.BasePropertySet.FirstClassProperties, [
	ews.ContactSchema.FileAs, ews.ContactSchema.EmailAddresses,
	ews.ContactSchema.PhysicalAddresses, ews.ContactSchema.ImAddresses,
	ews.ContactSchema.Categories, TOKEN, SEARCH_KEY,
]);

function fill(contact, wanted) {
	for (const [name, value] of Object.entries(wanted.fields))
		contact[name] = value;
	contact.FileAsMapping = ews.FileAsMapping.SurnameCommaGivenName;
	contact.Body = new ews.MessageBody(ews.BodyType.Text, wanted.body);
	wanted.emails.forEach((address, i) =>
		contact.EmailAddresses._setItem(i, new ews.EmailAddress(address)));
	for (const [key, number] of Object.entries(wanted.phones))
		contact.PhoneNumbers._setItem(ews.PhoneNumberKey[key], number);
	for (const [key, parts] of Object.entries(wanted.addresses))
		contact.PhysicalAddresses._setItem(ews.PhysicalAddressKey[key],
			Object.assign(new ews.PhysicalAddressEntry(), parts));
	wanted.categories.forEach((name) => contact.Categories.Add(name));
	contact.SetExtendedProperty(TOKEN, wanted.token);
}

function extended(contact, definition) {
	const out = { outValue: null };

	return contact.TryGetProperty(definition, out) ? out.outValue : null;
}

function show(contact, wanted) {
	const shown = { fields: {}, phones: {}, addresses: {} };

	for (const name of Object.keys(wanted.fields))
		shown.fields[name] = contact[name];
	shown.fileAs = contact.FileAs;
	shown.body = contact.Body.Text;
	shown.emails = wanted.emails.map((_, i) => contact.EmailAddresses._getItem(i).Address);
	for (const key of Object.keys(wanted.phones))
		shown.phones[key] = contact.PhoneNumbers._getItem(ews.PhoneNumberKey[key]);
	for (const [key, parts] of Object.entries(wanted.addresses)) {
		const entry = contact.PhysicalAddresses._getItem(ews.PhysicalAddressKey[key]);

		shown.addresses[key] = {};
		for (const part of Object.keys(parts))
			shown.addresses[key][part] = entry[part];
	}
	shown.categories = [];
	for (let i = 0; i < contact.Categories.Count; i++)
		shown.categories.push(contact.Categories._getItem(i));
	shown.token = extended(contact, TOKEN);
	shown.hasSearchKey = extended(contact, SEARCH_KEY) !== null;
	return shown;
}

async function makeFolder(service, name) {
	const folder = new ews.ContactsFolder(service);

	folder.DisplayName = name;
	await folder.Save(ews.WellKnownFolderName.Contacts);
	return folder;
}

run(async (service, argument) => {
	const result = {};
	const made = new ews.Contact(service);

	fill(made, argument.contact);
	await made.Save(ews.WellKnownFolderName.Contacts);
	result.created = made.Id.UniqueId;

	const read = await ews.Contact.Bind(service, made.Id, EVERYTHING);
	const stale = await ews.Contact.Bind(service, made.Id, EVERYTHING);
	result.read = show(read, argument.contact);

	for (const [name, value] of Object.entries(argument.changes))
		read[name] = value;
	read.PhoneNumbers._setItem(ews.PhoneNumberKey.MobilePhone, argument.phone);
	read.EmailAddresses._setItem(ews.EmailAddressKey.EmailAddress2, null);
	await read.Update(ews.ConflictResolutionMode.NeverOverwrite);
	stale.JobTitle = "stale";
	result.conflict = await failure(() =>
		stale.Update(ews.ConflictResolutionMode.NeverOverwrite));

	const other = await makeFolder(service, "Other");
	const copied = await read.Copy(other.Id);
	const moved = await read.Move(other.Id);
	result.copied = copied.Id.UniqueId;
	result.moved = moved.Id.UniqueId;
	result.goneById = await failure(() => ews.Contact.Bind(service, made.Id));

	const bin = await ews.Contact.Bind(service, moved.Id, EVERYTHING);
	await bin.Delete(ews.DeleteMode.MoveToDeletedItems);
	await (await ews.Contact.Bind(service, copied.Id)).Delete(ews.DeleteMode.HardDelete);
	return result;
});
