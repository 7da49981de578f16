"use strict";
// Whether the contacts folder can be opened; the error's name when not.
const { ews, failure, run } = require("./ews_connect");

run(async (service) =>
	failure(() => ews.Folder.Bind(service, ews.WellKnownFolderName.Contacts)));
