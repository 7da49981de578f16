/* libmicrohttpd in front of the simulated servers.
 *
 * One thread a connection; every handler runs under sim->lock.  An exchange passes: the operation
 * is read off the request, a delay slept (without the lock), the faults that come before a change
 * are applied, the handler is called, the exchange counted and recorded as it was sent, the faults
 * that come after a change are applied, the answer compressed and queued. */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <zlib.h>

#include "sync/mem.h"
#include "tests/sim/core.h"

#define COMPRESS_FROM 1024 /* bytes: smaller answers are sent as they are */

/* One HTTP request on its way through. */
struct exchange {
	struct sim *sim;
	struct MHD_Connection *connection;
	char *raw_path;
	char *query; /* NULL without '?' */
	char *path;
	struct buf in;
	bool started;
	bool malformed; /* an answer that a fault altered, or a request said to be malformed */
	struct sim_request req;
	struct sim_response resp;
};

static void *exchange_new(void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct exchange *x = xcalloc(1, sizeof(*x));
	size_t len = strcspn(uri, "?");

	x->sim = cls;
	x->connection = connection;
	x->raw_path = xstrndup(uri, len);
	x->query = uri[len] ? xstrdup(uri + len + 1) : NULL;
	x->path = request_decode(x->raw_path, len, false);
	buf_init(&x->in, SIM_BODY_MAX);
	buf_init(&x->resp.body, SIM_ANSWER_MAX);
	return x;
}

static void exchange_free(struct exchange *x)
{
	free(x->raw_path);
	free(x->query);
	free(x->path);
	buf_free(&x->in);
	buf_free(&x->resp.body);
	json_decref(x->resp.headers);
	json_decref(x->req.params);
	free(x);
}

static void completed(void *cls, struct MHD_Connection *connection, void **slot,
	enum MHD_RequestTerminationCode why)
{
	(void)cls;
	(void)connection;
	(void)why;
	if (*slot)
		exchange_free(*slot);
	*slot = NULL;
}

/* Compression ----------------------------------------------------------------------------- */

/* Runs zlib over `in`; `step` is deflate or inflate on a stream that is set up.  0 or -1. */
static int pump(z_stream *z, int (*step)(z_stream *, int), const struct buf *in, struct buf *out)
{
	unsigned char chunk[65536];
	int rc;

	z->next_in = (unsigned char *)in->data;
	z->avail_in = (unsigned int)in->len;
	do {
		z->next_out = chunk;
		z->avail_out = sizeof(chunk);
		rc = step(z, Z_FINISH);
		if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
			return -1;
		if (rc != Z_STREAM_END && z->avail_out == sizeof(chunk))
			return -1; /* no progress: the input ends too early */
		buf_add(out, chunk, sizeof(chunk) - z->avail_out);
	} while (rc != Z_STREAM_END && !out->failed);
	return out->failed ? -1 : 0;
}

static int gzip(struct buf *body)
{
	struct buf out = BUF_INIT(body->limit);
	z_stream z = { 0 };
	int rc;

	if (deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return -1;
	rc = pump(&z, deflate, body, &out);
	deflateEnd(&z);
	buf_free(rc == 0 ? body : &out);
	if (rc == 0)
		*body = out;
	return rc;
}

static int gunzip(struct buf *body)
{
	struct buf out = BUF_INIT(body->limit);
	z_stream z = { 0 };
	int rc;

	if (inflateInit2(&z, 15 + 32) != Z_OK)
		return -1;
	rc = pump(&z, inflate, body, &out);
	inflateEnd(&z);
	buf_free(rc == 0 ? body : &out);
	if (rc == 0)
		*body = out;
	return rc;
}

/* Answers --------------------------------------------------------------------------------- */

/* An answer that ends half way: the content length is the whole, the connection is closed. */
struct half {
	char *data;
	size_t end;
};

static ssize_t read_half(void *cls, uint64_t pos, char *out, size_t max)
{
	struct half *half = cls;
	size_t left = pos < half->end ? half->end - (size_t)pos : 0;

	if (!left)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (left > max)
		left = max;
	memcpy(out, half->data + pos, left);
	return (ssize_t)left;
}

static void free_half(void *cls)
{
	struct half *half = cls;

	free(half->data);
	free(half);
}

static struct MHD_Response *cut_response(struct buf *body)
{
	struct half *half = xmalloc(sizeof(*half));
	size_t len = body->len;

	*half = (struct half){ .data = buf_take(body), .end = len / 2 };
	return MHD_create_response_from_callback(len, 65536, read_half, half, free_half);
}

static enum MHD_Result send_answer(struct exchange *x, bool truncate)
{
	struct sim_response *resp = &x->resp;
	const char *accept = sim_header(&x->req, "Accept-Encoding");
	bool packed = accept && strstr(accept, "gzip") && resp->body.len > COMPRESS_FROM &&
		      gzip(&resp->body) == 0;
	size_t len = resp->body.len;
	struct MHD_Response *answer;
	enum MHD_Result rc;
	const char *name;
	json_t *value;

	answer = truncate ? cut_response(&resp->body)
			  : MHD_create_response_from_buffer(
				    len, buf_take(&resp->body), MHD_RESPMEM_MUST_FREE);
	if (!answer)
		return MHD_NO;
	if (packed)
		MHD_add_response_header(answer, "Content-Encoding", "gzip");
	json_object_foreach(resp->headers, name, value)
		MHD_add_response_header(answer, name, json_string_value(value));
	rc = MHD_queue_response(x->connection, (unsigned int)resp->status, answer);
	MHD_destroy_response(answer);
	return rc;
}

static enum MHD_Result send_plain(struct exchange *x, int status, const char *text)
{
	buf_reset(&x->resp.body);
	buf_adds(&x->resp.body, text);
	x->resp.status = status;
	sim_set_header(&x->resp, "Content-Type", "text/plain; charset=utf-8");
	return send_answer(x, false);
}

/* Routing --------------------------------------------------------------------------------- */

enum server { SERVER_NONE, SERVER_CONTROL, SERVER_EWS, SERVER_AUTODISCOVER, SERVER_SALESFORCE };

static const struct {
	const char *prefix;
	enum server server;
} routes[] = {
	{ "/sim/", SERVER_CONTROL },
	{ "/EWS/Exchange.asmx", SERVER_EWS },
	{ "/autodiscover/", SERVER_AUTODISCOVER },
	{ "/services/", SERVER_SALESFORCE },
	{ "/services", SERVER_SALESFORCE },
	{ "/id/", SERVER_SALESFORCE },
};

static enum server route(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		size_t len = strlen(routes[i].prefix);

		if (strncasecmp(path, routes[i].prefix, len) == 0 &&
			(routes[i].prefix[len - 1] == '/' || !path[len]))
			return routes[i].server;
	}
	return SERVER_NONE;
}

/* The name of the first element in the SOAP Body, into name; "ews" when there is none. */
static void soap_operation(const char *body, char *name, size_t size)
{
	const char *p = body;
	size_t len;

	snprintf(name, size, "ews");
	while ((p = strstr(p, "Body")) && !(p > body && (p[-1] == '<' || p[-1] == ':')))
		p++;
	p = p ? strchr(p, '>') : NULL;
	while (p && (p = strchr(p, '<')) && (p[1] == '!' || p[1] == '?'))
		p++;
	if (!p || p[1] == '/')
		return;
	p++;
	len = strcspn(p, " \t\r\n/>");
	if (memchr(p, ':', len)) {
		const char *colon = memchr(p, ':', len);

		len -= (size_t)(colon + 1 - p);
		p = colon + 1;
	}
	if (len && len < size)
		snprintf(name, size, "%.*s", (int)len, p);
}

static void name_operation(
	enum server server, const struct sim_request *req, char *name, size_t size)
{
	switch (server) {
	case SERVER_EWS:
		soap_operation(req->body, name, size);
		break;
	case SERVER_AUTODISCOVER:
		snprintf(name, size, "Autodiscover");
		break;
	case SERVER_SALESFORCE:
		snprintf(name, size, "%s", sf_operation(req));
		break;
	default:
		snprintf(name, size, "unknown");
	}
}

static void dispatch(struct exchange *x, enum server server)
{
	struct sim *sim = x->sim;

	switch (server) {
	case SERVER_EWS:
		ews_handle(sim->ews, &x->req, &x->resp);
		break;
	case SERVER_AUTODISCOVER:
		autodiscover_handle(sim->ews, &x->req, &x->resp);
		break;
	case SERVER_SALESFORCE:
		sf_handle(sim->sf, &x->req, &x->resp);
		break;
	default:
		x->resp.status = 404;
		buf_adds(&x->resp.body, "no such path\n");
		sim_set_header(&x->resp, "Content-Type", "text/plain; charset=utf-8");
	}
	if (!x->resp.status)
		x->resp.status = 200;
}

/* Faults ---------------------------------------------------------------------------------- */

static void fault_headers(struct sim_response *resp, const json_t *fault)
{
	const char *name;
	json_t *value;
	json_t *after = json_object_get(fault, "retry_after");
	json_t *headers = json_object_get(fault, "headers");

	if (json_is_integer(after)) {
		char *text AUTOFREE = xasprintf("%lld", (long long)json_integer_value(after));

		sim_set_header(resp, "Retry-After", text);
	}
	json_object_foreach(headers, name, value)
		if (json_is_string(value))
			sim_set_header(resp, name, json_string_value(value));
}

/* {"type": "status", "status": 503, "body": "...", "content_type": ..., "headers": {...}} */
static void answer_status(struct sim_response *resp, const json_t *fault)
{
	const char *body = json_string_value(json_object_get(fault, "body"));
	const char *type = json_string_value(json_object_get(fault, "content_type"));
	json_int_t status = json_integer_value(json_object_get(fault, "status"));

	resp->status = status >= 200 && status <= 599 ? (int)status : 503;
	buf_adds(&resp->body, body);
	sim_set_header(resp, "Content-Type", type ? type : "text/html; charset=utf-8");
	fault_headers(resp, fault);
}

/* Noise over the middle third: neither XML nor JSON nor UTF-8 any more. */
static void garble(struct buf *body)
{
	static const char noise[] = { '\x01', '<', '"', '\xff', '{', '&' };

	for (size_t i = body->len / 3; i < body->len - body->len / 3; i++)
		body->data[i] = noise[i % sizeof(noise)];
}

/* {"type": "pad", "bytes": N}: so many spaces after the answer, which is as good with them as without. */
static void pad(struct buf *body, const json_t *fault)
{
	json_int_t bytes = json_integer_value(json_object_get(fault, "bytes"));
	char spaces[4096];

	memset(spaces, ' ', sizeof(spaces));
	for (; bytes > 0; bytes -= (json_int_t)sizeof(spaces))
		buf_add(body, spaces, sizeof(spaces));
}

/* Waits without the lock's holder being in the way; ends early when the simulator stops. */
static void delay(struct sim *sim, const char *operation, const char *type)
{
	const json_t *fault = sim_fault(sim, operation, type);
	json_int_t ms = fault ? json_integer_value(json_object_get(fault, "ms")) : 0;
	struct timespec until;

	if (ms <= 0)
		return;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	sim->delayed++;
	while (!sim->stopping)
		if (pthread_cond_timedwait(&sim->stopped, &sim->lock, &until) == ETIMEDOUT)
			break;
	sim->delayed--;
}

static void record(struct exchange *x, const char *operation)
{
	recorder_write(&x->sim->recorder, &(struct recorded){
						  .operation = operation,
						  .request = &x->req,
						  .answer = &x->resp.body,
						  .content_type = json_string_value(json_object_get(
							  x->resp.headers, "Content-Type")),
						  .status = x->resp.status,
						  .malformed = x->malformed,
					  });
}

static void log_line(struct exchange *x, const char *operation)
{
	if (!x->sim->log)
		return;
	fprintf(x->sim->log, "%s %s%s%s %s %d %zu\n", x->req.method, x->raw_path,
		x->query ? "?" : "", x->query ? x->query : "", operation, x->resp.status,
		x->resp.body.len);
	fflush(x->sim->log);
}

/* The handler between the faults before it and those after it; false closes the connection. */
static bool serve(struct exchange *x, enum server server, bool *truncate)
{
	struct sim *sim = x->sim;
	const json_t *fault;
	char operation[64];

	name_operation(server, &x->req, operation, sizeof(operation));
	sim->current = &x->req;
	delay(sim, operation, "delay");
	sim->current = &x->req; /* others were served meanwhile */
	if (sim_fault(sim, operation, "drop-before")) {
		control_count(sim, operation, false);
		return false;
	}
	fault = sim_fault(sim, operation, "status");
	if (fault) {
		answer_status(&x->resp, fault);
		x->malformed = true;
	} else {
		dispatch(x, server);
	}
	if (x->resp.operation)
		snprintf(operation, sizeof(operation), "%s", x->resp.operation);
	control_count(sim, operation, x->resp.is_write);
	record(x, operation);
	log_line(x, operation);
	delay(sim, operation, "delay-after");
	sim->current = &x->req;
	if (sim_fault(sim, operation, "drop-after"))
		return false;
	*truncate = sim_fault(sim, operation, "truncate") != NULL;
	fault = sim_fault(sim, operation, "pad");
	if (fault)
		pad(&x->resp.body, fault);
	if (sim_fault(sim, operation, "garble")) {
		garble(&x->resp.body);
		x->malformed = true;
		record(x, operation); /* once more, apart, as the client gets it */
	}
	return true;
}

static enum MHD_Result answer(struct exchange *x, const char *method)
{
	const char *encoding;
	enum server server = route(x->path);
	bool truncate = false, keep = true;

	x->req = (struct sim_request){ .method = method,
		.path = x->path,
		.query = x->query,
		.connection = x->connection,
		.raw_path = x->raw_path,
		.params = request_params(x->query) };
	if (x->in.failed)
		return send_plain(x, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large\n");
	encoding = sim_header(&x->req, "Content-Encoding");
	if (encoding && strcasecmp(encoding, "identity") != 0 && gunzip(&x->in) < 0)
		return send_plain(x, MHD_HTTP_BAD_REQUEST, "the body does not decompress\n");
	x->req.body = buf_str(&x->in);
	x->req.body_len = x->in.len;
	x->malformed = sim_header(&x->req, "X-Sim-Malformed") != NULL;

	pthread_mutex_lock(&x->sim->lock);
	if (server == SERVER_CONTROL)
		control_handle(x->sim, &x->req, &x->resp);
	else
		keep = serve(x, server, &truncate);
	if (x->malformed) /* so that a client that records keeps it apart, too */
		sim_set_header(&x->resp, "X-Sim-Malformed", "1");
	x->sim->current = NULL;
	pthread_mutex_unlock(&x->sim->lock);
	return keep ? send_answer(x, truncate) : MHD_NO;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *size, void **slot)
{
	struct exchange *x = *slot;

	(void)cls;
	(void)connection;
	(void)url;
	(void)version;
	if (!x->started) {
		x->started = true;
		return MHD_YES;
	}
	if (*size) {
		buf_add(&x->in, data, *size);
		*size = 0;
		return MHD_YES;
	}
	return answer(x, method);
}

/* Listening ------------------------------------------------------------------------------- */

static int parse_address(const char *text, struct sockaddr_in *addr, struct error *err)
{
	const char *colon = strrchr(text, ':');
	char *host AUTOFREE = colon ? xstrndup(text, (size_t)(colon - text)) : NULL;
	char *end;
	long port = colon ? strtol(colon + 1, &end, 10) : -1;

	*addr = (struct sockaddr_in){ .sin_family = AF_INET };
	if (port < 0 || port > 65535 || *end || end == colon + 1 ||
		inet_pton(AF_INET, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host,
			&addr->sin_addr) != 1)
		return error_set(
			err, ERR_INVALID, "%s: not an address of the form 127.0.0.1:8080", text);
	addr->sin_port = htons((uint16_t)port);
	return 0;
}

int http_start(struct sim *sim, const char *listen_on, struct error *err)
{
	struct sockaddr_in addr;
	const union MHD_DaemonInfo *info;
	char host[INET_ADDRSTRLEN];

	if (parse_address(listen_on, &addr, err) < 0)
		return ERR_INVALID;
	sim->daemon = MHD_start_daemon(
		MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC, 0,
		NULL, NULL, handle, sim, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&addr,
		MHD_OPTION_URI_LOG_CALLBACK, exchange_new, sim, MHD_OPTION_NOTIFY_COMPLETED,
		completed, sim, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)262144,
		MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
	if (!sim->daemon)
		return error_set(
			err, ERR_INVALID, "cannot listen on %s: %s", listen_on, strerror(errno));
	info = MHD_get_daemon_info(sim->daemon, MHD_DAEMON_INFO_BIND_PORT);
	inet_ntop(AF_INET, &addr.sin_addr, host, sizeof(host));
	sim->base_url = xasprintf("http://%s:%u", strcmp(host, "0.0.0.0") == 0 ? "127.0.0.1" : host,
		info ? info->port : ntohs(addr.sin_port));
	return 0;
}

void http_stop(struct sim *sim)
{
	pthread_mutex_lock(&sim->lock);
	sim->stopping = true;
	pthread_cond_broadcast(&sim->stopped);
	pthread_mutex_unlock(&sim->lock);
	if (sim->daemon)
		MHD_stop_daemon(sim->daemon);
	sim->daemon = NULL;
	free(sim->base_url);
	sim->base_url = NULL;
}
