/* The rows behind `--seed demo`. */
#ifndef TESTS_SIM_PEOPLE_H
#define TESTS_SIM_PEOPLE_H

#include <stdbool.h>
#include <stddef.h>

enum { SEED_ALICE = 1, SEED_BOB = 2, SEED_CAROL = 4 };

struct seed_company {
	const char *name, *domain;
	const char *street, *city, *state, *postal, *country;
	const char *phone; /* what every number of the company begins with */
};

struct seed_person {
	const char *given, *middle, *surname;
	const char *local; /* of the e-mail address */
	const char *title, *department;
	int company; /* index, or -1: a private contact */
	unsigned int owners;
	bool in_crm;
};

extern const struct seed_company seed_companies[];
extern const size_t seed_n_companies;
extern const struct seed_person seed_people[];
extern const size_t seed_n_people;

#endif
