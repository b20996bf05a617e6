/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arguments.h"
#include "packet_text.h"

// Words end with NULL.
static int
read_words(struct arguments *arguments, const char *object, const char *verb, const char **words)
{
	int n = 0;

	while (words[n] != NULL)
		n++;
	return arguments_read(arguments, object_find(object), verb, (char *const *)words, n);
}

#define WORDS(...)                \
	(const char *[])          \
	{                         \
		__VA_ARGS__, NULL \
	}

static void
assert_read(const char *object, const char *verb, const char **words, const char *expected)
{
	struct arguments arguments;
	cJSON *wanted = cJSON_Parse(expected);
	char *text;

	assert_non_null(wanted);
	if (read_words(&arguments, object, verb, words) < 0)
		fail_msg("%s", arguments.problem);
	text = cJSON_PrintUnformatted(arguments.params);
	if (!cJSON_Compare(arguments.params, wanted, true))
		fail_msg("%s is not %s", text, expected);
	cJSON_free(text);
	cJSON_Delete(wanted);
	arguments_free(&arguments);
}

static void
assert_refused(const char *object, const char *verb, const char *word, const char *says)
{
	struct arguments arguments;

	assert_int_equal(read_words(&arguments, object, verb, WORDS(word)), -1);
	if (strstr(arguments.problem, says) == NULL)
		fail_msg("%s: %s", word, arguments.problem);
	arguments_free(&arguments);
}

static void
test_types(void **state)
{
	assert_read("network", "add",
		WORDS("name=5", "vni=5", "learning=yes", "subnets=10.0.0.1/8,fd00::1/64"),
		"{\"name\": \"5\", \"vni\": 5, \"learning\": true, \"subnets\": [\"10.0.0.1/8\", "
		"\"fd00::1/64\"]}");
	assert_read("network", "add", WORDS("subnets=", "host=off"),
		"{\"subnets\": [], \"host\": false}");
	assert_read("port", "add", WORDS("guard=mac,ip", "trunk=5:blue,6:red"),
		"{\"guard\": [\"mac\", \"ip\"], \"trunk\": [{\"vlan\": 5, \"network\": \"blue\"}, "
		"{\"vlan\": 6, \"network\": \"red\"}]}");
	assert_read("port", "set", WORDS("guard=false"), "{\"guard\": false}");
	assert_read("endpoint", "add",
		WORDS("ips=10.0.0.5/8@10.0.0.1,fd00::5/64", "routes=0.0.0.0/0@10.0.0.1,::/0"),
		"{\"ips\": [{\"address\": \"10.0.0.5/8\", \"gateway\": \"10.0.0.1\"}, "
		"{\"address\": "
		"\"fd00::5/64\"}], \"routes\": [{\"dst\": \"0.0.0.0/0\", \"gw\": \"10.0.0.1\"}, "
		"{\"dst\": \"::/0\"}]}");
	assert_read("nexthop", "add", WORDS("members=7,8@2,fd00::1@3"),
		"{\"members\": [{\"nexthop\": 7}, {\"nexthop\": 8, \"weight\": 2}, {\"via\": "
		"\"fd00::1\", "
		"\"weight\": 3}]}");
	assert_read("endpoint", "add",
		WORDS("vf=01:10.0,vlan=5,trust=on,spoofchk=no,vlan_proto=802.1ad,path=switch"),
		"{\"vf\": {\"pci\": \"01:10.0\", \"vlan\": 5, \"trust\": true, \"spoofchk\": "
		"false, "
		"\"vlan_proto\": \"802.1ad\", \"path\": \"switch\"}}");
	assert_read("port", "add", WORDS("args=size=64,x=y"), "{\"args\": \"size=64,x=y\"}");
}

static void
test_bare_words(void **state)
{
	assert_read("endpoint", "get", WORDS("c1", "eth0"),
		"{\"container\": \"c1\", \"ifname\": \"eth0\"}");
	assert_read("endpoint", "get", WORDS("ifname=eth0", "c1"),
		"{\"container\": \"c1\", \"ifname\": \"eth0\"}");
	assert_read("port", "add", WORDS("p", "hairpin"), "{\"name\": \"p\", \"hairpin\": true}");
	assert_read("nexthop", "get", WORDS("7"), "{\"id\": 7}");
}

static void
test_raw_and_unknown(void **state)
{
	assert_read(
		"network", "add", WORDS("anything:={\"a\": [1]}"), "{\"anything\": {\"a\": [1]}}");
	assert_read("later", "add",
		WORDS("a=5", "b=true", "c=[1]", "d=10.0.0.1", "e=null", "f=\"q\"", "g="),
		"{\"a\": 5, \"b\": true, \"c\": [1], \"d\": \"10.0.0.1\", \"e\": \"null\", \"f\": "
		"\"\\\"q\\\"\", \"g\": \"\"}");
}

static void
test_refusals(void **state)
{
	struct arguments arguments;

	assert_refused("network", "add", "vni=five", "number");
	assert_refused("network", "add", "vni=", "number");
	assert_refused("network", "add", "vni=nan", "number");
	assert_refused("network", "add", "learning=maybe", "true or false");
	assert_refused("network", "add", "subnets=a,,b", "list");
	assert_refused("network", "del", "vni=5", "it takes: name");
	assert_refused("network", "add", "colour=red", "it takes: name vni");
	assert_refused("node", "get", "x=1", "no parameter");
	assert_refused("port", "add", "trunk=5", "5:blue");
	assert_refused("port", "add", "trunk=x:blue", "5:blue");
	assert_refused("endpoint", "add", "vf=01:10.0,vlan", "0000:01:10.0,vlan=5");
	assert_refused("endpoint", "add", "vf=", "0000:01:10.0,vlan=5");
	assert_refused("nexthop", "add", "members=1@", "7,10.1.0.8@3");
	assert_refused("endpoint", "add", "ips=@10.0.0.1", "10.1.0.5/16");
	assert_refused("endpoint", "add", "netns=/absent", "/absent");
	assert_refused("health", "get", "fast", "key=value");
	assert_refused("network", "add", "=5", "key=value");
	assert_refused("network", "add", "x:={", "JSON");
	assert_int_equal(read_words(&arguments, "network", "add", WORDS("name=a", "name=b")), -1);
	assert_non_null(strstr(arguments.problem, "twice"));
	arguments_free(&arguments);
}

static void
test_netns(void **state)
{
	struct arguments arguments;

	assert_int_equal(
		read_words(&arguments, "endpoint", "add", WORDS("netns=/proc/self/ns/net")), 0);
	assert_int_equal(arguments.n_fds, 1);
	assert_int_equal(cJSON_GetObjectItem(arguments.params, "netns_fd")->valueint, 0);
	assert_string_equal(
		cJSON_GetObjectItem(arguments.params, "netns")->valuestring, "/proc/self/ns/net");
	arguments_free(&arguments);
}

// Every table is whole: verbs of parameters exist, keys are parameters, columns have paths.
static void
test_objects_are_consistent(void **state)
{
	char word[64];

	for (const struct object *const *o = objects; *o != NULL; o++) {
		assert_ptr_equal(object_find((*o)->name), *o);
		assert_true(has_word((*o)->verbs, object_default_verb(*o)));
		for (const struct param *param = (*o)->params; param->name != NULL; param++) {
			assert_non_null(param->help);
			for (const char *at = param->verbs; at != NULL && *at != '\0';
				at += strspn(at, " ")) {
				snprintf(word, sizeof(word), "%.*s", (int)strcspn(at, " "), at);
				at += strcspn(at, " ");
				if (!has_word((*o)->verbs, word))
					fail_msg(
						"%s %s: no verb %s", (*o)->name, param->name, word);
			}
			if (param->choices != NULL && param->choices[0] == '@')
				assert_non_null(object_find(param->choices + 1));
		}
		for (const struct column *c = (*o)->columns; c != NULL && c->header != NULL; c++)
			assert_non_null(c->path);
	}
	assert_false(has_word("add del", "ad"));
	assert_false(has_word("add del", "el"));
	assert_false(has_word(NULL, "x"));
}

static void
assert_packet(const char *bytes, size_t length, const char *expected)
{
	char text[256], cut[256];

	packet_text(text, sizeof(text), (const uint8_t *)bytes, length);
	assert_string_equal(text, expected);
	for (size_t n = 0; n < length; n++) // whatever is cut off
		packet_text(cut, sizeof(cut), (const uint8_t *)bytes, n);
	packet_text(cut, 1, (const uint8_t *)bytes, length);
	assert_string_equal(cut, "");
}

#define ETHERNET "\x02\0\0\0\0\2\x02\0\0\0\0\1"
#define BYTES(text) text, sizeof(text) - 1

static void
test_packets(void **state)
{
	assert_packet(
		BYTES(ETHERNET "\x08\0\x45\0\0\x1c\0\0\0\0\x40\x01\0\0\x0a\0\0\1\x0a\0\0\2\x08\0"),
		"IPv4 10.0.0.1 > 10.0.0.2 ttl 64 ICMP echo request");
	assert_packet(BYTES(ETHERNET
			      "\x81\0\0\5\x08\0\x46\0\0\x28\0\0\0\0\x3f\x06\0\0\x0a\0\0\1\x0a\0\0\2"
			      "\1\1\1\1\0\x50\x1f\x90\0\0\0\0\0\0\0\0\x50\x12"),
		"VLAN 5 IPv4 10.0.0.1 > 10.0.0.2 ttl 63 TCP 80 > 8080 SA");
	assert_packet(
		BYTES(ETHERNET "\x08\0\x45\0\0\x28\0\0\0\x10\x3f\x11\0\0\x0a\0\0\1\x0a\0\0\2"),
		"IPv4 10.0.0.1 > 10.0.0.2 ttl 63 fragment at 128");
	assert_packet(
		BYTES(ETHERNET "\x86\xdd\x60\0\0\0\0\x08\0\xff\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
			       "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\x3a\0\0\0\0\0\0\0\x87\0"),
		"IPv6 fd00::1 > fd00::2 hop limit 255 ICMPv6 neighbor solicitation");
	assert_packet(
		BYTES(ETHERNET
			"\x08\6\0\1\x08\0\6\4\0\1\x02\0\0\0\0\1\x0a\0\0\1\0\0\0\0\0\0\x0a\0\0\2"),
		"ARP who has 10.0.0.2, tell 10.0.0.1");
	assert_packet(
		BYTES(ETHERNET
			"\x08\6\0\1\x08\0\6\4\0\2\x02\0\0\0\0\1\x0a\0\0\1\0\0\0\0\0\0\x0a\0\0\2"),
		"ARP 10.0.0.1 is at 02:00:00:00:00:01");
	assert_packet(BYTES(ETHERNET "\x88\xcc"),
		"02:00:00:00:00:01 > 02:00:00:00:00:02 EtherType 0x88cc");
	assert_packet(BYTES("\1"), "runt");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_bare_words),
		cmocka_unit_test(test_raw_and_unknown),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_netns),
		cmocka_unit_test(test_objects_are_consistent),
		cmocka_unit_test(test_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
