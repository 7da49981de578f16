/* Clean-up of what the drivers hand to the hub.  See mailbox.h and crm.h. */
#include <stdlib.h>
#include <string.h>

#include "sync/crm.h"
#include "sync/mailbox.h"

void mailbox_marks_clear(struct mailbox_marks *marks)
{
	free(marks->token);
	free(marks->uid);
	free(marks->file_name);
	free(marks->crm_link);
	free(marks->unlinked);
	memset(marks, 0, sizeof(*marks));
}

void mailbox_item_clear(struct mailbox_item *item)
{
	free(item->id);
	free(item->version);
	free(item->folder_id);
	free(item->key);
	free(item->modified_by);
	free(item->why);
	json_decref(item->fields);
	json_decref(item->unread);
	json_decref(item->doubled);
	json_decref(item->tokens);
	json_decref(item->wholes);
	mailbox_marks_clear(&item->marks);
	memset(item, 0, sizeof(*item));
}

void mailbox_folder_clear(struct mailbox_folder *folder)
{
	free(folder->id);
	free(folder->version);
	free(folder->parent_id);
	free(folder->name);
	memset(folder, 0, sizeof(*folder));
}

void mailbox_page_clear(struct mailbox_page *page)
{
	for (size_t i = 0; i < page->n; i++) {
		free(page->changes[i].id);
		free(page->changes[i].version);
	}
	free(page->changes);
	free(page->cursor);
	memset(page, 0, sizeof(*page));
}

void mailbox_op_clear(struct mailbox_op *op)
{
	free(op->new_id);
	free(op->new_version);
	json_decref(op->left);
	json_decref(op->kept);
	op->left = op->kept = NULL;
	op->new_id = NULL;
	op->new_version = NULL;
}

void crm_record_clear(struct crm_record *record)
{
	free(record->id);
	free(record->version);
	free(record->master_id);
	free(record->owner_id);
	free(record->modified_by_id);
	free(record->created_by_id);
	free(record->account_id);
	free(record->token);
	free(record->unsupported);
	json_decref(record->fields);
	json_decref(record->unread);
	json_decref(record->emails);
	memset(record, 0, sizeof(*record));
}

void crm_records_free(struct crm_record *records, size_t n)
{
	for (size_t i = 0; i < n; i++)
		crm_record_clear(&records[i]);
	free(records);
}

void crm_page_clear(struct crm_page *page)
{
	crm_records_free(page->records, page->n);
	free(page->cursor);
	memset(page, 0, sizeof(*page));
}

void crm_op_clear(struct crm_op *op)
{
	free(op->new_id);
	op->new_id = NULL;
	json_decref(op->left);
	op->left = NULL;
}
