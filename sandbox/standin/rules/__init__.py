"""What the schema does not say of each resource type: defaults, replacement, allowed values, ids."""
