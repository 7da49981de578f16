/* Runs jsforce calls against an org.  Each line of standard input is {"url", "token", "calls":
 * [{"call": name, "args": {...}}]}, each line of standard output the list of their results.  A call
 * that throws gives {"error": code, "message": text}: what a client sees, told to the test that knows
 * what it should see. */
'use strict';

const readline = require('readline');
const jsforce = require('jsforce');

function connect(input) {
	return new jsforce.Connection({
		instanceUrl: input.url,
		accessToken: input.token,
		version: '66.0',
		maxRequest: 1,
	});
}

const calls = {
	/* autoFetch follows query locators to the end. */
	query: (c, a) =>
		c.query(a.soql, {
			autoFetch: Boolean(a.all),
			maxFetch: 1000000,
			scanAll: Boolean(a.deleted),
			headers: a.headers || {},
		}),
	queryMore: (c, a) => c.queryMore(a.locator),
	find: (c, a) =>
		c.sobject(a.object).find(a.where, a.fields).sort(a.sort).limit(a.limit).execute(),
	count: (c, a) => c.sobject(a.object).count(a.where),
	retrieve: (c, a) => c.sobject(a.object).retrieve(a.id),
	create: (c, a) => c.sobject(a.object).create(a.records, a.options),
	update: (c, a) => c.sobject(a.object).update(a.records, a.options),
	upsert: (c, a) => c.sobject(a.object).upsert(a.records, a.field, a.options),
	destroy: (c, a) => c.sobject(a.object).destroy(a.ids, a.options),
	describe: (c, a) => c.sobject(a.object).describe(),
	describeGlobal: (c) => c.describeGlobal(),
	deleted: (c, a) => c.sobject(a.object).deleted(a.start, a.end),
	updated: (c, a) => c.sobject(a.object).updated(a.start, a.end),
	identity: (c) => c.identity(),
	limits: async (c) => {
		const answer = await c.request(`${c._baseUrl()}/limits`);
		return { answer, limitInfo: c.limitInfo };
	},
	versions: (c) => c.request(`${c.instanceUrl}/services/data`),
	request: (c, a) => c.request(a),
	/* A connection of its own, signed in by the client credentials flow. */
	clientCredentials: async (c, a) => {
		const own = new jsforce.Connection({
			instanceUrl: c.instanceUrl,
			loginUrl: c.instanceUrl,
			version: '66.0',
			oauth2: { loginUrl: c.instanceUrl, clientId: a.id, clientSecret: a.secret },
		});
		await own.authorize({ grant_type: 'client_credentials' });
		return { token: own.accessToken, identity: await own.identity() };
	},
	/* And one signed in as a person. */
	login: async (c, a) => {
		const own = new jsforce.Connection({
			version: '66.0',
			oauth2: { loginUrl: c.instanceUrl, clientId: a.id, clientSecret: a.secret },
		});
		const user = await own.login(a.username, a.password);
		const made = await own.sobject(a.object).create(a.record);
		return { user, made };
	},
};

async function run(input) {
	const connection = connect(input);
	const results = [];

	for (const { call, args } of input.calls) {
		try {
			results.push(await calls[call](connection, args || {}));
		} catch (error) {
			results.push({ error: error.errorCode || error.name, message: error.message });
		}
	}
	return results;
}

async function main() {
	for await (const line of readline.createInterface({ input: process.stdin }))
		process.stdout.write(`${JSON.stringify(await run(JSON.parse(line)))}\n`);
}

main().catch((error) => {
	console.error(error);
	process.exit(1);
});
