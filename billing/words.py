"""What billing calls the clouds and kinds it groups costs by. They are opaque to it: a test compares with clouds'."""

PROVIDERS = {"aws": "AWS", "azure": "Azure", "gcp": "Google Cloud"}
KINDS = {"vm": "Virtual machine", "bucket": "Storage bucket", "kubernetes": "Kubernetes cluster"}
