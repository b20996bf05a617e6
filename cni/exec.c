/* SPDX-License-Identifier: Apache-2.0 */
#include "exec.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct run {
	pid_t pid;
	int process; // pidfd
	int input, output; // our ends; -1 when closed
	const char *left; // of the input
	size_t n_left;
	struct exec_outcome *outcome;
	size_t size; // of outcome->output
};

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int
spawn(struct run *run, const char *path, int child_input, int child_output)
{
	char *argv[] = {(char *)(uintptr_t)path, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults;
	int rc;

	rc = posix_spawn_file_actions_init(&actions);
	if (rc != 0)
		return -rc;
	rc = posix_spawnattr_init(&attributes);
	if (rc != 0)
		goto out_actions;
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	rc = posix_spawn_file_actions_adddup2(&actions, child_input, STDIN_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&actions, child_output, STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(&attributes, &defaults);
	if (rc == 0)
		rc = posix_spawnattr_setpgroup(&attributes, 0);
	if (rc == 0)
		rc = posix_spawnattr_setflags(
			&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	if (rc == 0)
		rc = posix_spawn(&run->pid, path, &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
out_actions:
	posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

static int
start(struct run *run, const char *path)
{
	int in[2], out[2] = {-1, -1};
	int rc;

	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(out, O_CLOEXEC) < 0 || fcntl(in[1], F_SETFL, O_NONBLOCK) < 0
		|| fcntl(out[0], F_SETFL, O_NONBLOCK) < 0)
		rc = -errno;
	else
		rc = spawn(run, path, in[0], out[1]);
	close(in[0]);
	close_fd(&out[1]);
	run->input = in[1];
	run->output = out[0];
	if (rc < 0)
		return rc;
	run->process = (int)syscall(SYS_pidfd_open, run->pid, 0);
	return run->process < 0 ? -errno : 0;
}

static void
feed(struct run *run)
{
	ssize_t written = write(run->input, run->left, run->n_left);

	if (written >= 0) {
		run->left += written;
		run->n_left -= (size_t)written;
	}
	// A program that does not read all of its input has had enough.
	if (run->n_left == 0 || (written < 0 && errno != EAGAIN && errno != EINTR))
		close_fd(&run->input);
}

// Takes what is there. Returns 0, or -EMSGSIZE, -ENOMEM.
static int
collect(struct run *run)
{
	struct exec_outcome *outcome = run->outcome;
	ssize_t n;
	char *grown;

	for (;;) {
		if (outcome->length + 1 >= run->size) {
			if (run->size >= EXEC_OUTPUT_MAX)
				return -EMSGSIZE;
			run->size = run->size == 0 ? 4096 : 2 * run->size;
			grown = realloc(outcome->output, run->size);
			if (grown == NULL)
				return -ENOMEM;
			outcome->output = grown;
		}
		n = read(run->output, outcome->output + outcome->length,
			run->size - outcome->length - 1);
		if (n > 0) {
			outcome->length += (size_t)n;
			continue;
		}
		if (n == 0)
			close_fd(&run->output);
		if (n < 0 && errno == EINTR)
			continue;
		return 0;
	}
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Until the program has ended. What its children still hold open is not waited for.
static int
converse(struct run *run, int64_t deadline_ms)
{
	struct pollfd ready[3];
	bool ended = false;
	int64_t left_ms;
	int rc;

	while (!ended) {
		left_ms = deadline_ms - now_ms();
		if (left_ms <= 0)
			return -ETIMEDOUT;
		ready[0] = (struct pollfd){.fd = run->process, .events = POLLIN};
		ready[1] = (struct pollfd){.fd = run->output, .events = POLLIN};
		ready[2] = (struct pollfd){.fd = run->input, .events = POLLOUT};
		if (poll(ready, 3, (int)left_ms) < 0 && errno != EINTR)
			return -errno;
		ended = ready[0].revents != 0;
		if (ready[2].revents != 0)
			feed(run);
		if (run->output >= 0 && (ended || ready[1].revents != 0)) {
			rc = collect(run);
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

static void
finish(struct run *run)
{
	int status = 0;

	while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
		;
	run->outcome->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
exec_run(const char *path, const char *input, size_t input_length, unsigned timeout_ms,
	struct exec_outcome *outcome)
{
	struct run run = {
		.pid = -1,
		.process = -1,
		.input = -1,
		.output = -1,
		.left = input,
		.n_left = input_length,
		.outcome = outcome,
	};
	int rc;

	memset(outcome, 0, sizeof(*outcome));
	rc = start(&run, path);
	if (rc == 0)
		rc = converse(&run, now_ms() + timeout_ms);
	if (rc < 0 && run.pid > 0)
		kill(-run.pid, SIGKILL);
	if (run.pid > 0)
		finish(&run);
	close_fd(&run.input);
	close_fd(&run.output);
	close_fd(&run.process);
	if (rc < 0) {
		free(outcome->output);
		memset(outcome, 0, sizeof(*outcome));
		return rc;
	}
	if (outcome->output != NULL)
		outcome->output[outcome->length] = '\0';
	return 0;
}
