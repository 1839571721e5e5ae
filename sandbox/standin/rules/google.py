"""Google's resource types. Sources: the provider's documentation and the descriptions in its schema."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from .base import Rule, one_of, paths

NAME = (
    r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?",
    '"{name}" ("{value}") doesn\'t match regexp "^(?:[a-z](?:[-a-z0-9]{{0,61}}[a-z0-9])?)$"',
)
NAMED = {"name": NAME}


def identifier(template: str) -> tuple[tuple[str, ...], Callable[[str, Mapping[str, str]], str]]:
    """What can be imported as an object of `projects/{project}/…/{name}`: the whole id, or only its values.

    "a/b/c" gives the last values, the provider's project, region and zone the others, as the real provider does it.
    """
    names = re.findall(r"\{(\w+)\}", template)
    whole = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)
    counts = range(1, len(names) + 1)
    patterns = (whole, *("/".join(["[^/]+"] * count) for count in counts))

    def canonical(id_: str, scope: Mapping[str, str]) -> str:
        matched = re.fullmatch(whole, id_)
        if matched:
            return template.format(**matched.groupdict())
        parts = id_.split("/")
        given = dict(zip(names[-len(parts) :], parts, strict=True))
        return template.format(**{name: given.get(name) or scope.get(name, "") for name in names})

    return patterns, canonical


def of(template: str, **facts: Any) -> Rule:
    patterns, canonical = identifier(template)
    return Rule(ids=patterns, canonical_id=canonical, **facts)


def member_id(id_: str, _scope: Mapping[str, str]) -> str:
    """Import as `project role member`, divided by spaces, as the real provider imports it."""
    return "/".join(id_.split(" "))


GLOBAL, REGIONAL, ZONAL = (
    "projects/{project}/global",
    "projects/{project}/regions/{region}",
    "projects/{project}/zones/{zone}",
)
PLACE = "projects/{project}/locations/{location}"
NETWORKING = {
    "google_compute_network": of(
        f"{GLOBAL}/networks/{{name}}",
        noun="Network",
        force_new=paths(
            "name project auto_create_subnetworks mtu description enable_ula_internal_ipv6 internal_ipv6_range",
            " network_profile",
        ),
        defaults={
            "auto_create_subnetworks": True,
            "delete_default_routes_on_create": False,
            "network_firewall_policy_enforcement_order": "AFTER_CLASSIC_FIREWALL",
        },
        allowed={"routing_mode": one_of("REGIONAL", "GLOBAL")},
        patterns=NAMED,
    ),
    "google_compute_subnetwork": of(
        f"{REGIONAL}/subnetworks/{{name}}",
        noun="Subnetwork",
        force_new=paths("name project region network description purpose reserved_internal_range external_ipv6_prefix"),
        patterns=NAMED,
        defaults={},
        computed_blocks=paths("secondary_ip_range"),
    ),
    "google_compute_firewall": of(
        f"{GLOBAL}/firewalls/{{name}}",
        noun="Firewall",
        force_new=paths("name project network direction"),
        defaults={"priority": 1000},
        allowed={"direction": one_of("INGRESS", "EGRESS")},
        exactly_one=(("allow", "deny"),),
        ranges={"priority": (0, 65535)},
        patterns=NAMED,
    ),
    "google_compute_address": of(
        f"{REGIONAL}/addresses/{{name}}",
        noun="Address",
        force_new=paths(
            "name project region address address_type description ip_version ipv6_endpoint_type network network_tier",
            "prefix_length purpose subnetwork",
        ),
        defaults={"address_type": "EXTERNAL"},
        allowed={
            "address_type": one_of("EXTERNAL", "INTERNAL"),
            "network_tier": one_of("PREMIUM", "STANDARD", "FIXED_STANDARD"),
        },
        labels="labels",
        refreshed={"effective_labels": ("label_fingerprint",)},
        patterns=NAMED,
    ),
    "google_compute_router": of(
        f"{REGIONAL}/routers/{{name}}",
        noun="Router",
        force_new=paths("name project region network encrypted_interconnect_router"),
        patterns=NAMED,
    ),
    "google_compute_router_nat": of(
        "{project}/{region}/{router}/{name}",
        noun="RouterNat",
        force_new=paths("name project region router endpoint_types type initial_nat_ips"),
        defaults={
            "icmp_idle_timeout_sec": 30,
            "tcp_established_idle_timeout_sec": 1200,
            "tcp_time_wait_timeout_sec": 120,
            "tcp_transitory_idle_timeout_sec": 30,
            "udp_idle_timeout_sec": 30,
            "type": "PUBLIC",
        },
        allowed={
            "nat_ip_allocate_option": one_of("AUTO_ONLY", "MANUAL_ONLY"),
            "source_subnetwork_ip_ranges_to_nat": one_of(
                "ALL_SUBNETWORKS_ALL_IP_RANGES", "ALL_SUBNETWORKS_ALL_PRIMARY_IP_RANGES", "LIST_OF_SUBNETWORKS"
            ),
        },
        patterns=NAMED,
    ),
}
COMPUTE = {
    "google_compute_disk": of(
        f"{ZONAL}/disks/{{name}}",
        noun="Disk",
        force_new=paths(
            "name project zone description image type snapshot source_disk source_storage_object architecture licenses",
            "source_instant_snapshot physical_block_size_bytes enable_confidential_compute storage_pool",
            "disk_encryption_key.{raw_key,rsa_encrypted_key,kms_key_self_link} async_primary_disk guest_os_features",
        ),
        defaults={"type": "pd-standard", "create_snapshot_before_destroy": False},
        computed_blocks=paths("guest_os_features"),
        labels="labels",
        refreshed={"effective_labels": ("label_fingerprint",)},
        patterns=NAMED,
    ),
    "google_compute_instance": of(
        f"{ZONAL}/instances/{{name}}",
        noun="instance",
        force_new=paths(
            "name project zone description hostname  metadata_startup_script guest_accelerator",
            "boot_disk.{auto_delete,device_name,disk_encryption_key_raw,kms_key_self_link,mode,source,interface}",
            "boot_disk.initialize_params.{size,type,image,snapshot,labels,architecture,storage_pool}",
            "boot_disk.initialize_params.{resource_manager_tags,provisioned_iops,provisioned_throughput}",
            "boot_disk.initialize_params.enable_confidential_compute scratch_disk.{interface,size,device_name}",
            "network_interface.{nic_type,ipv6_address} confidential_instance_config network_performance_config",
            "scheduling.{preemptible,provisioning_model}",
        ),
        defaults={
            "can_ip_forward": False,
            "deletion_protection": False,
            "boot_disk.auto_delete": True,
            "boot_disk.mode": "READ_WRITE",
            "scheduling.automatic_restart": True,
            "scheduling.preemptible": False,
            "shielded_instance_config.enable_integrity_monitoring": True,
            "shielded_instance_config.enable_secure_boot": False,
            "shielded_instance_config.enable_vtpm": True,
        },
        allowed={
            "desired_status": one_of("RUNNING", "TERMINATED", "SUSPENDED"),
            "network_interface.access_config.network_tier": one_of("PREMIUM", "STANDARD", "FIXED_STANDARD"),
        },
        patterns=NAMED,
        computed_blocks=paths(
            "scheduling shielded_instance_config reservation_affinity guest_accelerator boot_disk.initialize_params"
        ),
        labels="labels",
        refreshed={
            "effective_labels": ("label_fingerprint",),
            "metadata": ("metadata_fingerprint",),
            "tags": ("tags_fingerprint",),
            "machine_type": ("cpu_platform",),
        },
    ),
}
STORES = {
    "google_storage_bucket": Rule(
        noun="storage bucket",
        ids=(r"[^/]+", r"[^/]+/[^/]+"),
        canonical_id=lambda id_, _scope: id_.rpartition("/")[2],
        force_new=paths(
            "name project location custom_placement_config enable_object_retention hierarchical_namespace",
            "custom_placement_config.data_locations",
        ),
        defaults={
            "default_event_based_hold": False,
            "enable_object_retention": False,
            "force_destroy": False,
            "requester_pays": False,
            "storage_class": "STANDARD",
            "lifecycle_rule.condition.with_state": None,
        },
        allowed={
            "public_access_prevention": one_of("inherited", "enforced"),
            "storage_class": one_of("STANDARD", "MULTI_REGIONAL", "REGIONAL", "NEARLINE", "COLDLINE", "ARCHIVE"),
            "lifecycle_rule.action.type": one_of("Delete", "SetStorageClass", "AbortIncompleteMultipartUpload"),
        },
        patterns={
            "name": (
                r"(?!goog)[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]",
                '"{name}" ("{value}") must have 3 to 63 lowercase letters, digits, -, _ or . and not start with goog',
            )
        },
        normalise={"location": lambda value: str(value).upper()},
        computed_blocks=paths("soft_delete_policy versioning website"),
        labels="labels",
        refreshed={"effective_labels": ("updated",)},
    ),
}
POOL = "node_config"
NODES = paths(
    f"{POOL}.{{machine_type,disk_size_gb,disk_type,image_type,service_account,oauth_scopes,preemptible,spot,metadata}}",
    f"{POOL}.{{local_ssd_count,min_cpu_platform,boot_disk_kms_key,node_group,confidential_nodes}}",
)
# Since 5.10.0 of the provider a pool's nodes are changed one after the other (magic-modules #9575).
IN_PLACE = paths(f"{POOL}.{{machine_type,disk_size_gb,disk_type,image_type}}")
CLUSTERS = {
    "google_container_cluster": of(
        f"{PLACE}/clusters/{{name}}",
        noun="google_container_cluster",
        force_new=paths(
            "name project location network subnetwork networking_mode cluster_ipv4_cidr description enable_autopilot",
            "enable_kubernetes_alpha enable_tpu initial_node_count default_max_pods_per_node ",
            "ip_allocation_policy.{cluster_ipv4_cidr_block,services_ipv4_cidr_block,cluster_secondary_range_name}",
            "ip_allocation_policy.{services_secondary_range_name,stack_type}",
            "private_cluster_config.master_ipv4_cidr_block",
            "master_auth.client_certificate_config.issue_client_certificate",
        )
        | frozenset(f"node_config.{name.partition('.')[2]}" for name in NODES),
        defaults={
            "allow_net_admin": None,
            "deletion_protection": True,
            "enable_autopilot": None,
            "enable_cilium_clusterwide_network_policy": False,
            "enable_kubernetes_alpha": False,
            "enable_l4_ilb_subsetting": False,
            "enable_legacy_abac": False,
            "enable_multi_networking": False,
            "enable_shielded_nodes": True,
            "enable_fqdn_network_policy": False,
            "ip_allocation_policy.stack_type": "IPV4",
            "network": "default",
        },
        allowed={
            "networking_mode": one_of("VPC_NATIVE", "ROUTES"),
            "release_channel.channel": one_of("UNSPECIFIED", "RAPID", "REGULAR", "STABLE", "EXTENDED"),
            "datapath_provider": one_of("DATAPATH_PROVIDER_UNSPECIFIED", "LEGACY_DATAPATH", "ADVANCED_DATAPATH"),
        },
        patterns={"name": (r"[a-z]([-a-z0-9]{0,38}[a-z0-9])?", '"{name}" ("{value}") needs 1 to 40 a-z, 0-9 or -')},
        computed_blocks=paths(
            "addons_config anonymous_authentication_config cluster_autoscaling control_plane_endpoints_config",
            "cost_management_config database_encryption default_snat_status enterprise_config gateway_api_config",
            "identity_service_config ip_allocation_policy logging_config master_auth mesh_certificates",
            "master_authorized_networks_config monitoring_config network_policy node_config node_pool",
            "node_pool_auto_config node_pool_defaults notification_config pod_autoscaling private_cluster_config",
            "release_channel secret_manager_config security_posture_config service_external_ips_config",
            "user_managed_keys_config vertical_pod_autoscaling workload_identity_config",
            "ip_allocation_policy.{additional_pod_ranges_config,pod_cidr_overprovision_config}",
            "private_cluster_config.master_global_access_config control_plane_endpoints_config.dns_endpoint_config",
            "control_plane_endpoints_config.ip_endpoints_config",
            "monitoring_config.advanced_datapath_observability_config",
            "monitoring_config.managed_prometheus",
            "addons_config.{dns_cache_config,gce_persistent_disk_csi_driver_config,horizontal_pod_autoscaling}",
            "addons_config.{http_load_balancing,network_policy_config,gcp_filestore_csi_driver_config}",
            "addons_config.{gcs_fuse_csi_driver_config,config_connector_config,gke_backup_agent_config}",
            "addons_config.{stateful_ha_config,cloudrun_config,parallelstore_csi_driver_config,ray_operator_config}",
        ),
        labels="resource_labels",
        refreshed={"effective_labels": ("label_fingerprint",), "min_master_version": ("master_version",)},
    ),
    "google_container_node_pool": of(
        f"{PLACE}/clusters/{{cluster}}/nodePools/{{name}}",
        noun="google_container_node_pool",
        force_new=paths(
            "name name_prefix project location cluster initial_node_count max_pods_per_node placement_policy"
        )
        | (NODES - IN_PLACE),
        defaults={f"{POOL}.logging_variant": None},
        computed_blocks=paths(
            "management network_config node_config upgrade_settings",
            f"{POOL}.{{shielded_instance_config,kubelet_config,workload_metadata_config,guest_accelerator}}",
            f"{POOL}.{{gcfs_config,effective_taints,linux_node_config,containerd_config,windows_node_config}}",
            "network_config.{pod_cidr_overprovision_config}",
            "upgrade_settings.blue_green_settings",
        ),
        conflicts=(("name", "name_prefix"),),
        refreshed={"version": ("operation",)},
    ),
}
PROJECT = {
    "google_service_account": of(
        "projects/{project}/serviceAccounts/{name}",
        noun="Service Account",
        force_new=paths("account_id project"),
        defaults={"disabled": False},
        patterns={
            "account_id": (
                r"[a-z]([-a-z0-9]{4,28}[a-z0-9])",
                '"{name}" ("{value}") doesn\'t match regexp "^[a-z](?:[-a-z0-9]{{4,28}}[a-z0-9])$"',
            )
        },
    ),
    "google_project_iam_member": Rule(
        noun="IAM Member",
        ids=(r"\S+ \S+ \S+",),
        canonical_id=member_id,
        force_new=paths("project role member condition condition.{title,description,expression}"),
    ),
    "google_project_service": of(
        "{project}/{service}",
        noun="Project Service",
        force_new=paths("project service"),
        defaults={"disable_on_destroy": True, "disable_dependent_services": None},
    ),
}
RULES: dict[str, Rule] = {**NETWORKING, **COMPUTE, **STORES, **CLUSTERS, **PROJECT}
