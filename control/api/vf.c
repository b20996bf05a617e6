/* SPDX-License-Identifier: Apache-2.0 */
#include "api/common.h"
#include "api/connection.h"
#include "vf/vf_news.h"
#include "vf/vf_show.h"

static const struct field list_vf_params[] = {
	{"pf", FIELD_STRING, false, 1, 31},
	{0},
};
static const struct field get_params[] = {
	{"pci", FIELD_STRING, true, 1, 31},
	{0},
};

static void
list(struct request *request)
{
	request_reply(request, vf_show_list(request->d, schema_string(request->params, "pf")));
}

static void
get(struct request *request)
{
	const char *pci = schema_string(request->params, "pci");
	char address[PCI_ADDRESS_LEN];
	struct failure failure;
	cJSON *json;

	if (!pci_address_parse(pci, address)) {
		failure_set(&failure, CW_RPC_INVALID_PARAMS, "pci", pci,
			"give it like 0000:01:10.0", "it is no PCI address");
		request_fail(request, &failure);
		return;
	}
	json = vf_show(request->d, address);
	if (json != NULL)
		request_reply(request, json);
	else
		fail_not_found(request, "VF", "pci", address);
}

static void
watch(struct request *request)
{
	cJSON *list = vf_news_begin(request->d);

	if (request->connection != NULL)
		request->connection->watches |= WATCH_VF;
	request_reply(request, list);
}

const struct method vf_methods[] = {
	{"vf.list", list_vf_params, false, list},
	{"vf.get", get_params, false, get},
	{"vf.watch", no_params, false, watch},
	{0},
};
