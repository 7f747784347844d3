/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finds an engine by name. The model is part of this program; the card in Verilated RTL is a shared library beside it
 * (../lib from the program's own folder), so that the model runs where Verilator is not installed.
 */
#include "sim/engine_find.h"

#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct sl_engine_ops *rtl_load(const char *library, char *err, size_t err_len)
{
	char self[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	const struct sl_engine_ops *ops;
	void *handle;

	if (n < 0) {
		snprintf(err, err_len, "engine rtl: cannot find this program's folder");
		return NULL;
	}
	self[n] = '\0';
	snprintf(path, sizeof(path), "%s/../lib/%s", dirname(self), library);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL) {
		snprintf(err, err_len, "engine rtl: %s", dlerror());
		return NULL;
	}
	ops = dlsym(handle, "sl_engine_rtl");
	if (ops == NULL)
		snprintf(err, err_len, "engine rtl: %s", dlerror());
	return ops;
}

const struct sl_engine_ops *sl_engine_find(const char *name, bool trace, char *err, size_t err_len)
{
	if (strcmp(name, "model") == 0)
		return &sl_engine_model;
	if (strcmp(name, "rtl") == 0)
		return rtl_load(trace ? "libsl_nic_trace.so" : "libsl_nic.so", err, err_len);
	if (strcmp(name, "rtl-hbm") == 0 && !trace)
		return rtl_load("libsl_nic_hbm.so", err, err_len);
	snprintf(err, err_len, "engine %s: should be model, rtl or rtl-hbm", name);
	return NULL;
}
