/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the oracle has been told: VMs, their StreamIDs, the memory of their queues.
 * Inside of the oracle, which has none of the model's inside.
 */
#ifndef CMDQV_MODEL_BOOKS_H
#define CMDQV_MODEL_BOOKS_H

#include <stdbool.h>
#include <stdint.h>

/* The unit has 128 queues; several VMs may end before all is released */
#define BOOKS_OWNERS	64u
#define BOOKS_STREAMS	16u
#define BOOKS_RANGES	512u
#define BOOKS_RELEASED	128u

/* Ids of VMs are from 1 to BOOKS_IDS - 1, and owners that are no VM have these */
#define BOOKS_IDS	65536u
#define BOOKS_NOBODY	0u
#define BOOKS_HOST	BOOKS_IDS

struct books_stream {
	uint32_t vsid;
	uint32_t psid;
};

/**
 * struct books_owner - a VM that has not ended
 * @id: of its owner's choice, never used again
 * @psid: StreamID of the device that tells its VMID
 * @vmid: that VMID
 * @dying: it may end at any time, and others take over what was its
 * @vmid_lost: its VMID has been taken over
 * @stream: what its guest calls its devices
 */
struct books_owner {
	uint64_t id;
	uint32_t psid;
	uint16_t vmid;
	bool dying;
	bool vmid_lost;
	unsigned int streams;
	struct books_stream stream[BOOKS_STREAMS];
};

/* Memory from @pa to before @end */
struct books_range {
	uint64_t pa;
	uint64_t end;
	uint64_t owner;
};

/**
 * struct books - all of it
 * @used: ids of VMs, living or not: a bit each
 * @range: live memory, ascending, without overlaps
 * @released: the latest of what was, to tell whose it was; a ring
 */
struct books {
	uint64_t used[BOOKS_IDS / 64];
	unsigned int owners;
	struct books_owner owner[BOOKS_OWNERS];
	unsigned int ranges;
	struct books_range range[BOOKS_RANGES];
	uint64_t num_released;
	struct books_range released[BOOKS_RELEASED];
};

struct books_owner *books_owner(struct books *b, uint64_t id);
const char *books_may_begin(const struct books *b, uint64_t id);
void books_begin(struct books *b, uint64_t id, uint32_t psid, uint16_t vmid);
const char *books_end(struct books *b, uint64_t id);
const char *books_dying(struct books *b, uint64_t id);
bool books_take_vmid(struct books *b, uint16_t vmid);
const char *books_stream(struct books_owner *owner, uint32_t vsid,
			 uint32_t psid);
const char *books_gone(struct books *b, uint64_t id, uint32_t vsid);
const struct books_stream *books_find(const struct books_owner *owner,
				      uint64_t vsid);
const char *books_memory(struct books *b, uint64_t id, uint64_t pa,
			 uint64_t len);
const char *books_release(struct books *b, uint64_t id, uint64_t pa);
uint64_t books_whose(const struct books *b, uint64_t pa, uint64_t len);
uint64_t books_whose_was(const struct books *b, uint64_t pa);

#endif /* CMDQV_MODEL_BOOKS_H */
