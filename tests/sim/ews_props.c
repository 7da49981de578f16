/* The table of item properties.
 *
 * One row a property, in the order of Microsoft's schema: first what every item has, then what each
 * kind of item adds.  From the rows come the order in which an item is written, the check of the
 * order in which a request may write it, the FieldURIs, which shape shows a property, and how its
 * value is kept.  To widen a kind, give its rows better types or a compute function. */
#include <stdlib.h>
#include <string.h>

#include "sync/mem.h"
#include "tests/sim/ews.h"

#define D (EWS_F_DEFAULT | EWS_F_ALL)
#define A EWS_F_ALL
#define N EWS_F_NOFIND
#define R EWS_F_READONLY
#define P EWS_F_APPEND
#define C EWS_F_CREATE

#define ROW(kind, element, uri, type, flags, keys, tag, compute)                                   \
	{                                                                                          \
		EWS_##kind, element, uri, EWS_T_##type, flags, keys, NULL, tag, compute            \
	}
#define DICT(kind, element, uri, type, flags, keys, indexed)                                       \
	{                                                                                          \
		EWS_##kind, element, uri, EWS_T_##type, flags, keys, indexed, 0, NULL              \
	}

#define SENSITIVITY "Normal Personal Private Confidential"
#define IMPORTANCE  "Low Normal High"
#define ACTIONS	    "None Respond FollowUp MoveToFolder Delete Read Ignore"
#define SOURCES	    "ActiveDirectory Store"
#define BUSY	    "Free Tentative Busy OOF WorkingElsewhere NoData"
#define FILE_AS                                                                                    \
	"None LastCommaFirst FirstSpaceLast Company LastCommaFirstCompany CompanyLastFirst "       \
	"LastFirst LastFirstCompany CompanyLastCommaFirst LastFirstSuffix LastSpaceFirstCompany "  \
	"CompanyLastSpaceFirst LastSpaceFirst DisplayName FirstName LastFirstMiddleSuffix "        \
	"LastName Empty"
#define PHONES                                                                                     \
	"AssistantPhone BusinessFax BusinessPhone BusinessPhone2 Callback CarPhone "               \
	"CompanyMainPhone HomeFax HomePhone HomePhone2 Isdn MobilePhone OtherFax OtherTelephone "  \
	"Pager "                                                                                   \
	"PrimaryPhone RadioPhone Telex TtyTddPhone BusinessMobile IPPhone Mms Msn"

const char *const ews_address_parts[5] = { "Street", "City", "State", "CountryOrRegion",
	"PostalCode" };

/* clang-format off */
const struct ews_prop ews_props[] = {
	ROW(EVERY, "MimeContent", "item:MimeContent", XML, N, NULL, 0, ews_c_mime),
	ROW(EVERY, "ItemId", "item:ItemId", ID, D | R, NULL, 0, NULL),
	ROW(EVERY, "ParentFolderId", "item:ParentFolderId", ID, A | R, NULL, 0, NULL),
	ROW(EVERY, "ItemClass", "item:ItemClass", STRING, A, NULL, 0x1a, ews_c_class),
	ROW(EVERY, "Subject", "item:Subject", STRING, D | P, NULL, 0x37, ews_c_subject),
	ROW(EVERY, "Sensitivity", "item:Sensitivity", ENUM, D, SENSITIVITY, 0, ews_c_normal),
	ROW(EVERY, "Body", "item:Body", BODY, D | N | P, NULL, 0x1000, NULL),
	ROW(EVERY, "Attachments", "item:Attachments", XML, D | N | R, NULL, 0,
		ews_c_attachments),
	ROW(EVERY, "DateTimeReceived", "item:DateTimeReceived", DATE, A | R, NULL, 0xe06,
		ews_c_received),
	ROW(EVERY, "Size", "item:Size", INT, A | R, NULL, 0xe08, ews_c_size),
	ROW(EVERY, "Categories", "item:Categories", LIST, 0, NULL, 0, NULL),
	ROW(EVERY, "Importance", "item:Importance", ENUM, A, IMPORTANCE, 0, ews_c_normal),
	ROW(EVERY, "InReplyTo", "item:InReplyTo", STRING, A, NULL, 0x1042, NULL),
	ROW(EVERY, "IsSubmitted", "item:IsSubmitted", BOOL, A | R, NULL, 0, ews_c_false),
	ROW(EVERY, "IsDraft", "item:IsDraft", BOOL, A | R, NULL, 0, ews_c_is_draft),
	ROW(EVERY, "IsFromMe", "item:IsFromMe", BOOL, A | R, NULL, 0, ews_c_false),
	ROW(EVERY, "IsResend", "item:IsResend", BOOL, A | R, NULL, 0, ews_c_false),
	ROW(EVERY, "IsUnmodified", "item:IsUnmodified", BOOL, A | R, NULL, 0, ews_c_false),
	ROW(EVERY, "InternetMessageHeaders", "item:InternetMessageHeaders", XML, N, NULL, 0, NULL),
	ROW(EVERY, "DateTimeSent", "item:DateTimeSent", DATE, A | R, NULL, 0x39, ews_c_received),
	ROW(EVERY, "DateTimeCreated", "item:DateTimeCreated", DATE, A | R, NULL, 0x3007,
		ews_c_created),
	ROW(EVERY, "ResponseObjects", "item:ResponseObjects", XML, N | R, NULL, 0, NULL),
	ROW(EVERY, "ReminderDueBy", "item:ReminderDueBy", DATE, A, NULL, 0, NULL),
	ROW(EVERY, "ReminderIsSet", "item:ReminderIsSet", BOOL, A, NULL, 0, ews_c_false),
	ROW(EVERY, "ReminderNextTime", "item:ReminderNextTime", DATE, R, NULL, 0,
		ews_c_next_reminder),
	ROW(EVERY, "ReminderMinutesBeforeStart", "item:ReminderMinutesBeforeStart", INT, A, NULL, 0,
		ews_c_zero),
	ROW(EVERY, "DisplayCc", "item:DisplayCc", STRING, A | R, NULL, 0xe03, ews_c_cc),
	ROW(EVERY, "DisplayTo", "item:DisplayTo", STRING, A | R, NULL, 0xe04, ews_c_to),
	ROW(EVERY, "HasAttachments", "item:HasAttachments", BOOL, D | R, NULL, 0,
		ews_c_has_attachments),
	ROW(EVERY, "ExtendedProperty", NULL, EXTENDED, 0, NULL, 0, NULL),
	ROW(EVERY, "Culture", "item:Culture", STRING, A, NULL, 0, ews_c_culture),
	ROW(EVERY, "EffectiveRights", "item:EffectiveRights", XML, A | R, NULL, 0, ews_c_rights),
	ROW(EVERY, "LastModifiedName", "item:LastModifiedName", STRING, A | R, NULL, 0x3ffa,
		ews_c_modified_by),
	ROW(EVERY, "LastModifiedTime", "item:LastModifiedTime", DATE, A | R, NULL, 0x3008,
		ews_c_modified),
	ROW(EVERY, "IsAssociated", "item:IsAssociated", BOOL, A | R, NULL, 0, ews_c_associated),
	ROW(EVERY, "WebClientReadFormQueryString", "item:WebClientReadFormQueryString", STRING, R,
		NULL, 0, NULL),
	ROW(EVERY, "WebClientEditFormQueryString", "item:WebClientEditFormQueryString", STRING, R,
		NULL, 0, NULL),
	ROW(EVERY, "ConversationId", "item:ConversationId", ID, A | R, NULL, 0, NULL),
	ROW(EVERY, "UniqueBody", "item:UniqueBody", BODY, N | R, NULL, 0, NULL),
	ROW(EVERY, "Flag", "item:Flag", XML, A, NULL, 0, ews_c_flag),
	ROW(EVERY, "StoreEntryId", "item:StoreEntryId", BINARY, R, NULL, 0, ews_c_store),
	ROW(EVERY, "InstanceKey", "item:InstanceKey", BINARY, A | R, NULL, 0, ews_c_instance_key),
	ROW(EVERY, "NormalizedBody", "item:NormalizedBody", BODY, N | R, NULL, 0, NULL),
	ROW(EVERY, "EntityExtractionResult", "item:EntityExtractionResult", XML, N | R, NULL, 0, NULL),
	ROW(EVERY, "PolicyTag", "item:PolicyTag", XML, R, NULL, 0, NULL),
	ROW(EVERY, "ArchiveTag", "item:ArchiveTag", XML, R, NULL, 0, NULL),
	ROW(EVERY, "RetentionDate", "item:RetentionDate", DATE, R, NULL, 0, NULL),
	ROW(EVERY, "Preview", "item:Preview", STRING, R, NULL, 0, ews_c_preview),
	ROW(EVERY, "RightsManagementLicenseData", "item:RightsManagementLicenseData", XML, N | R, NULL,
		0, NULL),
	ROW(EVERY, "PredictedActionReasons", NULL, XML, N | R, NULL, 0, NULL),
	ROW(EVERY, "IsClutter", "item:IsClutter", BOOL, R, NULL, 0, NULL),
	ROW(EVERY, "NextPredictedAction", "item:NextPredictedAction", ENUM, R, ACTIONS, 0, NULL),
	ROW(EVERY, "GroupingAction", "item:GroupingAction", ENUM, R, ACTIONS, 0, NULL),
	ROW(EVERY, "BlockStatus", "item:BlockStatus", BOOL, R, NULL, 0, NULL),
	ROW(EVERY, "HasBlockedImages", "item:HasBlockedImages", BOOL, R, NULL, 0, NULL),
	ROW(EVERY, "TextBody", "item:TextBody", BODY, N | R, NULL, 0, NULL),
	ROW(EVERY, "IconIndex", "item:IconIndex", STRING, R, NULL, 0, ews_c_icon),
	ROW(EVERY, "MimeContentUTF8", "item:MimeContentUTF8", XML, N | R, NULL, 0, NULL),
	ROW(EVERY, "SearchKey", NULL, BINARY, R, NULL, 0, NULL),
	ROW(EVERY, "SortKey", NULL, INT, R, NULL, 0, NULL),
	ROW(EVERY, "Hashtags", "item:Hashtags", LIST, R, NULL, 0, NULL),
	ROW(EVERY, "Mentions", "item:Mentions", XML, N | R, NULL, 0, NULL),
	ROW(EVERY, "MentionedMe", "item:MentionedMe", BOOL, R, NULL, 0, NULL),
	ROW(EVERY, "PendingSocialActivityTagIds", "item:PendingSocialActivityTagIds", LIST, R, NULL, 0,
		NULL),

	/* Real servers leave FileAs and the addresses out of AllProperties: given by name only. */
	ROW(CONTACT, "FileAs", "contacts:FileAs", STRING, EWS_F_DEFAULT, NULL, 0, NULL),
	ROW(CONTACT, "FileAsMapping", "contacts:FileAsMapping", ENUM, A, FILE_AS, 0, ews_c_none),
	ROW(CONTACT, "DisplayName", "contacts:DisplayName", STRING, D, NULL, 0x3001, NULL),
	ROW(CONTACT, "GivenName", "contacts:GivenName", STRING, A, NULL, 0x3a06, NULL),
	ROW(CONTACT, "Initials", "contacts:Initials", STRING, A, NULL, 0x3a0a, NULL),
	ROW(CONTACT, "MiddleName", "contacts:MiddleName", STRING, A, NULL, 0x3a44, NULL),
	ROW(CONTACT, "Nickname", "contacts:Nickname", STRING, A, NULL, 0x3a4f, NULL),
	ROW(CONTACT, "CompleteName", "contacts:CompleteName", XML, D | R, NULL, 0,
		ews_c_complete_name),
	ROW(CONTACT, "CompanyName", "contacts:CompanyName", STRING, D, NULL, 0x3a16, NULL),
	DICT(CONTACT, "EmailAddresses", "contacts:EmailAddresses", EMAILS, EWS_F_DEFAULT,
		"EmailAddress1 EmailAddress2 EmailAddress3", "contacts:EmailAddress"),
	DICT(CONTACT, "PhysicalAddresses", "contacts:PhysicalAddresses", ADDRESSES, EWS_F_DEFAULT,
		"Business Home Other", "contacts:PhysicalAddress"),
	DICT(CONTACT, "PhoneNumbers", "contacts:PhoneNumbers", DICT, D, PHONES,
		"contacts:PhoneNumber"),
	ROW(CONTACT, "AssistantName", "contacts:AssistantName", STRING, A, NULL, 0x3a30, NULL),
	ROW(CONTACT, "Birthday", "contacts:Birthday", DATE, A, NULL, 0x3a42, NULL),
	ROW(CONTACT, "BusinessHomePage", "contacts:BusinessHomePage", STRING, A, NULL, 0x3a51, NULL),
	ROW(CONTACT, "Children", "contacts:Children", LIST, A, NULL, 0x3a58, NULL),
	ROW(CONTACT, "Companies", "contacts:Companies", LIST, A, NULL, 0, NULL),
	ROW(CONTACT, "ContactSource", "contacts:ContactSource", ENUM, R, SOURCES, 0, NULL),
	ROW(CONTACT, "Department", "contacts:Department", STRING, A, NULL, 0x3a18, NULL),
	ROW(CONTACT, "Generation", "contacts:Generation", STRING, A, NULL, 0x3a05, NULL),
	DICT(CONTACT, "ImAddresses", "contacts:ImAddresses", DICT, EWS_F_DEFAULT,
		"ImAddress1 ImAddress2 ImAddress3", "contacts:ImAddress"),
	ROW(CONTACT, "JobTitle", "contacts:JobTitle", STRING, D, NULL, 0x3a17, NULL),
	ROW(CONTACT, "Manager", "contacts:Manager", STRING, A, NULL, 0x3a4e, NULL),
	ROW(CONTACT, "Mileage", "contacts:Mileage", STRING, A, NULL, 0, NULL),
	ROW(CONTACT, "OfficeLocation", "contacts:OfficeLocation", STRING, A, NULL, 0x3a19, NULL),
	ROW(CONTACT, "PostalAddressIndex", "contacts:PostalAddressIndex", ENUM, A,
		"None Business Home Other", 0, ews_c_none),
	ROW(CONTACT, "Profession", "contacts:Profession", STRING, A, NULL, 0x3a46, NULL),
	ROW(CONTACT, "SpouseName", "contacts:SpouseName", STRING, A, NULL, 0x3a48, NULL),
	ROW(CONTACT, "Surname", "contacts:Surname", STRING, A, NULL, 0x3a11, NULL),
	ROW(CONTACT, "WeddingAnniversary", "contacts:WeddingAnniversary", DATE, A, NULL, 0x3a41, NULL),
	ROW(CONTACT, "BirthdayLocal", NULL, DATE, 0, NULL, 0, NULL),
	ROW(CONTACT, "WeddingAnniversaryLocal", NULL, DATE, 0, NULL, 0, NULL),
	ROW(CONTACT, "HasPicture", "contacts:HasPicture", BOOL, A | R, NULL, 0, ews_c_has_picture),
	ROW(CONTACT, "PhoneticFullName", "contacts:PhoneticFullName", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "PhoneticFirstName", "contacts:PhoneticFirstName", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "PhoneticLastName", "contacts:PhoneticLastName", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "Alias", "contacts:Alias", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "Notes", "contacts:Notes", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "Photo", "contacts:Photo", BINARY, R, NULL, 0, NULL),
	ROW(CONTACT, "UserSMIMECertificate", "contacts:UserSMIMECertificate", XML, R, NULL, 0, NULL),
	ROW(CONTACT, "MSExchangeCertificate", "contacts:MSExchangeCertificate", XML, R, NULL, 0, NULL),
	ROW(CONTACT, "DirectoryId", "contacts:DirectoryId", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "ManagerMailbox", "contacts:ManagerMailbox", MAILBOX, R, NULL, 0, NULL),
	ROW(CONTACT, "DirectReports", "contacts:DirectReports", XML, R, NULL, 0, NULL),
	/* From here on: consumer accounts only, Exchange 2016 on premises keeps none of them. */
	ROW(CONTACT, "AccountName", "contacts:AccountName", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "IsAutoUpdateDisabled", "contacts:IsAutoUpdateDisabled", BOOL, R, NULL, 0, NULL),
	ROW(CONTACT, "IsMessengerEnabled", "contacts:IsMessengerEnabled", BOOL, R, NULL, 0, NULL),
	ROW(CONTACT, "Comment", "contacts:Comment", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "ContactShortId", "contacts:ContactShortId", INT, R, NULL, 0, NULL),
	ROW(CONTACT, "ContactType", "contacts:ContactType", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "Gender", "contacts:Gender", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "IsHidden", "contacts:IsHidden", BOOL, R, NULL, 0, NULL),
	ROW(CONTACT, "ObjectId", "contacts:ObjectId", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "PassportId", "contacts:PassportId", INT, R, NULL, 0, NULL),
	ROW(CONTACT, "IsPrivate", "contacts:IsPrivate", BOOL, R, NULL, 0, NULL),
	ROW(CONTACT, "SourceId", "contacts:SourceId", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "TrustLevel", "contacts:TrustLevel", INT, R, NULL, 0, NULL),
	ROW(CONTACT, "CreatedBy", "contacts:CreatedBy", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "Urls", "contacts:Urls", XML, R, NULL, 0, NULL),
	ROW(CONTACT, "AbchEmailAddresses", "contacts:AbchEmailAddresses", XML, R, NULL, 0, NULL),
	ROW(CONTACT, "Cid", "contacts:Cid", INT, R, NULL, 0, NULL),
	ROW(CONTACT, "SkypeAuthCertificate", "contacts:SkypeAuthCertificate", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "SkypeContext", "contacts:SkypeContext", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "SkypeId", "contacts:SkypeId", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "SkypeRelationship", "contacts:SkypeRelationship", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "YomiNickname", "contacts:YomiNickname", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "XboxLiveTag", "contacts:XboxLiveTag", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "InviteFree", "contacts:InviteFree", BOOL, R, NULL, 0, NULL),
	ROW(CONTACT, "HidePresenceAndProfile", "contacts:HidePresenceAndProfile", BOOL, R, NULL, 0,
		NULL),
	ROW(CONTACT, "IsPendingOutbound", "contacts:IsPendingOutbound", BOOL, R, NULL, 0, NULL),
	ROW(CONTACT, "SupportGroupFeeds", "contacts:SupportGroupFeeds", BOOL, R, NULL, 0, NULL),
	ROW(CONTACT, "UserTileHash", "contacts:UserTileHash", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "UnifiedInbox", "contacts:UnifiedInbox", BOOL, R, NULL, 0, NULL),
	ROW(CONTACT, "Mris", "contacts:Mris", LIST, R, NULL, 0, NULL),
	ROW(CONTACT, "Wlid", "contacts:Wlid", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "AbchContactId", "contacts:AbchContactId", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "NotInBirthdayCalendar", "contacts:NotInBirthdayCalendar", BOOL, R, NULL, 0, NULL),
	ROW(CONTACT, "ShellContactType", "contacts:ShellContactType", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "ImMri", "contacts:ImMri", INT, R, NULL, 0, NULL),
	ROW(CONTACT, "PresenceTrustLevel", "contacts:PresenceTrustLevel", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "OtherMri", "contacts:OtherMri", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "ProfileLastChanged", "contacts:ProfileLastChanged", STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "MobileImEnabled", "contacts:MobileIMEnabled", BOOL, R, NULL, 0, NULL),
	ROW(CONTACT, "DisplayNamePrefix", NULL, STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "YomiGivenName", NULL, STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "YomiSurname", NULL, STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "PersonalNotes", NULL, STRING, R, NULL, 0, NULL),
	ROW(CONTACT, "PersonId", NULL, XML, R, NULL, 0, NULL),

	ROW(MESSAGE, "Sender", "message:Sender", MAILBOX, A, NULL, 0, ews_c_from),
	ROW(MESSAGE, "ToRecipients", "message:ToRecipients", XML, D | N, NULL, 0, NULL),
	ROW(MESSAGE, "CcRecipients", "message:CcRecipients", XML, D | N, NULL, 0, NULL),
	ROW(MESSAGE, "BccRecipients", "message:BccRecipients", XML, D | N, NULL, 0, NULL),
	ROW(MESSAGE, "IsReadReceiptRequested", "message:IsReadReceiptRequested", BOOL, A, NULL, 0,
		ews_c_false),
	ROW(MESSAGE, "IsDeliveryReceiptRequested", "message:IsDeliveryReceiptRequested", BOOL, A, NULL,
		0, ews_c_false),
	ROW(MESSAGE, "ConversationIndex", "message:ConversationIndex", BINARY, A | R, NULL, 0, NULL),
	ROW(MESSAGE, "ConversationTopic", "message:ConversationTopic", STRING, A | R, NULL, 0x70,
		ews_c_topic),
	ROW(MESSAGE, "From", "message:From", MAILBOX, D, NULL, 0, ews_c_from),
	ROW(MESSAGE, "InternetMessageId", "message:InternetMessageId", STRING, A, NULL, 0x1035,
		ews_c_mime_id),
	ROW(MESSAGE, "IsRead", "message:IsRead", BOOL, D, NULL, 0, ews_c_true),
	ROW(MESSAGE, "IsResponseRequested", "message:IsResponseRequested", BOOL, A, NULL, 0,
		ews_c_false),
	ROW(MESSAGE, "References", "message:References", STRING, A, NULL, 0x1039, NULL),
	ROW(MESSAGE, "ReplyTo", "message:ReplyTo", XML, N, NULL, 0, NULL),
	ROW(MESSAGE, "ReceivedBy", "message:ReceivedBy", MAILBOX, R, NULL, 0, NULL),
	ROW(MESSAGE, "ReceivedRepresenting", "message:ReceivedRepresenting", MAILBOX, R, NULL, 0, NULL),
	ROW(MESSAGE, "ApprovalRequestData", "message:ApprovalRequestData", XML, R, NULL, 0, NULL),
	ROW(MESSAGE, "VotingInformation", "message:VotingInformation", XML, R, NULL, 0, NULL),
	ROW(MESSAGE, "ReminderMessageData", "message:ReminderMessageData", XML, R, NULL, 0, NULL),

	ROW(CALENDAR, "UID", "calendar:UID", STRING, A | C, NULL, 0, ews_c_uid),
	ROW(CALENDAR, "RecurrenceId", "calendar:RecurrenceId", DATE, R, NULL, 0,
		ews_c_original_start),
	ROW(CALENDAR, "DateTimeStamp", "calendar:DateTimeStamp", DATE, R, NULL, 0, ews_c_modified),
	ROW(CALENDAR, "Start", "calendar:Start", DATE, D, NULL, 0, NULL),
	ROW(CALENDAR, "End", "calendar:End", DATE, D, NULL, 0, NULL),
	ROW(CALENDAR, "OriginalStart", "calendar:OriginalStart", DATE, R, NULL, 0,
		ews_c_original_start),
	ROW(CALENDAR, "IsAllDayEvent", "calendar:IsAllDayEvent", BOOL, A, NULL, 0, ews_c_false),
	ROW(CALENDAR, "LegacyFreeBusyStatus", "calendar:LegacyFreeBusyStatus", ENUM, D, BUSY, 0,
		ews_c_busy),
	ROW(CALENDAR, "Location", "calendar:Location", STRING, D, NULL, 0, NULL),
	ROW(CALENDAR, "When", "calendar:When", STRING, R, NULL, 0, NULL),
	ROW(CALENDAR, "IsMeeting", "calendar:IsMeeting", BOOL, A | R, NULL, 0, ews_c_is_meeting),
	ROW(CALENDAR, "IsCancelled", "calendar:IsCancelled", BOOL, A | R, NULL, 0, ews_c_false),
	ROW(CALENDAR, "IsRecurring", "calendar:IsRecurring", BOOL, A | R, NULL, 0,
		ews_c_is_recurring),
	ROW(CALENDAR, "MeetingRequestWasSent", "calendar:MeetingRequestWasSent", BOOL, A | R, NULL, 0,
		ews_c_false),
	ROW(CALENDAR, "IsResponseRequested", "calendar:IsResponseRequested", BOOL, A, NULL, 0,
		ews_c_true),
	ROW(CALENDAR, "CalendarItemType", "calendar:CalendarItemType", ENUM, D | R,
		"Single Occurrence Exception RecurringMaster", 0, ews_c_item_type),
	ROW(CALENDAR, "MyResponseType", "calendar:MyResponseType", ENUM, A | R,
		"Unknown Organizer Tentative Accept Decline NoResponseReceived", 0, ews_c_my_response),
	ROW(CALENDAR, "Organizer", "calendar:Organizer", MAILBOX, D | R, NULL, 0, ews_c_organizer),
	ROW(CALENDAR, "RequiredAttendees", "calendar:RequiredAttendees", XML, A | N, NULL, 0, NULL),
	ROW(CALENDAR, "OptionalAttendees", "calendar:OptionalAttendees", XML, A | N, NULL, 0, NULL),
	ROW(CALENDAR, "Resources", "calendar:Resources", XML, A | N, NULL, 0, NULL),
	ROW(CALENDAR, "ConflictingMeetingCount", "calendar:ConflictingMeetingCount", INT, R, NULL, 0,
		ews_c_zero),
	ROW(CALENDAR, "AdjacentMeetingCount", "calendar:AdjacentMeetingCount", INT, R, NULL, 0,
		ews_c_zero),
	ROW(CALENDAR, "ConflictingMeetings", "calendar:ConflictingMeetings", XML, N | R, NULL, 0, NULL),
	ROW(CALENDAR, "AdjacentMeetings", "calendar:AdjacentMeetings", XML, N | R, NULL, 0, NULL),
	ROW(CALENDAR, "Duration", "calendar:Duration", STRING, A | R, NULL, 0, ews_c_duration),
	ROW(CALENDAR, "TimeZone", "calendar:TimeZone", STRING, A | R, NULL, 0, ews_c_zone_name),
	ROW(CALENDAR, "AppointmentReplyTime", "calendar:AppointmentReplyTime", DATE, R, NULL, 0, NULL),
	ROW(CALENDAR, "AppointmentSequenceNumber", "calendar:AppointmentSequenceNumber", INT, A | R,
		NULL, 0, ews_c_zero),
	ROW(CALENDAR, "AppointmentState", "calendar:AppointmentState", INT, A | R, NULL, 0, ews_c_state),
	ROW(CALENDAR, "Recurrence", "calendar:Recurrence", XML, A | N, NULL, 0, NULL),
	ROW(CALENDAR, "FirstOccurrence", "calendar:FirstOccurrence", XML, A | N | R, NULL, 0,
		ews_c_first),
	ROW(CALENDAR, "LastOccurrence", "calendar:LastOccurrence", XML, A | N | R, NULL, 0, ews_c_last),
	ROW(CALENDAR, "ModifiedOccurrences", "calendar:ModifiedOccurrences", XML, A | N | R, NULL, 0,
		ews_c_modified_occurrences),
	ROW(CALENDAR, "DeletedOccurrences", "calendar:DeletedOccurrences", XML, A | N | R, NULL, 0,
		ews_c_deleted_occurrences),
	ROW(CALENDAR, "MeetingTimeZone", "calendar:MeetingTimeZone", ZONE, N, NULL, 0,
		ews_c_meeting_zone),
	ROW(CALENDAR, "StartTimeZone", "calendar:StartTimeZone", ZONE, A | N, NULL, 0, NULL),
	ROW(CALENDAR, "EndTimeZone", "calendar:EndTimeZone", ZONE, A | N, NULL, 0, NULL),
	ROW(CALENDAR, "ConferenceType", "calendar:ConferenceType", INT, 0, NULL, 0, NULL),
	ROW(CALENDAR, "AllowNewTimeProposal", "calendar:AllowNewTimeProposal", BOOL, A, NULL, 0,
		ews_c_true),
	ROW(CALENDAR, "IsOnlineMeeting", "calendar:IsOnlineMeeting", BOOL, R, NULL, 0, ews_c_false),
	ROW(CALENDAR, "MeetingWorkspaceUrl", "calendar:MeetingWorkspaceUrl", STRING, 0, NULL, 0, NULL),
	ROW(CALENDAR, "NetShowUrl", "calendar:NetShowUrl", STRING, 0, NULL, 0, NULL),
	ROW(CALENDAR, "EnhancedLocation", "calendar:EnhancedLocation", XML, N, NULL, 0, NULL),
	ROW(CALENDAR, "StartWallClock", "calendar:StartWallClock", STRING, R, NULL, 0, ews_c_start_wall),
	ROW(CALENDAR, "EndWallClock", "calendar:EndWallClock", STRING, R, NULL, 0, ews_c_end_wall),
	ROW(CALENDAR, "StartTimeZoneId", "calendar:StartTimeZoneId", STRING, R, NULL, 0,
		ews_c_meeting_zone),
	ROW(CALENDAR, "EndTimeZoneId", "calendar:EndTimeZoneId", STRING, R, NULL, 0, ews_c_end_zone),
	ROW(CALENDAR, "IntendedFreeBusyStatus", NULL, ENUM, 0, BUSY, 0, NULL),
	ROW(CALENDAR, "JoinOnlineMeetingUrl", "calendar:JoinOnlineMeetingUrl", STRING, R, NULL, 0,
		NULL),
	ROW(CALENDAR, "OnlineMeetingSettings", "calendar:OnlineMeetingSettings", XML, N | R, NULL, 0,
		NULL),
	ROW(CALENDAR, "IsOrganizer", "calendar:IsOrganizer", BOOL, A | R, NULL, 0,
		ews_c_i_organize),
	ROW(CALENDAR, "InboxReminders", "calendar:InboxReminders", XML, N | R, NULL, 0, NULL),

	ROW(TASK, "ActualWork", "task:ActualWork", INT, A, NULL, 0, NULL),
	ROW(TASK, "AssignedTime", "task:AssignedTime", DATE, R, NULL, 0, NULL),
	ROW(TASK, "BillingInformation", "task:BillingInformation", STRING, A, NULL, 0, NULL),
	ROW(TASK, "ChangeCount", "task:ChangeCount", INT, A | R, NULL, 0, ews_c_change_count),
	ROW(TASK, "Companies", "task:Companies", LIST, A, NULL, 0, NULL),
	ROW(TASK, "CompleteDate", "task:CompleteDate", DAY, A, NULL, 0, NULL),
	ROW(TASK, "Contacts", "task:Contacts", LIST, A, NULL, 0, NULL),
	ROW(TASK, "DelegationState", "task:DelegationState", ENUM, R,
		"NoMatch OwnNew Owned Accepted Declined Max", 0, ews_c_no_match),
	ROW(TASK, "Delegator", "task:Delegator", STRING, R, NULL, 0, NULL),
	ROW(TASK, "DueDate", "task:DueDate", DAY, D, NULL, 0, NULL),
	ROW(TASK, "IsAssignmentEditable", "task:IsAssignmentEditable", INT, R, NULL, 0, NULL),
	ROW(TASK, "IsComplete", "task:IsComplete", BOOL, A | R, NULL, 0, ews_c_is_complete),
	ROW(TASK, "IsRecurring", "task:IsRecurring", BOOL, A | R, NULL, 0, ews_c_is_recurring),
	ROW(TASK, "IsTeamTask", "task:IsTeamTask", BOOL, A | R, NULL, 0, ews_c_false),
	ROW(TASK, "Mileage", "task:Mileage", STRING, A, NULL, 0, NULL),
	ROW(TASK, "Owner", "task:Owner", STRING, A | R, NULL, 0, ews_c_owner),
	ROW(TASK, "PercentComplete", "task:PercentComplete", DOUBLE, D, NULL, 0, ews_c_zero),
	ROW(TASK, "Recurrence", "task:Recurrence", XML, A | N, NULL, 0, NULL),
	ROW(TASK, "StartDate", "task:StartDate", DAY, D, NULL, 0, NULL),
	ROW(TASK, "Status", "task:Status", ENUM, D,
		"NotStarted InProgress Completed WaitingOnOthers Deferred", 0, ews_c_not_started),
	ROW(TASK, "StatusDescription", "task:StatusDescription", STRING, A | R, NULL, 0,
		ews_c_status_text),
	ROW(TASK, "TotalWork", "task:TotalWork", INT, A, NULL, 0, NULL),

	ROW(DISTLIST, "DisplayName", "contacts:DisplayName", STRING, D, NULL, 0x3001, NULL),
	ROW(DISTLIST, "FileAs", "contacts:FileAs", STRING, EWS_F_DEFAULT | R, NULL, 0,
		ews_c_subject),
	ROW(DISTLIST, "ContactSource", "contacts:ContactSource", ENUM, R, SOURCES, 0, NULL),
	ROW(DISTLIST, "Members", "distributionlist:Members", XML, N, NULL, 0, NULL),
};
/* clang-format on */
const size_t ews_n_props = ARRAY_SIZE(ews_props);
_Static_assert(ARRAY_SIZE(ews_props) <= EWS_MAX_PROPS, "EWS_MAX_PROPS is too small");

xmlHashTable *ews_prop_table(void)
{
	xmlHashTable *table = xmlHashCreate(1024);

	/* A FieldURI that two kinds share finds the first row; ews_path_row() finds the other's. */
	for (size_t i = 0; i < ews_n_props; i++)
		if (ews_props[i].uri)
			xmlHashAddEntry(
				table, (const xmlChar *)ews_props[i].uri, (void *)&ews_props[i]);
	return table;
}

int ews_prop_by_uri(const struct ews *ews, const char *uri)
{
	const struct ews_prop *row = xmlHashLookup(ews->prop_uris, (const xmlChar *)uri);

	return row ? (int)(row - ews_props) : -1;
}

int ews_prop_by_element(enum ews_kind kind, const char *element)
{
	for (size_t i = 0; i < ews_n_props; i++)
		if ((ews_props[i].kind & kind) && !strcmp(ews_props[i].element, element))
			return (int)i;
	return -1;
}

int ews_prop_by_indexed(const char *indexed, int *part)
{
	for (size_t i = 0; i < ews_n_props; i++) {
		const char *base = ews_props[i].indexed;
		size_t len = base ? strlen(base) : 0;

		if (!base || strncmp(indexed, base, len) != 0)
			continue;
		*part = 0;
		if (ews_props[i].type != EWS_T_ADDRESSES) {
			if (!indexed[len])
				return (int)i;
			continue;
		}
		for (*part = 0; *part < 5 && indexed[len] == ':'; ++*part)
			if (!strcmp(indexed + len + 1, ews_address_parts[*part]))
				return (int)i;
	}
	return -1;
}

int ews_prop_by_tag(enum ews_kind kind, unsigned int tag)
{
	for (size_t i = 0; i < ews_n_props; i++)
		if (ews_props[i].tag == tag && (ews_props[i].kind & kind))
			return (int)i;
	return -1;
}

int ews_key_index(const char *keys, const char *key)
{
	size_t len = strlen(key);

	for (int i = 0; keys && *keys; i++) {
		size_t n = strcspn(keys, " ");

		if (n == len && !memcmp(keys, key, n))
			return i;
		keys += n + (keys[n] == ' ');
	}
	return -1;
}

char *ews_key_name(const char *keys, int index)
{
	while (index-- > 0)
		keys = strchr(keys, ' ') + 1;
	return xstrndup(keys, strcspn(keys, " "));
}
