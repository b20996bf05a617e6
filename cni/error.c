/* SPDX-License-Identifier: Apache-2.0 */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <causeway/error.h>

#define FALLBACK_VERSION "1.0.0"

int
error_set(struct cni_error *error, int code, const char *format, ...)
{
	va_list args;

	error->code = code;
	error->details[0] = '\0';
	va_start(args, format);
	vsnprintf(error->message, sizeof(error->message), format, args);
	va_end(args);
	return -1;
}

static int
code_from_rpc(int rpc)
{
	switch (rpc) {
	case CW_RPC_INVALID_PARAMS:
	case CW_RPC_NOT_FOUND: // what the configuration refers to
		return CNI_CONFIG;
	case CW_RPC_CONFLICT:
	case CW_RPC_IN_USE:
		return CNI_CONFLICT;
	case CW_RPC_UNAVAILABLE:
		return CNI_TRY_AGAIN;
	case CW_RPC_EXHAUSTED:
		return CNI_EXHAUSTED;
	case CW_RPC_REFUSED:
		return CNI_REFUSED;
	case CW_RPC_DENIED:
		return CNI_DENIED;
	default:
		return CNI_INTERNAL;
	}
}

int
error_from_client(struct cni_error *error, int rc, const struct client_error *cause)
{
	int code = CNI_INTERNAL;
	size_t length = 0;

	if (rc == -EREMOTEIO)
		code = code_from_rpc(cause->code);
	else if (client_is_away(rc))
		code = CNI_TRY_AGAIN;
	else if (rc == -EACCES || rc == -EPERM)
		code = CNI_DENIED;
	error_set(error, code, "%s", cause->message);
	if (cause->key[0] != '\0')
		length = (size_t)snprintf(
			error->details, sizeof(error->details), "%s=%s", cause->key, cause->value);
	if (cause->hint[0] != '\0' && length < sizeof(error->details))
		snprintf(error->details + length, sizeof(error->details) - length, "%s%s",
			length > 0 ? "; " : "", cause->hint);
	return -1;
}

static void
reword(char *text)
{
	static const char taken_for_success[] = "not found";
	char *at;

	while ((at = strcasestr(text, taken_for_success)) != NULL)
		memcpy(at, "not there", sizeof(taken_for_success) - 1);
}

void
error_reword(struct cni_error *error)
{
	reword(error->message);
	reword(error->details);
}

void
error_print(const struct cni_error *error, const char *version)
{
	cJSON *object = cJSON_CreateObject();
	char *text = NULL;

	if (object != NULL
		&& cJSON_AddStringToObject(
			object, "cniVersion", version != NULL ? version : FALLBACK_VERSION)
		&& cJSON_AddNumberToObject(object, "code", error->code)
		&& cJSON_AddStringToObject(object, "msg", error->message)
		&& (error->details[0] == '\0'
			|| cJSON_AddStringToObject(object, "details", error->details)))
		text = cJSON_Print(object);
	if (text != NULL)
		printf("%s\n", text);
	else
		printf("{\"code\": %d, \"msg\": \"out of memory\"}\n", error->code);
	fflush(stdout);
	cJSON_free(text);
	cJSON_Delete(object);
}
