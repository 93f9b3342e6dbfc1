// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of trapped invalidations: which commands come out of a guest's
 * commands, and what a caller is told about how many have been completed.
 *
 * Every test states a rule; "uapi" is the user ABI as include/uapi/linux/iommufd.h
 * documents it.
 */
#include <kunit/test.h>
#include <linux/mman.h>
#include <linux/uaccess.h>
#include <uapi/linux/iommufd.h>

#include "arm-smmu-v3-iommufd-test.h"

/* One command, which nothing comes of */
static int convert(struct vsmmu_fixture *f, u64 cmd[2])
{
	struct arm_vsmmu_block block;
	int ret;

	arm_vsmmu_block_begin(&block, &f->vsmmu);
	ret = arm_vsmmu_convert_cmd(&block, cmd);
	arm_vsmmu_block_end(&block);
	return ret;
}

#define VMID_FIELD	GENMASK_ULL(47, 32)
#define SID_FIELD	GENMASK_ULL(63, 32)

static const struct guest_command {
	u8 opcode;
	u8 issued;	/* the opcode that comes out */
	bool vmid;	/* else a StreamID */
	u64 kept[2];	/* the guest's bits that come out as they are */
} guest_commands[] = {
	{ 0x30, 0x10, true, { 0, 0 } },				/* NSNH_ALL */
	{ 0x10, 0x10, true, { 0, 0 } },				/* NH_ALL */
	{ 0x11, 0x11, true, { GENMASK_ULL(63, 48), 0 } },	/* NH_ASID */
	{ 0x12, 0x12, true,					/* NH_VA */
	  { GENMASK_ULL(63, 48) | GENMASK_ULL(24, 20) | GENMASK_ULL(16, 12),
	    GENMASK_ULL(63, 12) | GENMASK_ULL(11, 8) | BIT_ULL(0) } },
	{ 0x13, 0x13, true,					/* NH_VAA */
	  { GENMASK_ULL(24, 20) | GENMASK_ULL(16, 12),
	    GENMASK_ULL(63, 12) | GENMASK_ULL(11, 8) | BIT_ULL(0) } },
	{ 0x05, 0x05, false, { GENMASK_ULL(31, 12), BIT_ULL(0) } }, /* CFGI_CD */
	{ 0x06, 0x06, false, { 0, 0 } },			/* CFGI_CD_ALL */
	{ 0x40, 0x40, false,					/* ATC_INV */
	  { GENMASK_ULL(31, 12) | BIT_ULL(11) | BIT_ULL(9),
	    GENMASK_ULL(63, 12) | GENMASK_ULL(5, 0) } },
};

static const struct guest_command *find_guest_command(unsigned int opcode)
{
	unsigned int i;

	for (i = 0; i != ARRAY_SIZE(guest_commands); i++)
		if (guest_commands[i].opcode == opcode)
			return &guest_commands[i];
	return NULL;
}

/* uapi: these opcodes, and no other */
static void cmd_every_opcode(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	unsigned int opcode;

	f->master.ste_ats_enabled = true;
	for (opcode = 0; opcode != 256; opcode++) {
		const struct guest_command *c = find_guest_command(opcode);
		/* For a device that there is: that isn't what is wrong with it */
		u64 cmd[2] = { opcode | FIELD_PREP(SID_FIELD, TEST_VSID), 0 };

		KUNIT_EXPECT_EQ_MSG(test, convert(f, cmd), c ? 1 : -EIO,
				    "opcode %#x", opcode);
		if (!c)
			continue;
		KUNIT_EXPECT_EQ(test, cmd[0] & 0xff, c->issued);
		KUNIT_EXPECT_EQ(test, cmd[1], 0);
	}
}

/* Bits 24:20 and 16:12, a TLB range's scale and number */
#define RANGE_FIELDS	(GENMASK_ULL(24, 20) | GENMASK_ULL(16, 12))
#define TG_FIELD	GENMASK_ULL(11, 10)
#define TTL_FIELD	GENMASK_ULL(9, 8)

/* What comes out of @guest, a command of type @c, by the words of the manual */
static void expect_converted(struct kunit *test, const struct guest_command *c,
			     const u64 guest[2], const char *what)
{
	u64 cmd[2] = { guest[0], guest[1] }, want[2];
	struct vsmmu_fixture *f = test->priv;
	bool va = c->opcode == 0x12 || c->opcode == 0x13;
	int ret = convert(f, cmd);

	/* The one range that is reserved */
	if (va && (guest[1] & TG_FIELD) && !(guest[1] & TTL_FIELD) &&
	    !(guest[0] & RANGE_FIELDS)) {
		KUNIT_EXPECT_EQ_MSG(test, ret, -EIO, "%s", what);
		return;
	}
	KUNIT_EXPECT_EQ_MSG(test, ret, 1, "%s", what);

	want[0] = c->issued | (guest[0] & c->kept[0]);
	want[1] = guest[1] & c->kept[1];
	if (c->vmid)
		want[0] |= FIELD_PREP(VMID_FIELD, TEST_VMID);
	else
		want[0] |= FIELD_PREP(SID_FIELD, TEST_PSID);
	if (va && !(guest[1] & TG_FIELD)) {
		/* No granule, no range */
		want[0] &= ~RANGE_FIELDS;
		want[1] &= ~TTL_FIELD;
	}
	if (c->opcode == 0x40 && !(guest[0] & BIT_ULL(11)))
		/* No SSV, no SubstreamID */
		want[0] &= ~(GENMASK_ULL(31, 12) | BIT_ULL(9));
	KUNIT_EXPECT_EQ_MSG(test, cmd[0], want[0], "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, cmd[1], want[1], "%s", what);
}

/*
 * Whatever a guest puts into a command, one bit, all bits but one, or one bit
 * and all of the other word: the VMID or StreamID that comes out is the VM's, the
 * opcode is the one of the table, and no bit is set that the command does not
 * define.
 */
static void cmd_every_operand(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	unsigned int i, n;
	char what[64];

	f->master.ste_ats_enabled = true;
	f->smmu.ssid_bits = 20;
	for (i = 0; i != ARRAY_SIZE(guest_commands); i++) {
		const struct guest_command *c = &guest_commands[i];

		for (n = 0; n != 3 * 2 * 64; n++) {
			unsigned int word = n / 64 % 2, others = n / 128;
			u64 guest[2] = {};

			if (others == 1)
				guest[word] = ~0ULL;
			if (others != 0)
				guest[!word] = ~0ULL;
			guest[word] ^= BIT_ULL(n % 64);

			guest[0] &= ~0xffULL;
			guest[0] |= c->opcode;
			/* Refused: SSec, too long a range; tested below */
			guest[0] &= ~BIT_ULL(10);
			if (c->opcode == 0x40 && (guest[1] & 0x3f) > 52)
				guest[1] &= ~0x3fULL;
			if (!c->vmid) {
				guest[0] &= ~SID_FIELD;
				guest[0] |= FIELD_PREP(SID_FIELD, TEST_VSID);
			}
			snprintf(what, sizeof(what), "%016llx %016llx",
				 guest[0], guest[1]);
			expect_converted(test, c, guest, what);
		}
	}
}

/* A StreamID is the VM's name for one of its devices, or EIO */
static void cmd_stream_ids(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	static const u8 opcodes[] = { 0x05, 0x06, 0x40 };
	static const u32 foreign[] = {
		0, 1, TEST_PSID, TEST_VSID - 1, TEST_VSID + 1,
		TEST_VSID | BIT(20), TEST_VSID | BIT(31), U32_MAX,
	};
	unsigned int i, j;

	f->master.ste_ats_enabled = true;
	for (i = 0; i != ARRAY_SIZE(opcodes); i++) {
		u64 cmd[2] = { opcodes[i] | FIELD_PREP(SID_FIELD, TEST_VSID), 0 };

		KUNIT_EXPECT_EQ(test, convert(f, cmd), 1);
		KUNIT_EXPECT_EQ(test, FIELD_GET(SID_FIELD, cmd[0]), TEST_PSID);
		for (j = 0; j != ARRAY_SIZE(foreign); j++) {
			cmd[0] = opcodes[i] | FIELD_PREP(SID_FIELD, foreign[j]);
			cmd[1] = 0;
			KUNIT_EXPECT_EQ_MSG(test, convert(f, cmd), -EIO,
					    "opcode %#x StreamID %#x",
					    opcodes[i], foreign[j]);
		}
		/* A device that has left the VM has no name any more */
		vsmmu_fixture_name_device(f, U32_MAX);
		cmd[0] = opcodes[i] | FIELD_PREP(SID_FIELD, TEST_VSID);
		KUNIT_EXPECT_EQ(test, convert(f, cmd), -EIO);
		vsmmu_fixture_name_device(f, TEST_VSID);
	}
}

/* What hardware would refuse is refused before it is in the host's queue */
static void cmd_illegal_operands(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	const u64 sid = FIELD_PREP(SID_FIELD, TEST_VSID);
	const u64 ssec = BIT_ULL(10), ssv = BIT_ULL(11);
	const u64 ssid = GENMASK_ULL(31, 12);
	const struct {
		const char *what;
		u64 cmd[2];
		int ret;
	} table[] = {
		{ "SubstreamID in range", { 0x05 | sid | FIELD_PREP(ssid, 31) }, 1 },
		{ "SubstreamID too large", { 0x05 | sid | FIELD_PREP(ssid, 32) },
		  -EIO },
		{ "SubstreamID of ATC in range",
		  { 0x40 | sid | ssv | FIELD_PREP(ssid, 31) }, 1 },
		{ "SubstreamID of ATC too large",
		  { 0x40 | sid | ssv | FIELD_PREP(ssid, 32) }, -EIO },
		{ "SubstreamID of ATC that doesn't count",
		  { 0x40 | sid | FIELD_PREP(ssid, 32) }, 1 },
		{ "ATC range: all", { 0x40 | sid, 52 }, 1 },
		{ "ATC range: more than all", { 0x40 | sid, 53 }, -EIO },
		{ "ATC range: largest value", { 0x40 | sid, 63 }, -EIO },
		{ "reserved TLB range", { 0x12, 1 << 10 }, -EIO },
		{ "reserved TLB range, all ASIDs", { 0x13, 3 << 10 }, -EIO },
		{ "TLB range with level", { 0x12, 1 << 10 | 3 << 8 }, 1 },
		{ "TLB range with number", { 0x12 | 1 << 12, 1 << 10 }, 1 },
		{ "TLB range with scale", { 0x13 | 1 << 20, 2 << 10 }, 1 },
	};
	unsigned int i;

	f->master.ste_ats_enabled = true;
	for (i = 0; i != ARRAY_SIZE(table); i++) {
		u64 cmd[2] = { table[i].cmd[0], table[i].cmd[1] };

		KUNIT_EXPECT_EQ_MSG(test, convert(f, cmd), table[i].ret, "%s",
				    table[i].what);
	}
	for (i = 0; i != ARRAY_SIZE(guest_commands); i++) {
		u64 cmd[2] = { guest_commands[i].opcode | ssec | sid, 0 };

		KUNIT_EXPECT_EQ_MSG(test, convert(f, cmd), -EIO, "SSec %#x",
				    guest_commands[i].opcode);
	}

	/* There are no ranges without RIL */
	f->smmu.features &= ~ARM_SMMU_FEAT_RANGE_INV;
	for (i = 0x12; i <= 0x13; i++) {
		u64 cmd[2] = { i | 1 << 12, 1 << 10 };

		KUNIT_EXPECT_EQ(test, convert(f, cmd), -EIO);
		cmd[0] = i;
		cmd[1] = 0x1000;
		KUNIT_EXPECT_EQ(test, convert(f, cmd), 1);
	}
}

/*
 * An ATC invalidation is issued exactly while the STE allows ATS; otherwise there
 * is nothing to do for it, and it could time out in the host's queue.
 */
static void cmd_atc_inv_without_ats(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	const u64 sid = FIELD_PREP(SID_FIELD, TEST_VSID);
	u64 cmd[2] = { 0x40 | sid, 52 };

	f->master.ste_ats_enabled = false;
	KUNIT_EXPECT_EQ(test, convert(f, cmd), 0);
	f->master.ste_ats_enabled = true;
	cmd[0] = 0x40 | sid;
	cmd[1] = 52;
	KUNIT_EXPECT_EQ(test, convert(f, cmd), 1);

	/* Wrong ones are wrong all the same */
	f->master.ste_ats_enabled = false;
	cmd[0] = 0x40 | sid;
	cmd[1] = 53;
	KUNIT_EXPECT_EQ(test, convert(f, cmd), -EIO);
	cmd[0] = 0x40 | FIELD_PREP(SID_FIELD, TEST_VSID + 1);
	cmd[1] = 52;
	KUNIT_EXPECT_EQ(test, convert(f, cmd), -EIO);
}

/*
 * I11: from a StreamID's conversion to the end of the block no device leaves the VM;
 * and a guest that invalidates its TLB waits for no device that comes or goes.
 */
static void cmd_device_stays(struct kunit *test)
{
	static const u8 tlbi[] = { 0x30, 0x10, 0x11, 0x12, 0x13 };
	static const u8 named[] = { 0x05, 0x06, 0x40 };
	struct vsmmu_fixture *f = test->priv;
	struct rw_semaphore *rwsem = &f->vsmmu.core.vdevs_rwsem;
	struct arm_vsmmu_block block;
	unsigned int i;

	for (i = 0; i != ARRAY_SIZE(tlbi); i++) {
		u64 cmd[2] = { tlbi[i], 0 };

		arm_vsmmu_block_begin(&block, &f->vsmmu);
		KUNIT_EXPECT_EQ(test, arm_vsmmu_convert_cmd(&block, cmd), 1);
		KUNIT_EXPECT_FALSE(test, rwsem_is_locked(rwsem));
		arm_vsmmu_block_end(&block);
		KUNIT_EXPECT_FALSE(test, rwsem_is_locked(rwsem));
	}
	f->master.ste_ats_enabled = true;
	for (i = 0; i != ARRAY_SIZE(named); i++) {
		u64 cmd[2] = { named[i] | FIELD_PREP(SID_FIELD, TEST_VSID), 0 };

		arm_vsmmu_block_begin(&block, &f->vsmmu);
		KUNIT_EXPECT_EQ(test, arm_vsmmu_convert_cmd(&block, cmd), 1);
		KUNIT_EXPECT_TRUE(test, rwsem_is_locked(rwsem));
		cmd[0] = named[i] | FIELD_PREP(SID_FIELD, TEST_VSID + 1);
		KUNIT_EXPECT_EQ(test, arm_vsmmu_convert_cmd(&block, cmd), -EIO);
		KUNIT_EXPECT_TRUE(test, rwsem_is_locked(rwsem));
		arm_vsmmu_block_end(&block);
		KUNIT_EXPECT_FALSE(test, rwsem_is_locked(rwsem));
	}
}

/* I11: each command names the device that its own StreamID is for */
static void cmd_several_devices(struct kunit *test)
{
	static const struct {
		u32 vsid;
		u32 sid;
	} cmds[] = {
		{ TEST_VSID, TEST_PSID }, { TEST_VSID, TEST_PSID },
		{ 0, 7 }, { 0, 7 }, { TEST_VSID, TEST_PSID }, { 0, 7 },
		{ 1, 0 }, { 0, 7 }, { TEST_VSID + 1, 0 },
	};
	struct vsmmu_fixture *f = test->priv;
	struct arm_vsmmu_device other = f->vdev;
	struct arm_vsmmu_block block;
	unsigned int i;

	other.core.virt_id = 0;
	other.sid = 7;
	scoped_guard(rwsem_write, &f->vsmmu.core.vdevs_rwsem)
		iommufd_viommu_publish_vdevice(&other.core);
	arm_vsmmu_block_begin(&block, &f->vsmmu);
	for (i = 0; i != ARRAY_SIZE(cmds); i++) {
		u64 cmd[2] = { 0x06 | FIELD_PREP(SID_FIELD, cmds[i].vsid), 0 };
		int ret = arm_vsmmu_convert_cmd(&block, cmd);

		KUNIT_EXPECT_EQ_MSG(test, ret, cmds[i].sid ? 1 : -EIO,
				    "command %u", i);
		if (cmds[i].sid)
			KUNIT_EXPECT_EQ_MSG(test, FIELD_GET(SID_FIELD, cmd[0]),
					    cmds[i].sid, "command %u", i);
	}
	arm_vsmmu_block_end(&block);
	scoped_guard(rwsem_write, &f->vsmmu.core.vdevs_rwsem)
		iommufd_viommu_unpublish_vdevice(&other.core);
}

/* ------------------------------------------------------ requests in an array */

#define SYNC_OPCODE	0x46
/* Requests that are executed at once */
#define TEST_BLOCK	64

/* An array of @num requests of @entry_len bytes in user memory */
static struct iommu_user_data_array
make_array(struct kunit *test, size_t entry_len, u32 num, size_t more)
{
	size_t size = PAGE_ALIGN(entry_len * num + more);
	unsigned long addr;

	addr = kunit_vm_mmap(test, NULL, 0, size, PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, addr, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	return (struct iommu_user_data_array){
		.type = IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3,
		.uptr = (void __user *)addr,
		.entry_len = entry_len,
		.entry_num = num,
	};
}

static void put_bytes(struct kunit *test,
		      const struct iommu_user_data_array *array, size_t offset,
		      const void *data, size_t len)
{
	KUNIT_ASSERT_EQ(test, copy_to_user(array->uptr + offset, data, len), 0);
}

static void put_request(struct kunit *test,
			const struct iommu_user_data_array *array, u32 i,
			u64 cmd0, u64 cmd1)
{
	const __le64 cmd[2] = { cpu_to_le64(cmd0), cpu_to_le64(cmd1) };

	put_bytes(test, array, array->entry_len * i, cmd,
		  min(sizeof(cmd), array->entry_len));
}

/* TLBI_NH_ASID of ASID @asid, which numbers the requests of a test */
static u64 tlbi_asid(u16 asid)
{
	return 0x11 | FIELD_PREP(GENMASK_ULL(63, 48), asid);
}

/* The queue has exactly the requests 0 to @num - 1, in order, and ends in SYNC */
static void expect_issued(struct kunit *test, u32 num, const char *what)
{
	struct vsmmu_fixture *f = test->priv;
	u32 i, cmds = vsmmu_fixture_num_cmds(f), seen = 0;
	u64 cmd[2] = {};

	for (i = 0; i != cmds; i++) {
		vsmmu_fixture_cmd(f, i, cmd);
		if ((cmd[0] & 0xff) == SYNC_OPCODE)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, cmd[0],
				    tlbi_asid(seen) |
				    FIELD_PREP(VMID_FIELD, TEST_VMID),
				    "%s: command %u", what, i);
		seen++;
	}
	KUNIT_EXPECT_EQ_MSG(test, seen, num, "%s", what);
	if (cmds)
		KUNIT_EXPECT_EQ_MSG(test, cmd[0] & 0xff, SYNC_OPCODE, "%s",
				    what);
}

static void forget_issued(struct vsmmu_fixture *f)
{
	struct arm_smmu_cmdq *cmdq = &f->smmu.cmdq;

	f->cmdq_reg = 0;
	cmdq->q.llq.val = 0;
	atomic_set(&cmdq->owner_prod, 0);
	bitmap_zero((unsigned long *)cmdq->valid_map, 1 << TEST_CMDQ_SHIFT);
}

/*
 * J87, I11: a wrong request at any place stops the array there; the ones before it
 * have been executed, all of them, and that is the number that is returned.
 */
static void inv_stops_at_the_wrong_one(struct kunit *test)
{
	static const u32 places[] = {
		0, 1, 10, TEST_BLOCK - 1, TEST_BLOCK, TEST_BLOCK + 1, 100,
		2 * TEST_BLOCK - 1, 2 * TEST_BLOCK, 199,
	};
	struct vsmmu_fixture *f = test->priv;
	struct iommu_user_data_array array = make_array(test, 16, 200, 0), a;
	char what[32];
	u32 i, p;

	for (p = 0; p != ARRAY_SIZE(places); p++) {
		for (i = 0; i != 200; i++)
			put_request(test, &array, i, tlbi_asid(i), 0);
		put_request(test, &array, places[p], 0x03, 0); /* CFGI_STE */

		forget_issued(f);
		a = array;
		snprintf(what, sizeof(what), "wrong at %u", places[p]);
		KUNIT_EXPECT_EQ_MSG(test,
				    arm_vsmmu_cache_invalidate(&f->vsmmu.core,
							       &a),
				    -EIO, "%s", what);
		KUNIT_EXPECT_EQ_MSG(test, a.entry_num, places[p], "%s", what);
		expect_issued(test, places[p], what);
	}
}

/* Good ones are executed in order, with a CMD_SYNC after each block */
static void inv_blocks(struct kunit *test)
{
	static const u32 nums[] = {
		1, TEST_BLOCK - 1, TEST_BLOCK, TEST_BLOCK + 1, 200,
	};
	struct vsmmu_fixture *f = test->priv;
	struct iommu_user_data_array array = make_array(test, 16, 200, 0), a;
	u32 i, n;

	for (i = 0; i != 200; i++)
		put_request(test, &array, i, tlbi_asid(i), 0);
	for (n = 0; n != ARRAY_SIZE(nums); n++) {
		forget_issued(f);
		a = array;
		a.entry_num = nums[n];
		KUNIT_EXPECT_EQ(test,
				arm_vsmmu_cache_invalidate(&f->vsmmu.core, &a),
				0);
		KUNIT_EXPECT_EQ(test, a.entry_num, nums[n]);
		expect_issued(test, nums[n], "blocks");
		KUNIT_EXPECT_EQ(test, vsmmu_fixture_num_cmds(f),
				nums[n] + DIV_ROUND_UP(nums[n], TEST_BLOCK));
	}
}

/* J86: many requests are nothing but many blocks; the queue wraps meanwhile */
static void inv_many(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	const u32 num = 1 << 15;
	struct iommu_user_data_array array = make_array(test, 16, num, 0);
	u32 i;

	for (i = 0; i != num; i++)
		put_request(test, &array, i, tlbi_asid(i), 0);
	KUNIT_EXPECT_EQ(test, arm_vsmmu_cache_invalidate(&f->vsmmu.core, &array),
			0);
	KUNIT_EXPECT_EQ(test, array.entry_num, num);
	/* PROD with its wrap bit */
	KUNIT_EXPECT_EQ(test, f->cmdq_reg,
			(num + DIV_ROUND_UP(num, TEST_BLOCK)) &
			((2 << TEST_CMDQ_SHIFT) - 1));
}

/* After the last entry of the queue comes the first, also within a block */
static void inv_wraps(struct kunit *test)
{
	const u32 entries = 1 << TEST_CMDQ_SHIFT;
	struct vsmmu_fixture *f = test->priv;
	struct iommu_user_data_array array = make_array(test, 16, entries, 0), a;
	u32 i, start, num = TEST_BLOCK;
	u64 cmd[2];

	for (i = 0; i != entries; i++)
		put_request(test, &array, i, tlbi_asid(i), i << 12);
	a = array;
	a.entry_num = entries - entries / TEST_BLOCK - 10;
	KUNIT_EXPECT_EQ(test, arm_vsmmu_cache_invalidate(&f->vsmmu.core, &a), 0);
	start = f->cmdq_reg;
	KUNIT_ASSERT_LT(test, start, entries);
	KUNIT_ASSERT_GT(test, start + num, entries);

	for (i = 0; i != num; i++)
		put_request(test, &array, i, 0x12 | (u64)i << 48, i << 12);
	a = array;
	a.entry_num = num;
	KUNIT_EXPECT_EQ(test, arm_vsmmu_cache_invalidate(&f->vsmmu.core, &a), 0);
	KUNIT_EXPECT_EQ(test, a.entry_num, num);
	for (i = 0; i != num; i++) {
		vsmmu_fixture_cmd(f, (start + i) % entries, cmd);
		KUNIT_EXPECT_EQ_MSG(test, cmd[0],
				    0x12 | (u64)i << 48 |
				    FIELD_PREP(VMID_FIELD, TEST_VMID),
				    "command %u", i);
		KUNIT_EXPECT_EQ_MSG(test, cmd[1], i << 12, "command %u", i);
	}
	vsmmu_fixture_cmd(f, (start + num) % entries, cmd);
	KUNIT_EXPECT_EQ(test, cmd[0] & 0xff, SYNC_OPCODE);
	/* And what was there before is still there */
	vsmmu_fixture_cmd(f, start - 2, cmd);
	KUNIT_EXPECT_EQ(test, cmd[0] & 0xff, 0x11);
}

/* Memory that isn't there stops the array like a wrong request */
static void inv_fault(struct kunit *test)
{
	static const u32 places[] = { 0, 1, TEST_BLOCK, 100 };
	struct vsmmu_fixture *f = test->priv;
	struct iommu_user_data_array array =
		make_array(test, 16, 200, 2 * PAGE_SIZE), a;
	u32 i, p;

	KUNIT_ASSERT_EQ(test,
			vm_munmap((unsigned long)array.uptr + PAGE_SIZE,
				  PAGE_SIZE), 0);
	for (p = 0; p != ARRAY_SIZE(places); p++) {
		a = array;
		/* So that half of the request is there */
		a.uptr += PAGE_SIZE - 16 * places[p] - 8;
		for (i = 0; i != places[p]; i++)
			put_request(test, &a, i, tlbi_asid(i), 0);
		forget_issued(f);
		KUNIT_EXPECT_EQ(test,
				arm_vsmmu_cache_invalidate(&f->vsmmu.core, &a),
				-EFAULT);
		KUNIT_EXPECT_EQ(test, a.entry_num, places[p]);
		expect_issued(test, places[p], "fault");
	}
}

/* uapi: a longer request must end in zeros, a shorter one is filled up with them */
static void inv_entry_len(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	struct iommu_user_data_array array, a;
	const u8 one = 1;
	u32 i;

	array = make_array(test, 24, 3, 0);
	for (i = 0; i != 3; i++)
		put_request(test, &array, i, tlbi_asid(i), 0);
	a = array;
	KUNIT_EXPECT_EQ(test, arm_vsmmu_cache_invalidate(&f->vsmmu.core, &a), 0);
	KUNIT_EXPECT_EQ(test, a.entry_num, 3);
	expect_issued(test, 3, "longer");

	put_bytes(test, &array, 24 * 1 + 23, &one, 1);
	forget_issued(f);
	a = array;
	KUNIT_EXPECT_EQ(test, arm_vsmmu_cache_invalidate(&f->vsmmu.core, &a),
			-E2BIG);
	KUNIT_EXPECT_EQ(test, a.entry_num, 1);
	expect_issued(test, 1, "longer, not zero");

	array = make_array(test, 8, 3, 0);
	for (i = 0; i != 3; i++)
		put_request(test, &array, i, tlbi_asid(i), 0);
	forget_issued(f);
	KUNIT_EXPECT_EQ(test, arm_vsmmu_cache_invalidate(&f->vsmmu.core, &array),
			0);
	KUNIT_EXPECT_EQ(test, array.entry_num, 3);
	expect_issued(test, 3, "shorter");

	array = make_array(test, 1, 1, 0);
	put_request(test, &array, 0, tlbi_asid(0), 0);
	forget_issued(f);
	KUNIT_EXPECT_EQ(test, arm_vsmmu_cache_invalidate(&f->vsmmu.core, &array),
			0);
	expect_issued(test, 1, "one byte");
}

/* uapi: no requests ask for the type and touch nothing; a wrong type is EINVAL */
static void inv_probe(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	struct iommu_user_data_array a = {
		.type = IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3,
	};

	KUNIT_EXPECT_EQ(test, arm_vsmmu_cache_invalidate(&f->vsmmu.core, &a), 0);
	KUNIT_EXPECT_EQ(test, a.entry_num, 0);
	a.type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1;
	KUNIT_EXPECT_EQ(test, arm_vsmmu_cache_invalidate(&f->vsmmu.core, &a),
			-EINVAL);
	a = make_array(test, 16, 1, 0);
	a.type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1;
	put_request(test, &a, 0, tlbi_asid(0), 0);
	KUNIT_EXPECT_EQ(test, arm_vsmmu_cache_invalidate(&f->vsmmu.core, &a),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, a.entry_num, 0);
	KUNIT_EXPECT_EQ(test, vsmmu_fixture_num_cmds(f), 0);
}

/* What there is nothing to do for is done; the others keep their order */
static void inv_nothing_to_do(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	struct iommu_user_data_array array = make_array(test, 16, 5, 0), a;
	const u64 atc = 0x40 | FIELD_PREP(SID_FIELD, TEST_VSID);

	f->master.ste_ats_enabled = false;
	put_request(test, &array, 0, atc, 52);
	put_request(test, &array, 1, tlbi_asid(0), 0);
	put_request(test, &array, 2, atc, 52);
	put_request(test, &array, 3, tlbi_asid(1), 0);
	put_request(test, &array, 4, atc, 52);
	a = array;
	KUNIT_EXPECT_EQ(test, arm_vsmmu_cache_invalidate(&f->vsmmu.core, &a), 0);
	KUNIT_EXPECT_EQ(test, a.entry_num, 5);
	expect_issued(test, 2, "nothing to do for some");

	forget_issued(f);
	a = array;
	a.entry_num = 1;
	KUNIT_EXPECT_EQ(test, arm_vsmmu_cache_invalidate(&f->vsmmu.core, &a), 0);
	KUNIT_EXPECT_EQ(test, a.entry_num, 1);
	KUNIT_EXPECT_EQ(test, vsmmu_fixture_num_cmds(f), 0);
}

/* I11: what the hardware has not completed isn't counted */
static void inv_timeout(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	struct iommu_user_data_array array = make_array(test, 16, 10, 0);
	u32 i;

	for (i = 0; i != 10; i++)
		put_request(test, &array, i, tlbi_asid(i), 0);
	f->smmu.cmdq.q.cons_reg = (u32 __iomem *)&f->cmdq_stuck;
	KUNIT_EXPECT_EQ(test, arm_vsmmu_cache_invalidate(&f->vsmmu.core, &array),
			-ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, array.entry_num, 0);
	KUNIT_EXPECT_FALSE(test, f->vsmmu.unsynced);
}

/* What names a device and has not completed is remembered until somebody waits for it */
static void inv_timeout_named(struct kunit *test)
{
	struct vsmmu_fixture *f = test->priv;
	struct iommu_user_data_array array = make_array(test, 16, 1, 0), a;

	put_request(test, &array, 0, 0x06 | FIELD_PREP(SID_FIELD, TEST_VSID), 0);
	a = array;
	KUNIT_EXPECT_EQ(test, arm_vsmmu_cache_invalidate(&f->vsmmu.core, &a), 0);
	KUNIT_EXPECT_FALSE(test, f->vsmmu.unsynced);
	f->smmu.cmdq.q.cons_reg = (u32 __iomem *)&f->cmdq_stuck;
	KUNIT_EXPECT_EQ(test, arm_vsmmu_cache_invalidate(&f->vsmmu.core, &array),
			-ETIMEDOUT);
	KUNIT_EXPECT_TRUE(test, f->vsmmu.unsynced);
	KUNIT_EXPECT_FALSE(test, rwsem_is_locked(&f->vsmmu.core.vdevs_rwsem));
}

static struct kunit_case arm_smmu_v3_iommufd_inv_test_cases[] = {
	KUNIT_CASE(cmd_every_opcode),
	KUNIT_CASE(cmd_every_operand),
	KUNIT_CASE(cmd_stream_ids),
	KUNIT_CASE(cmd_illegal_operands),
	KUNIT_CASE(cmd_atc_inv_without_ats),
	KUNIT_CASE(cmd_device_stays),
	KUNIT_CASE(cmd_several_devices),
	KUNIT_CASE(inv_stops_at_the_wrong_one),
	KUNIT_CASE(inv_blocks),
	KUNIT_CASE(inv_many),
	KUNIT_CASE(inv_wraps),
	KUNIT_CASE(inv_fault),
	KUNIT_CASE(inv_entry_len),
	KUNIT_CASE(inv_probe),
	KUNIT_CASE(inv_nothing_to_do),
	KUNIT_CASE_SLOW(inv_timeout),
	KUNIT_CASE_SLOW(inv_timeout_named),
	{},
};

static struct kunit_suite arm_smmu_v3_iommufd_inv_test_suite = {
	.name = "arm-smmu-v3-iommufd-inv",
	.init = vsmmu_fixture_init,
	.exit = vsmmu_fixture_exit,
	.test_cases = arm_smmu_v3_iommufd_inv_test_cases,
};

kunit_test_suites(&arm_smmu_v3_iommufd_inv_test_suite);

MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
MODULE_DESCRIPTION("KUnit tests for SMMUv3 trapped invalidations");
MODULE_LICENSE("GPL");
