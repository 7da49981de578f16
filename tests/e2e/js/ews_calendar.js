"use strict";
// Appointments, series with their occurrences, and tasks, as the argument says:
// {"start", "end", "zone", "allDay", "attendees", "series": {name: [pattern, range]}, "day"}.
const { ews, failure, run } = require("./ews_connect");

const CALENDAR = ews.WellKnownFolderName.Calendar;
const NOBODY = ews.SendInvitationsMode.SendToNone;
const NOT_TOLD = ews.SendInvitationsOrCancellationsMode.SendToNone;
const KEEP = ews.ConflictResolutionMode.NeverOverwrite;
const EVERYTHING = new ews.PropertySet(ews.BasePropertySet.FirstClassProperties);

const instant = (date) => new Date(date.ToISOString()).toISOString();

function appointment(service, argument, subject) {
	const made = new ews.Appointment(service);

	made.Subject = subject;
	made.Start = new ews.DateTime(argument.start);
	made.End = new ews.DateTime(argument.end);
	made.StartTimeZone = ews.TimeZoneInfo.FindSystemTimeZoneById(argument.zone);
	made.IsReminderSet = false;
	return made;
}

// The arguments of each pattern, behind its first day.
const PATTERNS = {
	Daily: [ews.Recurrence.DailyPattern, 2],
	Weekly: [ews.Recurrence.WeeklyPattern, 1, [ews.DayOfTheWeek.Monday, ews.DayOfTheWeek.Friday]],
	Monthly: [ews.Recurrence.MonthlyPattern, 1, 31],
	RelativeMonthly: [ews.Recurrence.RelativeMonthlyPattern, 1, ews.DayOfTheWeek.Tuesday,
		ews.DayOfTheWeekIndex.Second],
	Yearly: [ews.Recurrence.YearlyPattern, ews.Month.December, 24],
	RelativeYearly: [ews.Recurrence.RelativeYearlyPattern, ews.Month.March,
		ews.DayOfTheWeek.Sunday, ews.DayOfTheWeekIndex.Last],
};

function recurrence(argument, pattern, range) {
	const [Pattern, ...more] = PATTERNS[pattern];
	const made = new Pattern(new ews.DateTime(argument.day), ...more);

	if (range.number)
		made.NumberOfOccurrences = range.number;
	else if (range.end)
		made.EndDate = new ews.DateTime(range.end);
	else
		made.NeverEnds();
	return made;
}

async function view(service, from, to) {
	const found = await service.FindAppointments(CALENDAR,
		new ews.CalendarView(new ews.DateTime(from), new ews.DateTime(to)));

	return found.Items.map((item) => [item.Subject, instant(item.Start),
		ews.AppointmentType[item.AppointmentType]]);
}

async function single(service, argument) {
	const made = appointment(service, argument, "Single");

	made.Body = new ews.MessageBody(ews.BodyType.HTML, argument.html);
	made.Location = "Köln";
	made.LegacyFreeBusyStatus = ews.LegacyFreeBusyStatus.OOF;
	argument.attendees.forEach((address) => made.RequiredAttendees.Add(address));
	await made.Save(CALENDAR, NOBODY);

	const read = await ews.Appointment.Bind(service, made.Id, EVERYTHING);
	const shown = { subject: read.Subject, start: instant(read.Start), end: instant(read.End),
		html: read.Body.Text, location: read.Location,
		busy: ews.LegacyFreeBusyStatus[read.LegacyFreeBusyStatus],
		meeting: read.IsMeeting, organizer: read.Organizer.Address,
		attendees: read.RequiredAttendees.Items.map((who) => who.Address) };

	read.Subject = "Changed";
	await read.Update(KEEP, NOT_TOLD);
	await read.Delete(ews.DeleteMode.MoveToDeletedItems, ews.SendCancellationsMode.SendToNone);
	return shown;
}

async function allDay(service, argument) {
	const made = appointment(service, argument, "All day");

	made.IsAllDayEvent = true;
	await made.Save(CALENDAR, NOBODY);
	return made.Id.UniqueId;
}

async function series(service, argument) {
	const shown = {};

	for (const [name, [pattern, range]] of Object.entries(argument.series)) {
		const made = appointment(service, argument, name);

		made.Recurrence = recurrence(argument, pattern, range);
		await made.Save(CALENDAR, NOBODY);
		const read = await ews.Appointment.Bind(service, made.Id, EVERYTHING);
		shown[name] = { id: made.Id.UniqueId, type: ews.AppointmentType[read.AppointmentType],
			first: instant(read.FirstOccurrence.Start),
			last: read.LastOccurrence ? instant(read.LastOccurrence.Start) : null };
	}
	return shown;
}

async function occurrences(service, argument) {
	const made = appointment(service, argument, "Week");

	made.Recurrence = recurrence(argument, "Weekly", { number: 4 });
	await made.Save(CALENDAR, NOBODY);
	const second = await ews.Appointment.BindToOccurrence(service, made.Id, 2);
	second.Subject = "Second";
	await second.Update(KEEP, NOT_TOLD);
	const third = await ews.Appointment.BindToOccurrence(service, made.Id, 3);
	await third.Delete(ews.DeleteMode.MoveToDeletedItems, ews.SendCancellationsMode.SendToNone);
	const master = await ews.Appointment.BindToRecurringMaster(service, second.Id, EVERYTHING);

	return { same: master.Id.UniqueId === made.Id.UniqueId,
		modified: master.ModifiedOccurrences.Items.map((one) => instant(one.OriginalStart)),
		deleted: master.DeletedOccurrences.Items.map((one) => instant(one.OriginalStart)),
		gone: await failure(() => ews.Appointment.BindToOccurrence(service, made.Id, 3)),
		beyond: await failure(() => ews.Appointment.BindToOccurrence(service, made.Id, 5)) };
}

async function tasks(service, argument) {
	const made = new ews.Task(service);

	made.Subject = "Weekly report";
	made.DueDate = new ews.DateTime(argument.day);
	made.Recurrence = recurrence(argument, "Weekly", { number: 3 });
	await made.Save(ews.WellKnownFolderName.Tasks);
	const read = await ews.Task.Bind(service, made.Id, EVERYTHING);
	read.Status = ews.TaskStatus.Completed;
	await read.Update(KEEP);
	const next = await ews.Task.Bind(service, made.Id, EVERYTHING);
	const left = await service.FindItems(ews.WellKnownFolderName.Tasks, new ews.ItemView(10));

	return { recurring: read.IsRecurring, due: instant(next.DueDate),
		status: ews.TaskStatus[next.Status], items: left.TotalCount };
}

run(async (service, argument) => {
	const result = { single: await single(service, argument) };

	result.occurrences = await occurrences(service, argument);
	result.view = await view(service, argument.view[0], argument.view[1]);
	result.allDay = await allDay(service, argument);
	result.series = await series(service, argument);
	result.tasks = await tasks(service, argument);
	result.tooLong = await failure(() => view(service, "2026-01-01T00:00:00Z", "2029-01-01T00:00:00Z"));
	return result;
});
