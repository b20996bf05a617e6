/* SPDX-License-Identifier: Apache-2.0 */
#include "nic_args.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>
#include <rte_pci.h>

struct word {
	const char *key, *value;
	int key_len, value_len;
	bool has_value;
};

// The next "key=value"; a comma within brackets ends none. False at the end.
static bool
next_word(const char **text, struct word *word)
{
	const char *at = *text, *equals;
	int depth = 0;

	if (at == NULL || *at == '\0')
		return false;
	word->key = at;
	for (; *at != '\0' && (*at != ',' || depth > 0); at++)
		depth += (*at == '[') - (*at == ']');
	equals = memchr(word->key, '=', (size_t)(at - word->key));
	word->value = equals != NULL ? equals + 1 : at;
	word->key_len = (int)((equals != NULL ? equals : at) - word->key);
	word->value_len = (int)(at - word->value);
	word->has_value = equals != NULL;
	*text = *at == ',' ? at + 1 : at;
	return true;
}

static bool
word_is(const struct word *word, const char *key)
{
	return (int)strlen(key) == word->key_len
	       && strncmp(word->key, key, (size_t)word->key_len) == 0;
}

static int
copy_value(const struct word *word, char *to, size_t room, char *reason, size_t reason_len)
{
	if (word->value_len == 0 || (size_t)word->value_len >= room || *to != '\0') {
		snprintf(reason, reason_len,
			"%.*s in args must be given once, with 1 to %zu characters", word->key_len,
			word->key, room - 1);
		return -EINVAL;
	}
	memcpy(to, word->value, (size_t)word->value_len);
	to[word->value_len] = '\0';
	return 0;
}

static int
switch_value(const struct word *word, bool *flag, char *reason, size_t reason_len)
{
	const bool on = word->value_len == 2 && strncmp(word->value, "on", 2) == 0;

	if (!on && !(word->value_len == 3 && strncmp(word->value, "off", 3) == 0)) {
		snprintf(reason, reason_len, "%.*s in args must be on or off (%.*s)", word->key_len,
			word->key, word->value_len, word->value);
		return -EINVAL;
	}
	*flag = on;
	return 0;
}

static int
add_devarg(struct nic_args *args, const char *key, int key_len, const struct word *word,
	char *reason, size_t reason_len)
{
	const size_t used = strlen(args->devargs), room = sizeof(args->devargs) - used;
	const int n = snprintf(args->devargs + used, room, "%s%.*s%s%.*s", used > 0 ? "," : "",
		key_len, key, word->has_value ? "=" : "", word->value_len, word->value);

	if (n >= 0 && (size_t)n < room)
		return 0;
	snprintf(reason, reason_len, "args are longer than %zu", sizeof(args->devargs) - 1);
	return -EINVAL;
}

static int
take_word(struct nic_args *args, const struct word *word, bool *lists, char *reason,
	size_t reason_len)
{
	static const char representor[] = "representor";

	if (word_is(word, "device"))
		return copy_value(word, args->device, sizeof(args->device), reason, reason_len);
	if (word_is(word, representor))
		return copy_value(
			word, args->representor, sizeof(args->representor), reason, reason_len);
	if (word_is(word, "promiscuous"))
		return switch_value(word, &args->promiscuous, reason, reason_len);
	if (word_is(word, "isolated"))
		return switch_value(word, &args->isolated, reason, reason_len);
	if (word->key_len == 0) {
		snprintf(reason, reason_len, "args hold a word without a key");
		return -EINVAL;
	}
	if (!word_is(word, "representors"))
		return add_devarg(args, word->key, word->key_len, word, reason, reason_len);
	*lists = true;
	return add_devarg(
		args, representor, (int)sizeof(representor) - 1, word, reason, reason_len);
}

static void
complete_address(struct nic_args *args)
{
	struct rte_pci_addr address;

	args->is_pci = strchr(args->device, ':') != NULL
		       && rte_pci_addr_parse(args->device, &address) == 0;
	if (args->is_pci)
		rte_pci_device_name(&address, args->device, sizeof(args->device));
}

int
nic_args_parse(const char *text, struct nic_args *args, char *reason, size_t reason_len)
{
	struct word word;
	bool lists = false;
	int error = 0;

	*args = (struct nic_args){0};
	while (error == 0 && next_word(&text, &word))
		error = take_word(args, &word, &lists, reason, reason_len);
	if (error == 0 && args->device[0] == '\0') {
		snprintf(reason, reason_len, "args need device=PCI-ADDRESS or device=NAME");
		error = -EINVAL;
	}
	complete_address(args);
	if (error == 0 && args->representor[0] != '\0' && !lists && args->is_pci) {
		word = (struct word){"representor", args->representor, (int)strlen("representor"),
			(int)strlen(args->representor), true};
		error = add_devarg(args, word.key, word.key_len, &word, reason, reason_len);
	}
	return error;
}
