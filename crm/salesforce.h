/* The Salesforce driver: sync/crm.h over the REST API v66.0 (OAuth client credentials, SOQL queries,
 * sObject Collections, composite).  Nothing else of it is visible.
 *
 *   salesforce.c          open, close, test, requests left
 *   salesforce_session.c  sign-in, one call with its errors, daily reserve, back-off
 *   salesforce_fields.c   the table of Contact, fitted to the org's description
 *   salesforce_query.c    pull, get, match, users
 *   salesforce_write.c    create, update, delete
 *   salesforce_answer.c   answers to records, results and errors; no I/O
 *   salesforce_text.c     ids, stamps, escapes; no I/O */
#ifndef CRM_SALESFORCE_H
#define CRM_SALESFORCE_H

#include "sync/crm.h"

extern const struct crm_driver salesforce_driver;

#endif
