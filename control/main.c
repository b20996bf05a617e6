/* SPDX-License-Identifier: Apache-2.0 */

// causewayd: control plane of Causeway.

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <causeway/limits.h>

#include "causewayd.h"
#include "instance.h"

static void
on_signal(evutil_socket_t signal_number, short what, void *arg)
{
	log_info("ending signal=%d", (int)signal_number);
	event_base_loopbreak(arg);
}

#define DESCRIPTORS_WANTED 65536

// Every queue of every tap is a descriptor, and every memif.
static void
raise_descriptor_limit(void)
{
	const struct rlimit wanted = {DESCRIPTORS_WANTED, DESCRIPTORS_WANTED};
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_max < DESCRIPTORS_WANTED && setrlimit(RLIMIT_NOFILE, &wanted) == 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < CW_DESCRIPTORS_MIN)
		log_warning("few descriptors: many pods will not be attached limit=%llu wanted=%d",
			(unsigned long long)limit.rlim_cur, DESCRIPTORS_WANTED);
}

static int
run(struct causewayd *d)
{
	struct event *interrupt = evsignal_new(d->base, SIGINT, on_signal, d->base);
	struct event *terminate = evsignal_new(d->base, SIGTERM, on_signal, d->base);
	int ret = -ENOMEM;

	if (interrupt != NULL && terminate != NULL && event_add(interrupt, NULL) == 0
		&& event_add(terminate, NULL) == 0)
		ret = causewayd_load(d);
	if (ret == 0)
		ret = causewayd_serve(d);
	if (ret == 0) {
		log_info("serving version=%s runtime_dir=%s state_dir=%s", CW_VERSION,
			d->options.runtime_dir, d->options.state_dir);
		event_base_dispatch(d->base);
	}
	if (interrupt != NULL)
		event_free(interrupt);
	if (terminate != NULL)
		event_free(terminate);
	return ret;
}

// Looks at the configuration and, for a dry run, at what is stored.
static int
check(const struct options *options)
{
	char path[OPTIONS_PATH_LEN + 16];
	struct causewayd *d;
	int ret = 0;

	options_print(options);
	snprintf(path, sizeof(path), "%s/" STORE_FILE, options->state_dir);
	if (!options->dry_run)
		return 0;
	if (access(path, F_OK) < 0) {
		log_info("there is no state yet, it would be made path=%s", path);
		return 0;
	}
	d = causewayd_create(options);
	if (d == NULL)
		return -EIO;
	ret = causewayd_load(d);
	for (unsigned int type = 0; type < OBJECT_TYPES && ret == 0; type++)
		log_info("stored object=%s n=%u", object_classes[type]->name,
			objects_count(d->objects, (enum object_type)type));
	causewayd_free(d);
	return ret;
}

int
main(int argc, char **argv)
{
	struct options options;
	struct causewayd *d;
	int ret = options_read(&options, argc, argv), runtime_lock, state_lock;

	if (ret != 0)
		return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	log_set_level(options.log_level);
	if (options.check_config || options.dry_run)
		return check(&options) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	if (geteuid() != 0) {
		log_error("must be root: interfaces in pods' namespaces are made here");
		return EXIT_FAILURE;
	}
	signal(SIGPIPE, SIG_IGN);
	raise_descriptor_limit();
	runtime_lock = instance_lock(options.runtime_dir, "causewayd.pid", 0755);
	if (runtime_lock < 0)
		return EXIT_FAILURE;
	state_lock = instance_lock(options.state_dir, "causewayd.lock", 0700);
	if (state_lock < 0)
		return EXIT_FAILURE;
	d = causewayd_create(&options);
	if (d == NULL)
		return EXIT_FAILURE;
	ret = run(d);
	causewayd_free(d);
	close(runtime_lock);
	close(state_lock);
	return ret < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
