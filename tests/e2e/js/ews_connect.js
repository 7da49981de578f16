"use strict";
// What every script here begins with: reads its argument from stdin, connects ews-javascript-api as
// the argument says ({url, user, password, mailbox}), runs, and prints the result as JSON.
const fs = require("fs");
const ews = require("ews-javascript-api");

ews.EwsLogging.DebugLogEnabled = false;

function connect(argument) {
	const service = new ews.ExchangeService(ews.ExchangeVersion.Exchange2016);
	service.Credentials = new ews.WebCredentials(argument.user, argument.password);
	service.Url = new ews.Uri(argument.url);
	if (argument.mailbox)
		service.ImpersonatedUserId = new ews.ImpersonatedUserId(
			ews.ConnectingIdType.SmtpAddress, argument.mailbox);
	return service;
}

// The name of what a call of the library failed with, or null.
async function failure(call) {
	try {
		await call();
		return null;
	} catch (error) {
		// A SOAP fault keeps its code in ResponseCode, a response message in ErrorCode.
		return ews.ServiceError[error.ErrorCode || error.ResponseCode] || String(error.message);
	}
}

function run(main) {
	const argument = JSON.parse(fs.readFileSync(0, "utf8"));

	main(connect(argument), argument)
		.then((result) => process.stdout.write(JSON.stringify(result)))
		.catch((error) => {
			process.stderr.write(`${error.message || error.Message || error}\n${error.stack}\n`);
			process.exitCode = 1;
		});
}

module.exports = { ews, failure, run };
