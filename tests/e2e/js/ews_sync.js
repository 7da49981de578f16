"use strict";
// Syncs the contacts folder from a state (or the start) in pages, and finds items in pages.
const { ews, run } = require("./ews_connect");

run(async (service, argument) => {
	const folder = new ews.FolderId(ews.WellKnownFolderName.Contacts);
	const result = { pages: [], found: [] };
	let state = argument.state, more = true;

	while (more) {
		const page = await service.SyncFolderItems(folder, ews.PropertySet.IdOnly, null,
			argument.most, ews.SyncFolderItemsScope.NormalItems, state);

		state = page.SyncState;
		more = page.MoreChangesAvailable;
		result.pages.push(page.GetEnumerator().map((change) =>
			[ews.ChangeType[change.ChangeType], change.ItemId.UniqueId]));
	}
	result.state = state;
	if (!argument.contains)
		return result;

	const view = new ews.ItemView(argument.most);
	const filter = new ews.SearchFilter.ContainsSubstring(ews.ContactSchema.DisplayName,
		argument.contains, ews.ContainmentMode.Substring, ews.ComparisonMode.IgnoreCase);
	view.PropertySet = new ews.PropertySet(ews.BasePropertySet.IdOnly,
		[ews.ContactSchema.DisplayName]);
	view.OrderBy.Add(ews.ContactSchema.DisplayName, ews.SortDirection.Ascending);
	for (more = true; more;) {
		const page = await service.FindItems(ews.WellKnownFolderName.Contacts, filter, view);

		result.found.push(page.Items.map((item) => item.DisplayName));
		result.total = page.TotalCount;
		more = page.MoreAvailable;
		view.Offset = page.NextPageOffset;
	}
	return result;
});
