/* The EWS client: a mailbox driver (sync/mailbox.h) for Microsoft Exchange.
 *
 *   ews_driver.c    the table of operations, opening and closing
 *   ews_request.c   one SOAP exchange: envelope, impersonation, faults, throttling
 *   ews_error.c     Exchange's response codes and what they mean for the hub
 *   ews_xml.c       writing and reading XML
 *   ews_time.c      times and dates as Exchange writes them
 *   ews_wire.c      how a row of a field table stands in XML: written, asked for, read
 *   ews_contact.c   the table of contact fields
 *   ews_folder.c    the folder tree: SyncFolderHierarchy, GetFolder
 *   ews_folder_write.c  CreateFolder, UpdateFolder, MoveFolder, DeleteFolder
 *   ews_sync.c      SyncFolderItems
 *   ews_item.c      GetItem
 *   ews_write.c     CreateItem, UpdateItem, MoveItem, DeleteItem
 *   ews_category.c  the CategoryList
 *
 * All libxml2 of the program is here. */
#ifndef EWS_EWS_H
#define EWS_EWS_H

#include "sync/mailbox.h"

extern const struct mailbox_driver ews_driver;

#endif
