# SPDX-License-Identifier: BSD-3-Clause
# The datapath model. MODEL_SRC lists its sources for whoever compiles them with their own flags; MODEL_LIB is an archive
# built with the ordinary ones.
MODEL_SRC := $(addprefix hw/model/,ingress.c parse.c prefix.c class.c key.c hash.c table.c action.c rewrite.c punt.c pipeline.c)
# For those who compile several sources at once: then the compiler's list of headers is only the last one's.
MODEL_H := $(wildcard hw/model/*.h include/sluice/*.h)
MODEL_LIB := $(B)/hw/model/libsl_model.a
ALL += $(MODEL_LIB)

$(B)/hw/model/%.o: hw/model/%.c $(B)/contract.stamp
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_BASE) -fPIC -c $< -o $@

$(MODEL_LIB): $(MODEL_SRC:%.c=$(B)/%.o)
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^
