#!/usr/bin/env python3
"""Makes schema.json.gz and descriptions.json.gz from the OpenAPI v3 documents that an API server serves.

Usage: generate.py [DIRECTORY]. Without a directory the documents are read from the cluster that kubectl talks to; with one
they are read from files such as apis__apps__v1.json. A server knows more than the documents that Kubernetes publishes with
its source: the values that its enumerations allow.
Only the kinds that people write, and those of the sandbox, with what they refer to, are kept.
"""

import gzip
import json
import subprocess
import sys
from pathlib import Path

GROUPS = {
    "api/v1": "ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume PersistentVolumeClaim Pod PodTemplate "
    "ReplicationController ResourceQuota Secret Service ServiceAccount",
    "apis/admissionregistration.k8s.io/v1": "MutatingWebhookConfiguration ValidatingAdmissionPolicy "
    "ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration",
    "apis/apiextensions.k8s.io/v1": "CustomResourceDefinition",
    "apis/apiregistration.k8s.io/v1": "APIService",
    "apis/apps/v1": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "apis/authorization.k8s.io/v1": "SelfSubjectAccessReview SelfSubjectRulesReview",
    "apis/autoscaling/v1": "HorizontalPodAutoscaler",
    "apis/autoscaling/v2": "HorizontalPodAutoscaler",
    "apis/batch/v1": "CronJob Job",
    "apis/coordination.k8s.io/v1": "Lease",
    "apis/discovery.k8s.io/v1": "EndpointSlice",
    "apis/networking.k8s.io/v1": "Ingress IngressClass NetworkPolicy",
    "apis/node.k8s.io/v1": "RuntimeClass",
    "apis/policy/v1": "PodDisruptionBudget",
    "apis/rbac.authorization.k8s.io/v1": "ClusterRole ClusterRoleBinding Role RoleBinding",
    "apis/resource.k8s.io/v1": "DeviceClass ResourceClaim ResourceClaimTemplate",
    "apis/scheduling.k8s.io/v1": "PriorityClass",
    "apis/storage.k8s.io/v1": "CSIDriver StorageClass VolumeAttributesClass",
}
PREFIX = "#/components/schemas/"


def references(schema):
    """Yields the names of the definitions that a schema refers to."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].removeprefix(PREFIX)
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def without_descriptions(schema):
    """Returns a schema without the texts, which are kept apart. A property may itself be called "description"."""
    out = {}
    for key, value in schema.items():
        if key == "properties":
            out[key] = {name: without_descriptions(field) for name, field in value.items()}
        elif key == "description" and isinstance(value, str):
            continue
        elif isinstance(value, dict) and key in ("items", "additionalProperties"):
            out[key] = without_descriptions(value)
        elif key == "x-kubernetes-group-version-kind":
            continue
        else:
            out[key] = value
    return out


def document(group):
    """Returns the document of a group and version."""
    if len(sys.argv) > 1:
        return (Path(sys.argv[1]) / f"{group.replace('/', '__')}.json").read_text()
    return subprocess.run(["kubectl", "get", "--raw", f"/openapi/v3/{group}"], check=True, stdout=subprocess.PIPE).stdout


def main():
    here = Path(__file__).parent
    kinds, definitions, descriptions = {}, {}, {}
    for group, names in GROUPS.items():
        schemas = json.loads(document(group))["components"]["schemas"]
        wanted = []
        for name, schema in schemas.items():
            for gvk in schema.get("x-kubernetes-group-version-kind", []):
                api_version = f"{gvk['group']}/{gvk['version']}".lstrip("/")
                if gvk["kind"] in names.split() and name.startswith("io.k8s."):
                    kinds[f"{api_version}/{gvk['kind']}"] = name
                    wanted.append(name)
        while wanted:
            name = wanted.pop()
            if name in definitions:
                continue
            schema = schemas[name]
            definitions[name] = without_descriptions(schema)
            texts = {key: field.get("description", "") for key, field in schema.get("properties", {}).items()}
            texts[""] = schema.get("description", "")
            descriptions[name] = texts
            wanted.extend(references(schema))
    write(here / "schema.json.gz", {"kinds": kinds, "definitions": definitions})
    write(here / "descriptions.json.gz", descriptions)


def write(path, value):
    """Writes compressed JSON, the same bytes for the same value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    path.write_bytes(gzip.compress(text, compresslevel=9, mtime=0))
    print(path.name, len(text), "->", path.stat().st_size)


main()
