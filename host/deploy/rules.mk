# SPDX-License-Identifier: BSD-3-Clause
# `make install`: what a host needs that runs sluiced, and what a backend needs. The simulated card and its firmware stay in build/.
prefix ?= /usr/local
bindir ?= $(prefix)/bin
sbindir ?= $(prefix)/sbin
# sluiced looks for drivers in ../lib of the folder that it is in.
libdir := $(prefix)/lib
docdir ?= $(prefix)/share/doc/sluice
confdir ?= $(if $(filter /usr /usr/local,$(prefix)),/etc,$(prefix)/etc)/sluice
unitdir ?= $(prefix)/lib/systemd/system
INSTALL ?= install
INSTALL_DOCS := LICENSE README.md $(addprefix docs/,cli.md config.md control.md decap.md running.md)
INSTALL_PATHS = -e 's|@bindir@|$(bindir)|g; s|@sbindir@|$(sbindir)|g; s|@docdir@|$(docdir)|g; s|@confdir@|$(confdir)|g'

install: $(SLUICED) $(SLUICE) $(DECAP) $(SL_PMD) ## install agent, command lines, driver, systemd unit and an example (DESTDIR, prefix)
	$(Q)$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(sbindir) $(DESTDIR)$(libdir) $(DESTDIR)$(docdir) $(DESTDIR)$(confdir) $(DESTDIR)$(unitdir)
	$(Q)$(INSTALL) -m 755 $(SLUICE) $(DECAP) $(DESTDIR)$(bindir)
	$(Q)$(INSTALL) -m 755 $(SLUICED) $(DESTDIR)$(sbindir)
	$(Q)$(INSTALL) -m 644 $(SL_PMD) $(DESTDIR)$(libdir)
	$(Q)$(INSTALL) -m 644 $(INSTALL_DOCS) $(DESTDIR)$(docdir)
	$(Q)$(INSTALL) -m 644 host/deploy/sluice.yaml $(DESTDIR)$(confdir)/sluice.yaml.example
	$(Q)sed $(INSTALL_PATHS) host/deploy/sluiced.service.in > $(DESTDIR)$(unitdir)/sluiced.service
	$(Q)chmod 644 $(DESTDIR)$(unitdir)/sluiced.service

# A configuration that somebody has written stays.
uninstall: ## remove what `make install` put there
	$(Q)rm -f $(addprefix $(DESTDIR)$(bindir)/,$(notdir $(SLUICE) $(DECAP))) $(DESTDIR)$(sbindir)/$(notdir $(SLUICED)) \
		$(DESTDIR)$(libdir)/$(notdir $(SL_PMD)) $(DESTDIR)$(confdir)/sluice.yaml.example $(DESTDIR)$(unitdir)/sluiced.service \
		$(addprefix $(DESTDIR)$(docdir)/,$(notdir $(INSTALL_DOCS)))
	$(Q)rmdir $(DESTDIR)$(docdir) 2>/dev/null || true

.PHONY: install uninstall
