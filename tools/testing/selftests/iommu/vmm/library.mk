# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the programs of a directory share, compiled once into one archive: files of the
# VMM (VMM, without .c) and of the directory itself (SHARED). After lib.mk.

LIBRARY := $(OUTPUT)/libshared.a
OBJECTS := $(patsubst %,$(OUTPUT)/lib-%.o,$(VMM) $(SHARED))
EXTRA_CLEAN += $(LIBRARY) $(OBJECTS)

$(OUTPUT)/lib-%.o: ../vmm/%.c $(LOCAL_HDRS)
	$(call msg,CC,,$@)
	$(Q)$(COMPILE.c) $< -o $@

$(OUTPUT)/lib-%.o: %.c $(LOCAL_HDRS)
	$(call msg,CC,,$@)
	$(Q)$(COMPILE.c) $< -o $@

$(LIBRARY): $(OBJECTS)
	$(call msg,AR,,$@)
	$(Q)rm -f $@
	$(Q)$(CROSS_COMPILE)ar rcs $@ $^

$(TEST_GEN_PROGS) $(TEST_GEN_PROGS_EXTENDED): $(LIBRARY)
