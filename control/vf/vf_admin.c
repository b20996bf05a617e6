/* SPDX-License-Identifier: Apache-2.0 */
#include "vf_admin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "address_text.h"
#include "fail_point.h"
#include "vf_host.h"

#define PROTO_8021AD 0x88a8
#define VALUE_LEN 64
#define BUSY_TRIES 30
#define BUSY_PAUSE_MS 10

// As sriov-cni has it: a VLAN or a MAC may reset the VF, so that they come first.
static const enum vf_setting order[] = {
	VF_VLAN, VF_MAC, VF_RATE, VF_SPOOFCHK, VF_TRUST, VF_LINK_STATE};
#define SETTINGS (sizeof(order) / sizeof(order[0]))

// --- words

static void
value_text(enum vf_setting setting, const struct vf_settings *settings, char text[VALUE_LEN])
{
	static const char *const link_states[] = {"auto", "enable", "disable"};
	char mac[MAC_TEXT_LEN];

	switch (setting) {
	case VF_MAC:
		snprintf(text, VALUE_LEN, "%s", mac_format(settings->mac, mac));
		break;
	case VF_VLAN:
		snprintf(text, VALUE_LEN, "%u qos %u proto %s", settings->vlan, settings->qos,
			settings->vlan_proto == PROTO_8021AD ? "802.1ad" : "802.1q");
		break;
	case VF_SPOOFCHK:
		snprintf(text, VALUE_LEN, "%s", settings->spoofchk ? "on" : "off");
		break;
	case VF_TRUST:
		snprintf(text, VALUE_LEN, "%s", settings->trust ? "on" : "off");
		break;
	case VF_RATE:
		snprintf(text, VALUE_LEN, "min %u max %u Mbit/s", settings->min_tx_rate,
			settings->max_tx_rate);
		break;
	case VF_LINK_STATE:
		snprintf(text, VALUE_LEN, "%s",
			settings->link_state <= VF_LINK_DISABLE ? link_states[settings->link_state]
								: "?");
		break;
	}
}

// The key of endpoint.add that is at fault.
static const char *
key_of(enum vf_setting setting, const struct endpoint_vf *vf)
{
	if (setting == VF_MAC)
		return "mac";
	if (setting == VF_VLAN)
		return vf->wanted.vlan_proto == PROTO_8021AD ? "vf.vlan_proto" : "vf.vlan";
	if (setting == VF_SPOOFCHK)
		return "vf.spoofchk";
	if (setting == VF_TRUST)
		return "vf.trust";
	if (setting == VF_RATE)
		return vf->min_rate && vf->wanted.min_tx_rate > 0 ? "vf.min_tx_rate"
								  : "vf.max_tx_rate";
	return "vf.link_state";
}

// What the errors of the kernel's VF calls mean, setting by setting.
static const char *
limit(enum vf_setting setting, int error, const struct endpoint_vf *vf)
{
	if (error == -EOPNOTSUPP)
		return "the driver cannot set it at all: leave it out";
	if (error == -EPROTONOSUPPORT)
		return "the driver tags VFs by 802.1q only: leave vlan_proto out";
	if (error == -EPERM || error == -EACCES)
		return "the card or its firmware does not permit it";
	if (error == -EBUSY || error == -EAGAIN)
		return "the card or the VF is being reset: try again";
	if (error == -ERANGE)
		return "the value is out of the driver's range";
	if (setting == VF_RATE && vf->min_rate && vf->wanted.min_tx_rate > 0)
		return "the driver has no least rate, or not this one: leave min_tx_rate out";
	if (setting == VF_RATE)
		return "give at most the link's speed, and see that the PF has link";
	if (setting == VF_MAC)
		return "give a unicast address that no other VF of the card has";
	return "the driver does not take this value";
}

static int
refused(const struct vf_admin *admin, enum vf_setting setting, const struct endpoint_vf *vf,
	const struct vf_settings *value, int error, struct failure *failure)
{
	char text[VALUE_LEN];

	value_text(setting, value, text);
	return failure_set(failure, CW_RPC_REFUSED, key_of(setting, vf), text,
		limit(setting, error, vf), "driver %s of %s refuses %s %s for VF %u: %s",
		admin->driver, admin->pf_name, vf_setting_name(setting), text, admin->index,
		strerror(-error));
}

// --- setting

static struct vf_settings
target(const struct endpoint_vf *vf, const struct vf_settings *original)
{
	struct vf_settings wanted = vf->wanted;

	// The kernel takes both rates or none.
	if (!vf->min_rate)
		wanted.min_tx_rate = original->min_tx_rate;
	if (!vf->max_rate)
		wanted.max_tx_rate = original->max_tx_rate;
	return wanted;
}

static int
check(const struct vf_admin *admin, const struct endpoint_vf *vf, const struct vf_settings *wanted,
	struct failure *failure)
{
	struct vf_settings now;
	unsigned int differ;
	char text[VALUE_LEN], is[VALUE_LEN];
	const int ret = vf_host_get(admin->sock, admin->pf_ifindex, admin->index, &now);

	if (ret < 0)
		return failure_errno(failure, ret, "settings of VF %u of %s cannot be read back",
			admin->index, admin->pf_name);
	differ = vf_settings_differ(wanted, &now, wanted->known & now.known);
	for (unsigned int i = 0; i < SETTINGS; i++) {
		if ((differ & order[i]) == 0)
			continue;
		value_text(order[i], wanted, text);
		value_text(order[i], &now, is);
		return failure_set(failure, CW_RPC_REFUSED, key_of(order[i], vf), text,
			"the driver does not do it: leave it out",
			"driver %s of %s accepted %s %s for VF %u, but it is %s", admin->driver,
			admin->pf_name, vf_setting_name(order[i]), text, admin->index, is);
	}
	return 0;
}

// A card that has just changed a VLAN, a MAC or the trust of a VF resets the VF (i40e, ice), and
// takes nothing else for it meanwhile.
static int
set_patiently(const struct vf_admin *admin, const struct vf_settings *settings, unsigned int which)
{
	const struct timespec pause = {.tv_nsec = BUSY_PAUSE_MS * 1000000};
	int ret = -EBUSY;

	for (unsigned int i = 0; i < BUSY_TRIES && (ret == -EBUSY || ret == -EAGAIN); i++) {
		if (i > 0)
			vf_host_wait(&pause);
		ret = vf_host_set(
			admin->sock, admin->pf_ifindex, admin->index, settings, which, NULL);
	}
	return ret;
}

int
vf_admin_apply(const struct vf_admin *admin, const struct endpoint_vf *vf,
	const struct vf_settings *original, struct failure *failure)
{
	const struct vf_settings wanted = target(vf, original);
	int ret;

	for (unsigned int i = 0; i < SETTINGS; i++) {
		const unsigned int setting = order[i];

		if ((wanted.known & setting) == 0)
			continue;
		// A MAC that the VF chose becomes the administrator's by setting it. All else that
		// is so already is not asked of a driver that may not know it.
		if (setting != VF_MAC && (original->known & setting) != 0
			&& vf_settings_differ(&wanted, original, setting) == 0)
			continue;
		ret = fail_point("vf_setting");
		if (ret == 0)
			ret = set_patiently(admin, &wanted, setting);
		if (ret < 0)
			return refused(admin, order[i], vf, &wanted, ret, failure);
	}
	if (wanted.known == 0)
		return 0;
	ret = fail_point("vf_read_back");
	if (ret < 0)
		return failure_errno(failure, ret, "step vf_read_back failed");
	return check(admin, vf, &wanted, failure);
}

int
vf_admin_restore(const struct vf_admin *admin, const struct vf_settings *original,
	unsigned int which, char reason[VF_REASON_LEN])
{
	struct vf_settings now;
	unsigned int differ;
	int first = 0, ret = vf_host_get(admin->sock, admin->pf_ifindex, admin->index, &now);

	if (ret < 0) {
		snprintf(reason, VF_REASON_LEN, "settings of VF %u of %s cannot be read: %s",
			admin->index, admin->pf_name, strerror(-ret));
		return ret;
	}
	which &= original->known & now.known & ~(unsigned int)VF_MAC;
	differ = vf_settings_differ(&now, original, which);
	for (unsigned int i = SETTINGS; i-- > 0;) {
		if ((differ & order[i]) == 0)
			continue;
		ret = set_patiently(admin, original, order[i]);
		if (ret == 0 || first < 0)
			continue;
		first = ret;
		snprintf(reason, VF_REASON_LEN, "driver %s of %s does not put %s of VF %u back: %s",
			admin->driver, admin->pf_name, vf_setting_name(order[i]), admin->index,
			strerror(-ret));
	}
	return first;
}
