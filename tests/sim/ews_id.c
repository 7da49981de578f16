/* Ids as Exchange builds them, and ConvertId.
 *
 * An EwsId is base64 of: two bytes of kind, the mailbox's GUID as text, and the MAPI entry id,
 * which ends in a 48-bit counter.  Clients must take it for opaque: it is case-sensitive, and
 * since the counter goes up in steps of COUNTER_STEP, neighbours' ids differ in nothing but the
 * case of one letter again and again, which finds every client that folds case.  What an id
 * names is looked up as a string; only ConvertId looks inside. */
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews.h"

/* One step moves one base64 digit of the id by 26: from A to a. */
#define COUNTER_STEP 416

enum { ENTRY_FOLDER = 46, ENTRY_ITEM = 70, MONIKER = 36 };

char *base64_encode(const void *data, size_t len)
{
	char *text = xmalloc((len + 2) / 3 * 4 + 1);

	EVP_EncodeBlock((unsigned char *)text, data, (int)len);
	return text;
}

unsigned char *base64_decode(const char *text, size_t *len)
{
	size_t n = 0, pad = 0;
	char *clean = xmalloc(strlen(text) + 1);
	unsigned char *data;
	int got;

	for (; *text; text++)
		if (!strchr(" \t\r\n", *text))
			clean[n++] = *text;
	clean[n] = '\0';
	while (pad < n && clean[n - 1 - pad] == '=')
		pad++;
	data = xmalloc(n / 4 * 3 + 1);
	got = n % 4 || pad > 2 ? -1 : EVP_DecodeBlock(data, (unsigned char *)clean, (int)n);
	free(clean);
	if (got < 0) {
		free(data);
		return NULL;
	}
	*len = (size_t)got - pad;
	return data;
}

char *hex_encode(const unsigned char *data, size_t len)
{
	char *text = xmalloc(len * 2 + 1);

	for (size_t i = 0; i < len; i++) {
		text[i * 2] = "0123456789ABCDEF"[data[i] >> 4];
		text[i * 2 + 1] = "0123456789ABCDEF"[data[i] & 15];
	}
	text[len * 2] = '\0';
	return text;
}

void ews_mailbox_ids(struct ews_mailbox *mb)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	const unsigned char *g = mb->guid;

	SHA256((const unsigned char *)mb->address, strlen(mb->address), digest);
	memcpy(mb->guid, digest, EWS_KEY_LEN);
	mb->guid_text = xasprintf(
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", g[0], g[1],
		g[2], g[3], g[4], g[5], g[6], g[7], g[8], g[9], g[10], g[11], g[12], g[13], g[14],
		g[15]);
	mb->next_counter = 0x10c;
	mb->next_change = 0x2f0;
}

uint64_t ews_next_counter(struct ews_mailbox *mb)
{
	mb->next_counter += COUNTER_STEP;
	return mb->next_counter;
}

uint64_t ews_next_change(struct ews_mailbox *mb)
{
	mb->next_change += 2;
	return mb->next_change;
}

static void put_counter(unsigned char *out, uint64_t counter)
{
	for (int i = 0; i < 6; i++)
		out[i] = (unsigned char)(counter >> (8 * (5 - i)));
}

/* The GUID of the store's replica, alike in all source keys of a mailbox. */
static void put_replica(const struct ews_mailbox *mb, unsigned char *out)
{
	for (int i = 0; i < EWS_KEY_LEN; i++)
		out[i] = mb->guid[i] ^ 0x5a;
}

void ews_source_key(const struct ews_mailbox *mb, uint64_t counter, unsigned char out[22])
{
	put_replica(mb, out);
	put_counter(out + 16, counter);
}

/* MS-OXCDATA 2.2.4.1 */
static void folder_entry_id(const struct ews_folder *f, unsigned char out[ENTRY_FOLDER])
{
	memset(out, 0, ENTRY_FOLDER);
	memcpy(out + 4, f->mailbox->guid, EWS_KEY_LEN);
	out[20] = 1;
	ews_source_key(f->mailbox, f->counter, out + 22);
}

/* MS-OXCDATA 2.2.4.2 */
void ews_item_entry_id(const struct ews_item *item, unsigned char out[ENTRY_ITEM])
{
	memset(out, 0, ENTRY_ITEM);
	memcpy(out + 4, item->mailbox->guid, EWS_KEY_LEN);
	out[20] = 7;
	ews_source_key(item->mailbox, item->folder ? item->folder->counter : 0, out + 22);
	ews_source_key(item->mailbox, item->counter, out + 46);
}

static char *ews_id(const struct ews_mailbox *mb, const unsigned char *entry, size_t len)
{
	unsigned char raw[5 + MONIKER + ENTRY_ITEM + 2] = { 0, 3, MONIKER, 0 };

	memcpy(raw + 4, mb->guid_text, MONIKER);
	raw[4 + MONIKER] = (unsigned char)len;
	memcpy(raw + 6 + MONIKER, entry, len);
	return base64_encode(raw, 7 + MONIKER + len);
}

char *ews_item_id(const struct ews_item *item)
{
	unsigned char entry[ENTRY_ITEM];

	ews_item_entry_id(item, entry);
	return ews_id(item->mailbox, entry, sizeof(entry));
}

char *ews_folder_id(const struct ews_folder *f)
{
	unsigned char entry[ENTRY_FOLDER];

	folder_entry_id(f, entry);
	return ews_id(f->mailbox, entry, sizeof(entry));
}

enum { CHANGE_KEY = 31 };

static void change_key_raw(
	const struct ews_mailbox *mb, uint64_t change, unsigned char raw[CHANGE_KEY])
{
	memset(raw, 0, CHANGE_KEY);
	raw[0] = 0x11;
	raw[4] = 0x16;
	put_replica(mb, raw + 8);
	put_counter(raw + 24, change);
}

char *ews_change_key(const struct ews_mailbox *mb, uint64_t change)
{
	unsigned char raw[CHANGE_KEY];

	change_key_raw(mb, change, raw);
	return base64_encode(raw, sizeof(raw));
}

bool ews_change_key_read(const struct ews_mailbox *mb, const char *key, uint64_t *change)
{
	unsigned char want[CHANGE_KEY];
	size_t len;
	unsigned char *raw = base64_decode(key, &len);
	bool ok = raw && len == CHANGE_KEY;

	if (ok) {
		*change = 0;
		for (int i = 24; i < 30; i++)
			*change = *change << 8 | raw[i];
		change_key_raw(mb, *change, want);
		ok = !memcmp(raw, want, CHANGE_KEY);
	}
	free(raw);
	return ok;
}

void ews_write_id(struct buf *b, const char *element, const char *id, const char *change_key)
{
	buf_addf(b, "<%s", element);
	xml_attr(b, "Id", id);
	if (change_key)
		xml_attr(b, "ChangeKey", change_key);
	buf_adds(b, "/>");
}

void ews_write_item_id(struct buf *b, const struct ews_item *item)
{
	char *key AUTOFREE = ews_change_key(item->mailbox, item->change);

	ews_write_id(b, "t:ItemId", item->id, key);
}

void ews_write_folder_id(struct buf *b, const char *element, const struct ews_folder *f)
{
	char *key AUTOFREE = ews_change_key(f->mailbox, f->change);

	ews_write_id(b, element, f->id, key);
}

/* The entry id inside a live item's or folder's EwsId. */
static unsigned char *entry_of_id(const char *id, size_t *len)
{
	size_t raw_len;
	unsigned char *raw = base64_decode(id, &raw_len);

	if (!raw || raw_len < 7 + MONIKER + ENTRY_FOLDER) {
		free(raw);
		return NULL;
	}
	*len = raw_len - 7 - MONIKER;
	memmove(raw, raw + 6 + MONIKER, *len);
	return raw;
}

/* The EwsId that an id of another format stands for; NULL when malformed. */
static char *to_ews_id(const struct ews_mailbox *mb, const char *id, const char *format)
{
	unsigned char *raw = NULL;
	char *result = NULL;
	size_t len = 0;

	if (!strcmp(format, "EwsId")) {
		raw = base64_decode(id, &len);
		if (raw && len >= 7 + MONIKER + ENTRY_FOLDER && raw[1] == 3 && raw[2] == MONIKER)
			result = xstrdup(id);
	} else if (!strcmp(format, "HexEntryId")) {
		raw = xmalloc(strlen(id) / 2 + 1);
		for (; len < strlen(id) / 2; len++) {
			char pair[3] = { id[len * 2], id[len * 2 + 1], '\0' }, *end;

			raw[len] = (unsigned char)strtoul(pair, &end, 16);
			if (*end)
				break;
		}
	} else {
		raw = base64_decode(id, &len);
	}
	if (!result && raw && strcmp(format, "EwsId") != 0 &&
		(len == ENTRY_FOLDER || len == ENTRY_ITEM))
		result = ews_id(mb, raw, len);
	free(raw);
	return result;
}

bool ews_id_well_formed(const char *id)
{
	size_t len;
	char *entry AUTOFREE = (char *)entry_of_id(id, &len);

	return entry;
}

static void convert_one(struct ews_ctx *c, const xmlNode *alternate, const char *to)
{
	char *id AUTOFREE = xml_get(alternate, "Id");
	char *format AUTOFREE = xml_get(alternate, "Format");
	char *mailbox AUTOFREE = xml_get(alternate, "Mailbox");
	char *converted AUTOFREE = NULL, *ews AUTOFREE = NULL;
	struct ews_mailbox *mb = ews_mailbox_find(c->ews, mailbox);
	struct ews_error err = { 0 };
	unsigned char *entry AUTOFREE = NULL;
	size_t len = 0;

	if (ews_injected(c, &err)) {
		ews_message_error(c, &err, "");
		return;
	}
	ews = to_ews_id(mb ? mb : c->ews->mailboxes, id, format);
	if (ews)
		entry = entry_of_id(ews, &len);
	if (!entry)
		ews_fail(&err, "ErrorInvalidIdMalformed", "Id is malformed.");
	else if (!mb)
		ews_fail(&err, "ErrorNonExistentMailbox",
			"The SMTP address has no mailbox associated with it.");
	if (err.code) {
		ews_message_error(c, &err, "");
		return;
	}
	converted = !strcmp(to, "EwsId")	? xstrdup(ews)
		    : !strcmp(to, "HexEntryId") ? hex_encode(entry, len)
						: base64_encode(entry, len);
	ews_message_begin(c, "Success");
	buf_adds(&c->out, "<m:AlternateId xsi:type=\"t:AlternateIdType\"");
	xml_attr(&c->out, "Format", to);
	xml_attr(&c->out, "Id", converted);
	xml_attr(&c->out, "Mailbox", mailbox);
	buf_adds(&c->out, "/>");
	ews_message_end(c);
}

void ews_op_convert_id(struct ews_ctx *c)
{
	char *to AUTOFREE = xml_get(c->payload, "DestinationFormat");

	xml_each(alternate, xml_child(c->payload, "SourceIds")) convert_one(c, alternate, to);
}
