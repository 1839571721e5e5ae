"""Azure's resource types. Sources: the provider's documentation (forces replacement, defaults, possible values)."""

from typing import Any

from .base import Rule, one_of, paths

SUBSCRIPTION = r"/subscriptions/[0-9a-fA-F-]{36}"
GROUP = rf"{SUBSCRIPTION}/resourceGroups/[^/]+"
NETWORK = rf"{GROUP}/providers/Microsoft\.Network"
STORAGE = rf"{GROUP}/providers/Microsoft\.Storage/storageAccounts/[a-z0-9]{{3,24}}"
VM_SIZE_DISKS = one_of(
    "Standard_LRS", "StandardSSD_LRS", "Premium_LRS", "StandardSSD_ZRS", "Premium_ZRS"
)  # fmt: skip
PORTS = (r"\*|\d+(-\d+)?", "{name} {value!r} must be a port, a range of ports or *")


def location(value: Any) -> str:
    """Azure takes "West Europe" and "westeurope" for the same place; the state holds the second."""
    return str(value).replace(" ", "").lower()


PLACE = {"location": location}
NETWORKING = {
    "azurerm_resource_group": Rule(
        noun="Resource Group",
        ids=(GROUP,),
        force_new=paths("name location"),
        normalise=PLACE,
        patterns={"name": (r"[-\w._()]{0,89}[-\w_()]", "{name} may hold letters, digits, -, _, . and (), 90 at most")},
    ),
    "azurerm_virtual_network": Rule(
        noun="Virtual Network",
        ids=(rf"{NETWORK}/virtualNetworks/[^/]+",),
        force_new=paths("name location resource_group_name edge_zone"),
        normalise=PLACE,
        defaults={"private_endpoint_vnet_policies": "Disabled"},
        exactly_one=(("address_space", "ip_address_pool"),),
        allowed={"private_endpoint_vnet_policies": one_of("Disabled", "Basic")},
    ),
    "azurerm_subnet": Rule(
        noun="Subnet",
        ids=(rf"{NETWORK}/virtualNetworks/[^/]+/subnets/[^/]+",),
        force_new=paths("name resource_group_name virtual_network_name"),
        defaults={
            "default_outbound_access_enabled": True,
            "private_endpoint_network_policies": "Disabled",
            "private_link_service_network_policies_enabled": True,
        },
        exactly_one=(("address_prefixes", "ip_address_pool"),),
    ),
    "azurerm_network_security_group": Rule(
        noun="Network Security Group",
        ids=(rf"{NETWORK}/networkSecurityGroups/[^/]+",),
        force_new=paths("name location resource_group_name"),
        normalise=PLACE,
    ),
    "azurerm_network_interface": Rule(
        noun="Network Interface",
        ids=(rf"{NETWORK}/networkInterfaces/[^/]+",),
        force_new=paths("name location resource_group_name edge_zone"),
        normalise=PLACE,
        defaults={
            "accelerated_networking_enabled": False,
            "ip_forwarding_enabled": False,
            "ip_configuration.private_ip_address_version": "IPv4",
        },
        allowed={
            "ip_configuration.private_ip_address_allocation": one_of("Dynamic", "Static"),
            "ip_configuration.private_ip_address_version": one_of("IPv4", "IPv6"),
        },
    ),
    "azurerm_network_interface_security_group_association": Rule(
        noun="Network Interface Security Group Association",
        ids=(rf"{NETWORK}/networkInterfaces/[^/]+\|{NETWORK}/networkSecurityGroups/[^/]+",),
        force_new=paths("network_interface_id network_security_group_id"),
    ),
    "azurerm_public_ip": Rule(
        noun="Public IP",
        ids=(rf"{NETWORK}/publicIPAddresses/[^/]+",),
        force_new=paths(
            "name location resource_group_name edge_zone ip_tags ip_version public_ip_prefix_id sku sku_tier zones",
            "domain_name_label_scope",
        ),
        normalise=PLACE,
        defaults={
            "sku": "Standard",
            "sku_tier": "Regional",
            "ip_version": "IPv4",
            "idle_timeout_in_minutes": 4,
            "ddos_protection_mode": "VirtualNetworkInherited",
        },
        allowed={
            "allocation_method": one_of("Static", "Dynamic"),
            "sku": one_of("Basic", "Standard"),
            "sku_tier": one_of("Regional", "Global"),
            "ip_version": one_of("IPv4", "IPv6"),
        },
        ranges={"idle_timeout_in_minutes": (4, 30)},
    ),
}
COMPUTE = {
    "azurerm_linux_virtual_machine": Rule(
        noun="Linux Virtual Machine",
        ids=(rf"{GROUP}/providers/Microsoft\.Compute/virtualMachines/[^/]+",),
        force_new=paths(
            "name location resource_group_name admin_password admin_username admin_ssh_key computer_name custom_data",
            "admin_ssh_key.{public_key,username} disable_password_authentication edge_zone priority provision_vm_agent",
            "source_image_id source_image_reference.{publisher,offer,sku,version} zone secure_boot_enabled",
            "vtpm_enabled availability_set_id virtual_machine_scale_set_id platform_fault_domain eviction_policy",
            "os_disk.{name,storage_account_type,security_encryption_type,diff_disk_settings}",
            "plan.{name,product,publisher} additional_capabilities.ultra_ssd_enabled",
        ),
        normalise=PLACE,
        defaults={
            "allow_extension_operations": True,
            "disable_password_authentication": True,
            "extensions_time_budget": "PT1H30M",
            "max_bid_price": -1,
            "platform_fault_domain": -1,
            "priority": "Regular",
            "provision_vm_agent": True,
            "vm_agent_platform_updates_enabled": False,
            "patch_assessment_mode": "ImageDefault",
            "patch_mode": "ImageDefault",
            "bypass_platform_safety_checks_on_user_schedule_enabled": False,
            "os_disk.write_accelerator_enabled": False,
        },
        allowed={
            "os_disk.caching": one_of("None", "ReadOnly", "ReadWrite"),
            "os_disk.storage_account_type": VM_SIZE_DISKS,
            "priority": one_of("Regular", "Spot"),
        },
        patterns={
            "name": (r"[a-zA-Z0-9][-a-zA-Z0-9._]{0,62}[a-zA-Z0-9_]|[a-zA-Z0-9]", "{name} {value!r} is no VM name"),
            "admin_ssh_key.public_key": (
                r"ssh-(rsa|ed25519) \S+.*\s*",
                "{name} must be a whole public key of type ssh-rsa or ssh-ed25519, as ssh-keygen writes it",
            ),
        },
        ranges={"os_disk.disk_size_gb": (0, 4095)},
        exactly_one=(("source_image_id", "source_image_reference"),),
        computed_blocks=paths("termination_notification"),
    ),
    "azurerm_user_assigned_identity": Rule(
        noun="User Assigned Identity",
        ids=(rf"{GROUP}/providers/Microsoft\.ManagedIdentity/userAssignedIdentities/[^/]+",),
        force_new=paths("name location resource_group_name"),
        normalise=PLACE,
    ),
    "azurerm_role_assignment": Rule(
        noun="Role Assignment",
        ids=(r"/.+/providers/Microsoft\.Authorization/roleAssignments/[0-9a-fA-F-]{36}(\|.+)?",),
        force_new=paths(
            "name scope principal_id principal_type role_definition_id role_definition_name condition",
            "condition_version delegated_managed_identity_resource_id description skip_service_principal_aad_check",
        ),
        allowed={"principal_type": one_of("User", "Group", "ServicePrincipal")},
        exactly_one=(("role_definition_id", "role_definition_name"),),
    ),
    "azurerm_log_analytics_workspace": Rule(
        noun="Log Analytics Workspace",
        ids=(rf"{GROUP}/providers/Microsoft\.OperationalInsights/workspaces/[^/]+",),
        force_new=paths("name location resource_group_name"),
        normalise=PLACE,
        defaults={
            "allow_resource_only_permissions": True,
            "daily_quota_gb": -1,
            "internet_ingestion_enabled": True,
            "internet_query_enabled": True,
        },
        allowed={
            "sku": one_of(
                "Free", "PerGB2018", "PerNode", "Premium", "Standalone", "Standard", "CapacityReservation", "LACluster"
            )
        },
        ranges={"retention_in_days": (7, 730)},
        patterns={"name": (r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]", "{name} needs 4 to 63 letters, digits, -")},
    ),
    "azurerm_monitor_diagnostic_setting": Rule(
        noun="Monitor Diagnostic Setting",
        ids=(r"/.+\|[^/|]+",),
        force_new=paths("name target_resource_id"),
    ),
}
STORES = {
    "azurerm_storage_account": Rule(
        noun="Storage Account",
        ids=(STORAGE,),
        force_new=paths(
            "name location resource_group_name account_kind is_hns_enabled nfsv3_enabled edge_zone",
            "infrastructure_encryption_enabled queue_encryption_key_type table_encryption_key_type account_tier",
        ),
        normalise=PLACE,
        defaults={
            "account_kind": "StorageV2",
            "allow_nested_items_to_be_public": True,
            "cross_tenant_replication_enabled": False,
            "default_to_oauth_authentication": False,
            "dns_endpoint_type": "Standard",
            "https_traffic_only_enabled": True,
            "infrastructure_encryption_enabled": False,
            "is_hns_enabled": False,
            "local_user_enabled": True,
            "min_tls_version": "TLS1_2",
            "nfsv3_enabled": False,
            "public_network_access_enabled": True,
            "queue_encryption_key_type": "Service",
            "sftp_enabled": False,
            "shared_access_key_enabled": True,
            "table_encryption_key_type": "Service",
            "blob_properties.change_feed_enabled": False,
            "blob_properties.last_access_time_enabled": False,
            "blob_properties.versioning_enabled": False,
            "blob_properties.delete_retention_policy.days": 7,
            "blob_properties.delete_retention_policy.permanent_delete_enabled": False,
            "blob_properties.container_delete_retention_policy.days": 7,
        },
        allowed={
            "account_tier": one_of("Standard", "Premium"),
            "account_replication_type": one_of("LRS", "GRS", "RAGRS", "ZRS", "GZRS", "RAGZRS"),
            "account_kind": one_of("Storage", "BlobStorage", "BlockBlobStorage", "FileStorage", "StorageV2"),
            "min_tls_version": one_of("TLS1_0", "TLS1_1", "TLS1_2", "TLS1_3"),
            "access_tier": one_of("Hot", "Cool", "Cold", "Premium"),
        },
        patterns={
            "name": (
                r"[a-z0-9]{3,24}",
                (
                    '{name} ("{value}") can only consist of lowercase letters and numbers, '
                    "and must be between 3 and 24 characters long"
                ),
            )
        },
        computed_blocks=paths("blob_properties network_rules queue_properties routing share_properties"),
    ),
    "azurerm_storage_container": Rule(
        noun="Storage Container",
        ids=(rf"{STORAGE}/blobServices/default/containers/[^/]+", r"https://[a-z0-9]+\.blob\.core\.windows\.net/[^/]+"),
        force_new=paths("name storage_account_name storage_account_id default_encryption_scope"),
        defaults={"container_access_type": "private", "encryption_scope_override_enabled": True},
        allowed={"container_access_type": one_of("private", "blob", "container")},
        patterns={
            "name": (
                r"\$root|\$web|[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]",
                "only lowercase alphanumeric characters and hyphens allowed in {name!r}: {value!r}",
            )
        },
        exactly_one=(("storage_account_id", "storage_account_name"),),
    ),
    "azurerm_storage_management_policy": Rule(
        noun="Storage Management Policy",
        ids=(rf"{STORAGE}/managementPolicies/default",),
        force_new=paths("storage_account_id"),
        defaults={
            f"rule.actions.{part}.{what}": -1
            for part, names in {
                "base_blob": (
                    "tier_to_cool_after_days_since_modification_greater_than",
                    "tier_to_cool_after_days_since_last_access_time_greater_than",
                    "tier_to_cool_after_days_since_creation_greater_than",
                    "tier_to_archive_after_days_since_modification_greater_than",
                    "tier_to_archive_after_days_since_last_access_time_greater_than",
                    "tier_to_archive_after_days_since_last_tier_change_greater_than",
                    "tier_to_archive_after_days_since_creation_greater_than",
                    "tier_to_cold_after_days_since_modification_greater_than",
                    "tier_to_cold_after_days_since_last_access_time_greater_than",
                    "tier_to_cold_after_days_since_creation_greater_than",
                    "delete_after_days_since_modification_greater_than",
                    "delete_after_days_since_last_access_time_greater_than",
                    "delete_after_days_since_creation_greater_than",
                ),
                "snapshot": (
                    "change_tier_to_archive_after_days_since_creation",
                    "tier_to_archive_after_days_since_last_tier_change_greater_than",
                    "change_tier_to_cool_after_days_since_creation",
                    "tier_to_cold_after_days_since_creation_greater_than",
                    "delete_after_days_since_creation_greater_than",
                ),
                "version": (
                    "change_tier_to_archive_after_days_since_creation",
                    "tier_to_archive_after_days_since_last_tier_change_greater_than",
                    "change_tier_to_cool_after_days_since_creation",
                    "tier_to_cold_after_days_since_creation_greater_than",
                    "delete_after_days_since_creation",
                ),
            }.items()
            for what in names
        },
    ),
}
CLUSTERS = {
    "azurerm_kubernetes_cluster": Rule(
        noun="Kubernetes Cluster",
        ids=(rf"{GROUP}/providers/Microsoft\.ContainerService/managedClusters/[^/]+",),
        force_new=paths(
            "name location resource_group_name dns_prefix dns_prefix_private_cluster edge_zone node_resource_group",
            "private_cluster_enabled private_dns_zone_id disk_encryption_set_id linux_profile.admin_username",
            "network_profile.{network_plugin,network_mode,dns_service_ip,service_cidr,service_cidrs,pod_cidr,pod_cidrs}",
            "network_profile.{load_balancer_sku,ip_versions}",
            "default_node_pool.name",
        ),
        normalise=PLACE,
        defaults={
            "ai_toolchain_operator_enabled": False,
            "azure_policy_enabled": False,
            "cost_analysis_enabled": False,
            "custom_ca_trust_certificates_base64": None,
            "http_application_routing_enabled": False,
            "image_cleaner_enabled": False,
            "image_cleaner_interval_hours": 0,
            "local_account_disabled": False,
            "node_os_upgrade_channel": "NodeImage",
            "oidc_issuer_enabled": False,
            "open_service_mesh_enabled": False,
            "private_cluster_enabled": False,
            "private_cluster_public_fqdn_enabled": False,
            "role_based_access_control_enabled": True,
            "run_command_enabled": True,
            "sku_tier": "Free",
            "support_plan": "KubernetesOfficial",
            "workload_identity_enabled": False,
            "default_node_pool.auto_scaling_enabled": False,
            "default_node_pool.fips_enabled": False,
            "default_node_pool.host_encryption_enabled": False,
            "default_node_pool.kubelet_disk_type": None,
            "default_node_pool.node_public_ip_enabled": False,
            "default_node_pool.only_critical_addons_enabled": False,
            "default_node_pool.os_disk_type": "Managed",
            "default_node_pool.scale_down_mode": "Delete",
            "default_node_pool.type": "VirtualMachineScaleSets",
            "default_node_pool.ultra_ssd_enabled": False,
            "network_profile.load_balancer_sku": "standard",
            "network_profile.network_data_plane": "azure",
            "network_profile.outbound_type": "loadBalancer",
        },
        allowed={
            "sku_tier": one_of("Free", "Standard", "Premium"),
            "identity.type": one_of("SystemAssigned", "UserAssigned"),
            "network_profile.network_plugin": one_of("azure", "kubenet", "none"),
            "network_profile.network_plugin_mode": one_of("overlay"),
            "network_profile.network_policy": one_of("calico", "azure", "cilium"),
            "network_profile.outbound_type": one_of(
                "loadBalancer", "userDefinedRouting", "managedNATGateway", "userAssignedNATGateway", "none"
            ),
            "automatic_upgrade_channel": one_of("rapid", "stable", "patch", "node-image"),
        },
        patterns={
            "name": (r"[a-zA-Z0-9]|[a-zA-Z0-9][-_a-zA-Z0-9]{0,61}[a-zA-Z0-9]", "{name} {value!r} is no cluster name"),
            "dns_prefix": (r"[a-zA-Z0-9][-a-zA-Z0-9]{0,52}[a-zA-Z0-9]|[a-zA-Z0-9]", "{name} {value!r} is no DNS label"),
            "default_node_pool.name": (
                r"[a-z][a-z0-9]{0,11}",
                "{name} {value!r} must start with a lowercase letter and have at most 12 lowercase letters and digits",
            ),
        },
        ranges={f"default_node_pool.{name}": (0, 1000) for name in ("max_count", "min_count", "node_count")},
        exactly_one=(("dns_prefix", "dns_prefix_private_cluster"), ("identity", "service_principal")),
        computed_blocks=paths(
            "auto_scaler_profile kubelet_identity network_profile windows_profile",
            "network_profile.{load_balancer_profile,nat_gateway_profile}",
        ),
        refreshed={"kubernetes_version": ("current_kubernetes_version",)},
    ),
}
RULES: dict[str, Rule] = {**NETWORKING, **COMPUTE, **STORES, **CLUSTERS}
