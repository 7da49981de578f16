"use strict";
// Folders: list, make, rename, move, delete, with SyncFolderHierarchy after each step.
const { ews, failure, run } = require("./ews_connect");

const NAMES = new ews.PropertySet(ews.BasePropertySet.FirstClassProperties);

run(async (service) => {
	const result = { steps: [] };
	const root = await ews.Folder.Bind(service, ews.WellKnownFolderName.MsgFolderRoot);
	const view = new ews.FolderView(100);
	let state = null;

	async function step(name) {
		const changes = await service.SyncFolderHierarchy(NAMES, state);

		state = changes.SyncState;
		result.steps.push([name, changes.GetEnumerator().map((change) => [
			ews.ChangeType[change.ChangeType], change.Folder ? change.Folder.DisplayName : null])]);
	}

	view.Traversal = ews.FolderTraversal.Shallow;
	result.root = root.DisplayName;
	result.folders = (await service.FindFolders(ews.WellKnownFolderName.MsgFolderRoot, view))
		.Folders.map((folder) => [folder.DisplayName, folder.constructor.name]);
	await step("start");

	const one = new ews.ContactsFolder(service);
	one.DisplayName = "One";
	await one.Save(ews.WellKnownFolderName.Contacts);
	const two = new ews.ContactsFolder(service);
	two.DisplayName = "Two";
	await two.Save(ews.WellKnownFolderName.Contacts);
	await step("made");

	const again = new ews.ContactsFolder(service);
	again.DisplayName = "One";
	result.twice = await failure(() => again.Save(ews.WellKnownFolderName.Contacts));

	one.DisplayName = "Uno";
	await one.Update();
	await step("renamed");

	await two.Move(one.Id);
	await step("moved");

	await one.Delete(ews.DeleteMode.HardDelete);
	await step("deleted");
	const contacts = await ews.Folder.Bind(service, ews.WellKnownFolderName.Contacts);
	result.distinguished = await failure(() => contacts.Delete(ews.DeleteMode.HardDelete));
	return result;
});
