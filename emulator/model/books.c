// SPDX-License-Identifier: GPL-2.0-or-later
/* What the oracle has been told. Each entry returns NULL, or why it is refused. */
#include <stddef.h>
#include <string.h>

#include "books.h"

/** books_owner - the VM @id, NULL if there is none or it has ended */
struct books_owner *books_owner(struct books *b, uint64_t id)
{
	for (unsigned int i = 0; i < b->owners; i++)
		if (b->owner[i].id == id)
			return &b->owner[i];
	return NULL;
}

/** books_dying - the VM may end at any time */
const char *books_dying(struct books *b, uint64_t id)
{
	struct books_owner *owner = books_owner(b, id);

	if (!owner)
		return "no such owner";
	owner->dying = true;
	return NULL;
}

/**
 * books_take_vmid - somebody has this VMID
 *
 * Who is dying has lost it then. Return: false if another VM has it, and lives.
 */
bool books_take_vmid(struct books *b, uint16_t vmid)
{
	bool free = true;

	for (unsigned int i = 0; i < b->owners; i++) {
		if (b->owner[i].vmid != vmid)
			continue;
		if (b->owner[i].dying)
			b->owner[i].vmid_lost = true;
		else
			free = false;
	}
	return free;
}

/** books_may_begin - can a VM be called that? No id is used twice. */
const char *books_may_begin(const struct books *b, uint64_t id)
{
	if (id == BOOKS_NOBODY || id >= BOOKS_IDS)
		return "ids of owners are from 1 to 65535";
	if (b->used[id / 64] >> id % 64 & 1)
		return "the id was used before";
	if (b->owners == BOOKS_OWNERS)
		return "too many owners";
	return NULL;
}

/** books_begin - a VM begins, which may */
void books_begin(struct books *b, uint64_t id, uint32_t psid, uint16_t vmid)
{
	b->used[id / 64] |= 1ull << id % 64;
	b->owner[b->owners++] = (struct books_owner){
		.id = id, .psid = psid, .vmid = vmid,
	};
}

const char *books_stream(struct books_owner *owner, uint32_t vsid,
			 uint32_t psid)
{
	if (books_find(owner, vsid))
		return "the owner has that vsid";
	if (owner->streams == BOOKS_STREAMS)
		return "too many streams";
	owner->stream[owner->streams++] = (struct books_stream){
		.vsid = vsid, .psid = psid,
	};
	return NULL;
}

const char *books_gone(struct books *b, uint64_t id, uint32_t vsid)
{
	struct books_owner *owner = books_owner(b, id);

	if (!owner)
		return "no such owner";
	for (unsigned int i = 0; i < owner->streams; i++) {
		if (owner->stream[i].vsid != vsid)
			continue;
		owner->stream[i] = owner->stream[--owner->streams];
		return NULL;
	}
	return "no such vsid";
}

/** books_find - which device does the guest call @vsid? NULL: none */
const struct books_stream *books_find(const struct books_owner *owner,
				      uint64_t vsid)
{
	for (unsigned int i = 0; i < owner->streams; i++)
		if (owner->stream[i].vsid == vsid)
			return &owner->stream[i];
	return NULL;
}

/* The first range that ends behind @pa */
static unsigned int search(const struct books *b, uint64_t pa)
{
	unsigned int low = 0, high = b->ranges;

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (b->range[mid].end > pa)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static void release(struct books *b, unsigned int i)
{
	b->released[b->num_released++ % BOOKS_RELEASED] = b->range[i];
	memmove(&b->range[i], &b->range[i + 1],
		(--b->ranges - i) * sizeof(b->range[0]));
}

static bool may_take_over(struct books *b, const struct books_range *range)
{
	const struct books_owner *owner = books_owner(b, range->owner);

	return owner && owner->dying;
}

/**
 * books_memory - memory of @id's, which may be BOOKS_HOST
 *
 * It is nobody else's any more. Of a VM that is dying the kernel may have taken it.
 */
const char *books_memory(struct books *b, uint64_t id, uint64_t pa,
			 uint64_t len)
{
	unsigned int i = search(b, pa);

	if (id != BOOKS_HOST && !books_owner(b, id))
		return "no such owner";
	if (!len || pa > UINT64_MAX - len)
		return "no such memory";
	while (i < b->ranges && b->range[i].pa < pa + len) {
		if (!may_take_over(b, &b->range[i]))
			return "the memory is declared already";
		release(b, i);
	}
	if (b->ranges == BOOKS_RANGES)
		return "too much memory";
	memmove(&b->range[i + 1], &b->range[i],
		(b->ranges++ - i) * sizeof(b->range[0]));
	b->range[i] = (struct books_range){
		.pa = pa, .end = pa + len, .owner = id,
	};
	return NULL;
}

const char *books_release(struct books *b, uint64_t id, uint64_t pa)
{
	unsigned int i = search(b, pa);

	if (i == b->ranges || b->range[i].pa != pa || b->range[i].owner != id)
		return "the owner has no such memory";
	release(b, i);
	return NULL;
}

const char *books_end(struct books *b, uint64_t id)
{
	struct books_owner *owner = books_owner(b, id);

	if (!owner)
		return "no such owner";
	for (unsigned int i = b->ranges; i-- > 0;)
		if (b->range[i].owner == id)
			release(b, i);
	*owner = b->owner[--b->owners];
	return NULL;
}

/** books_whose - whose memory all of this is; BOOKS_NOBODY if not one owner's */
uint64_t books_whose(const struct books *b, uint64_t pa, uint64_t len)
{
	unsigned int i = search(b, pa);

	if (i == b->ranges || b->range[i].pa > pa || b->range[i].end - pa < len)
		return BOOKS_NOBODY;
	return b->range[i].owner;
}

/** books_whose_was - who had this address last, as far as is remembered */
uint64_t books_whose_was(const struct books *b, uint64_t pa)
{
	for (uint64_t i = 0; i < BOOKS_RELEASED && i < b->num_released; i++) {
		const struct books_range *r =
			&b->released[(b->num_released - 1 - i) % BOOKS_RELEASED];

		if (pa >= r->pa && pa < r->end)
			return r->owner;
	}
	return BOOKS_NOBODY;
}
